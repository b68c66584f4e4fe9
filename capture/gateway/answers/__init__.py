"""What a gateway answers to requests: the account, contracts, history, calculations, and IB's reasons to refuse."""
