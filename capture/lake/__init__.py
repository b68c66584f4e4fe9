"""Parquet files that are visible whole or not at all: where they lie, rolling, sealing, pruning's memory, views."""
