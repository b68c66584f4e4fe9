"""Notebooks to begin research with, which `ticktape notebook` fills in for a lake; docs/notebooks.md shows them."""
