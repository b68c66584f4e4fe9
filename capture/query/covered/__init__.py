"""How much of the trading time is in a lake, by what is kept of days and what rows tell of the others."""
