"""What those who write a tape and those who roll it agree upon, as neither imports the other."""

# Notes: before a request to IB's history, with its request_id and what is wanted of the answer (from, to: whole
# seconds since 1970, both included; gap_id or null); and once a gap needs no more requests (gap_id, state, reason).
BACKFILL, BACKFILLED = "backfill", "backfilled"

# File beside the tape that says how far it is rolled, and which gaps wait for history.
ROLLED = "rolled.json"
