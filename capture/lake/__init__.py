"""Parquet files that are visible whole or not at all: names, rolling, views."""
