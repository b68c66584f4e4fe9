"""IB's types of market data: how each is numbered on the wire, and called in rows and settings."""

DATA_TYPES = {1: "live", 2: "frozen", 3: "delayed", 4: "delayed_frozen"}
DATA_TYPE_NUMBERS = {word: number for number, word in DATA_TYPES.items()}
