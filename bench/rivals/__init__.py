"""Programs that run in the rivals' own Python environments; they import nothing of ours."""
