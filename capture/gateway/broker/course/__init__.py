"""What becomes of an order between its client and the market: what holds it, joins it, changes it and ends it."""
