"""Words of the notes that a recorder writes on its tape and that decoding reads, as neither imports the other (D47)."""

# Notes: before a request to IB's history, with its request_id and what is wanted of the answer (from, to: whole
# seconds since 1970, both included; gap_id or null); and once a gap needs no more requests (gap_id, state, reason).
BACKFILL, BACKFILLED = "backfill", "backfilled"
# Note: after an answer (request_id) that gave as many rows of one second (second, rows) as IB gives at most, so that
# nobody knows whether there were more. gap_id is that of the gap it was asked for, or null.
CUT = "history cut"

# Note: once a recorder that was started knows its contracts, and when it leaves, what it wants from then on; streams:
# instrument_id (null where IB did not say it; `symbol` is then what it begins with), symbol, stream, bar_size, what.
WANTED = "wanted"

# In a note: the request that the recorder takes as refused, as its rows did not come after a code that may mean so.
REFUSED = "refused_request_id"
# In a note: the request of which no row came for longer than its stream is expected to be silent.
SILENT = "silent_request_id"
