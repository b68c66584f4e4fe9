"""Row groups of files: what each holds by what footers say, and the few that hold an instrument's rows."""
