"""Measurements: each module prints its figures and, where there is a rival, the ratio."""
