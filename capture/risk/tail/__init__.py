"""Value at risk and expected shortfall over one day, from the returns of past days."""
