"""Messages of the TWS protocol as data: every request and answer, what comes in masses, tick types, codes (D3)."""
