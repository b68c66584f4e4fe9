"""Scalar macros that research functions are written with.

They are plain expressions, so that DuckDB works them out before it reads anything: by `date` whole folders are left
out, by the smallest and largest symbol row groups of sorted files.
"""

from .money import MONEY

# The time of a text without a zone is UTC whatever the session's own zone is. DuckDB 1.2 wants seconds and no Z; 2.0
# reads a date with a zone as local midnight; so the text is completed first.
_UTC = r"""cast(regexp_replace(regexp_replace(regexp_replace(trim(cast(moment as varchar)),
    '^(\d+-\d+-\d+)$', '\1 00:00:00'),
    '^(\d+-\d+-\d+)[ T](\d\d:\d\d)($|[^:])', '\1 \2:00\3'),
    '^(\d+-\d+-\d+[ T]\d\d:\d\d:\d\d(\.\d+)?)Z?$', '\1+00') as timestamptz)"""

# A list as text and back: the one form that takes a text and a list alike. No symbol begins with a bracket.
_SYMBOL_LIST = """case when starts_with(cast(symbols as varchar), '[') then cast(cast(symbols as varchar) as varchar[])
    else [cast(symbols as varchar)] end"""

_HAS_SYMBOL = """symbols is null or (list_contains(symbol_list(symbols), symbol)
    and symbol between list_min(symbol_list(symbols)) and list_max(symbol_list(symbols)))"""

_IN_TIME = """(start is null or (ts >= utc(start) and date >= utc_date(utc(start))))
    and ("end" is null or (ts < utc("end") and date <= utc_date(utc("end") - interval 1 microsecond)))"""

# Widths are laid from a UTC midnight, a Monday, whatever the session's zone: on naive times, as days are not by zone.
_BUCKET = "time_bucket(cast(width as interval), ts at time zone 'UTC') at time zone 'UTC'"
_BUCKET_END = "((ts at time zone 'UTC') + cast(width as interval)) at time zone 'UTC'"

# The order of rows of one recorder as one number: comparing it is much faster than comparing three columns.
_PLACE = "(cast(epoch_us(ts) as hugeint) << 74) + (cast(seq as hugeint) << 30) + number"

# Name and parameters -> expression, each after those it is made of.
HELPERS = {
    "utc(moment)": _UTC,
    "utc_date(ts)": "cast(ts at time zone 'UTC' as date)",
    "symbol_list(symbols)": _SYMBOL_LIST,
    "has_symbol(symbol, symbols)": _HAS_SYMBOL,
    'in_time(ts, date, start, "end")': _IN_TIME,
    "bucket(width, ts)": _BUCKET,
    "bucket_end(width, ts)": _BUCKET_END,
    "place(ts, seq, number)": _PLACE,
    **MONEY,
}


def creations() -> list[str]:
    """Return the statements that make the helpers in the current schema."""
    return [f"create or replace macro {head} as {body}" for head, body in HELPERS.items()]
