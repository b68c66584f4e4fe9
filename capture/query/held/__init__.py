"""What accounts hold, with all that risk has to know of it: prices, definitions, volatilities, rates."""
