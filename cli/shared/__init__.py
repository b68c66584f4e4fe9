"""What several verbs share: options, output, progress, exit codes."""
