"""How is it: a verdict and a list of troubles, from what recorders and their processes say and from the lake's files.

Nothing here speaks to a recorder: status files and the lake are read, by any process that likes to, and judged in one
place. `condition.look` gives all of it; `ticktape status`, metrics, alerts and the page show what it gives.
"""
