"""Commands that say what could happen to accounts."""
