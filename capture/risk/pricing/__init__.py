"""What options are worth at any moment, price, volatility and rate; which volatility a price implies; greeks."""
