"""Names of files that both a recorder and a lake know of."""

# File beside the tape that says how far it is rolled, and which gaps wait for history.
ROLLED = "rolled.json"

# File of a data folder that lists damaged files of the archive: path (below it), why, repair, found (ISO 8601).
DAMAGED = "sealed/damaged.json"
