"""Verbs that record, or say what will be and what is being recorded."""
