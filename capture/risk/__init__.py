"""What a portfolio is worth, and what it would be worth: pure, from holdings and prices to tables."""
