"""A paper broker: an account, its orders, and the market that fills them. Pure: no sockets, no clock, no files.

What happens goes in, by time: orders of clients, quotes, trades and operations of books. What comes out is what clients
are told, and entries of the ledger. `paper` joins the files of this room, each of which is about what it is named for.
"""
