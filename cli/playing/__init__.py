"""Verbs that play what was recorded: as rows, as files, as a gateway."""
