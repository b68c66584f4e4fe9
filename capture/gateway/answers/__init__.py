"""What a gateway answers: the account, contracts, history, calculations, and IB's reasons to refuse (D103).

A handler is a function of who asks (`shared_state.Peer`) and of the request's values: it yields what is sent, in order,
or raises a `Refusal`. It asks the shared state and the feed, and knows no client, server, socket or clock of its own.
"""
