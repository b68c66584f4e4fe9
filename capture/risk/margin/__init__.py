"""Margin, estimated: of portfolios by TIMS and the broker's additions, of futures by SPAN; figures are data."""
