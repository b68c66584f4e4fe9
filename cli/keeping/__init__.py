"""Verbs that keep a lake: seal, prune, prove, mend."""
