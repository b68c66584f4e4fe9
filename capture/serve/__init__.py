"""The page in the browser: `ticktape serve`. It reads status files and the lake, and changes nothing.

A request goes through `gate.py`, which lets in whom `doorkeeper.py` knows, to `site.py`. What recorders say comes from
`live_feed.py`, rows of the lake from a process of its own (`asker.py`, `lake_child.py`), and answers to SQL that
somebody typed from one that may do nothing else (`sql_desk.py`, `sql_child.py`, `sandbox.py`). What browsers run is in
`static/`.
"""
