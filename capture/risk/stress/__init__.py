"""What a portfolio gains and loses where prices, volatilities, rates and currencies move: on a grid, or by name."""
