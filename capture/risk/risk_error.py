"""The one error of this room: what was given cannot be computed with; the text says what helps."""


class RiskError(ValueError):
    """Something that was given is wrong; the text says what, where, and what helps."""
