"""Names of time zones as IB writes them: of the tz database, long names of Java and Windows, and abbreviations."""

import re
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Zone(NamedTuple):
    """A time zone, and what its name says of the season: summer time (True), standard time (False) or neither."""

    zone: ZoneInfo
    summer: bool | None = None


# What stands before `Standard Time`, `Daylight Time`, `Summer Time` or `Time` -> zone; in brackets what stands after.
_STEMS = {
    # America
    "Eastern": "America/New_York", "Central": "America/Chicago", "Mountain": "America/Denver",
    "Pacific": "America/Los_Angeles", "Alaska": "America/Anchorage", "Alaskan": "America/Anchorage",
    "Hawaii": "Pacific/Honolulu", "Hawaiian": "Pacific/Honolulu", "Hawaii-Aleutian": "Pacific/Honolulu",
    "Atlantic": "America/Halifax", "Newfoundland": "America/St_Johns", "US Eastern": "America/Indiana/Indianapolis",
    "US Mountain": "America/Phoenix", "Canada Central": "America/Regina", "Central (Mexico)": "America/Mexico_City",
    "Mountain (Mexico)": "America/Mazatlan", "Pacific (Mexico)": "America/Tijuana",
    "Central America": "America/Guatemala", "Colombia": "America/Bogota", "SA Pacific": "America/Bogota",
    "Peru": "America/Lima", "Venezuela": "America/Caracas",
    "Chile": "America/Santiago", "Pacific SA": "America/Santiago", "Paraguay": "America/Asuncion",
    "Argentina": "America/Argentina/Buenos_Aires", "Brasilia": "America/Sao_Paulo",
    "E. South America": "America/Sao_Paulo", "Uruguay": "America/Montevideo", "Montevideo": "America/Montevideo",
    # Europe and Africa
    "GMT": "Europe/London", "British": "Europe/London", "Western European": "Europe/Lisbon",
    "Central European": "Europe/Paris", "Central Europe": "Europe/Budapest", "Middle Europe": "Europe/Berlin",
    "W. Europe": "Europe/Berlin", "Romance": "Europe/Paris", "Eastern European": "Europe/Helsinki",
    "FLE": "Europe/Kiev", "GTB": "Europe/Bucharest", "Moscow": "Europe/Moscow", "Russian": "Europe/Moscow",
    "Turkey": "Europe/Istanbul", "Egypt": "Africa/Cairo", "South Africa": "Africa/Johannesburg",
    "West Africa": "Africa/Lagos", "W. Central Africa": "Africa/Lagos", "Central Africa": "Africa/Maputo",
    "East Africa": "Africa/Nairobi", "E. Africa": "Africa/Nairobi", "Morocco": "Africa/Casablanca",
    # Asia
    "Israel": "Asia/Jerusalem", "Jordan": "Asia/Amman", "Arab": "Asia/Riyadh", "Arabia": "Asia/Riyadh",
    "Arabian": "Asia/Dubai", "Gulf": "Asia/Dubai", "Iran": "Asia/Tehran", "Pakistan": "Asia/Karachi",
    "India": "Asia/Kolkata", "Sri Lanka": "Asia/Colombo", "Nepal": "Asia/Kathmandu", "Bangladesh": "Asia/Dhaka",
    "Indochina": "Asia/Bangkok", "SE Asia": "Asia/Bangkok", "West Indonesia": "Asia/Jakarta",
    "Western Indonesia": "Asia/Jakarta", "Singapore": "Asia/Singapore", "Malaysia": "Asia/Kuala_Lumpur",
    "Philippine": "Asia/Manila", "Philippines": "Asia/Manila", "China": "Asia/Shanghai", "Hong Kong": "Asia/Hong_Kong",
    "Taipei": "Asia/Taipei", "Tokyo": "Asia/Tokyo", "Japan": "Asia/Tokyo", "Korea": "Asia/Seoul",
    "Korean": "Asia/Seoul",
    # Australia and New Zealand
    "Australian Eastern": "Australia/Sydney", "AUS Eastern": "Australia/Sydney",
    "Australian Eastern (New South Wales)": "Australia/Sydney", "Eastern (New South Wales)": "Australia/Sydney",
    "Australian Eastern (Victoria)": "Australia/Melbourne", "Eastern (Victoria)": "Australia/Melbourne",
    "Australian Eastern (Queensland)": "Australia/Brisbane", "Eastern (Queensland)": "Australia/Brisbane",
    "Australian Eastern (Tasmania)": "Australia/Hobart", "Eastern (Tasmania)": "Australia/Hobart",
    "E. Australia": "Australia/Brisbane", "Tasmania": "Australia/Hobart", "Australian Western": "Australia/Perth",
    "W. Australia": "Australia/Perth", "Western (Australia)": "Australia/Perth", "Cen. Australia": "Australia/Adelaide",
    "AUS Central": "Australia/Darwin", "New Zealand": "Pacific/Auckland",
}  # fmt: skip

_SUMMER, _STANDARD = True, False
_SHORT = {
    "Z": ("UTC", None), "GMT": ("UTC", None), "Greenwich Mean Time": ("UTC", None),
    "Coordinated Universal Time": ("UTC", None), "Irish Standard Time": ("Europe/Dublin", None),
    "EST": ("America/New_York", _STANDARD), "EDT": ("America/New_York", _SUMMER), "CDT": ("America/Chicago", _SUMMER),
    "MST": ("America/Denver", _STANDARD), "MDT": ("America/Denver", _SUMMER),
    "PST": ("America/Los_Angeles", _STANDARD), "PDT": ("America/Los_Angeles", _SUMMER),
    "BST": ("Europe/London", _SUMMER), "WET": ("Europe/Lisbon", None), "WEST": ("Europe/Lisbon", _SUMMER),
    "CET": ("Europe/Paris", None), "CEST": ("Europe/Paris", _SUMMER), "MET": ("Europe/Berlin", None),
    "MEST": ("Europe/Berlin", _SUMMER), "MEZ": ("Europe/Berlin", _STANDARD), "MESZ": ("Europe/Berlin", _SUMMER),
    "EET": ("Europe/Helsinki", None), "EEST": ("Europe/Helsinki", _SUMMER), "MSK": ("Europe/Moscow", None),
    "IDT": ("Asia/Jerusalem", _SUMMER), "SGT": ("Asia/Singapore", None), "HKT": ("Asia/Hong_Kong", None),
    "JST": ("Asia/Tokyo", None), "KST": ("Asia/Seoul", None), "AEST": ("Australia/Sydney", _STANDARD),
    "AEDT": ("Australia/Sydney", _SUMMER), "AWST": ("Australia/Perth", None), "NZST": ("Pacific/Auckland", _STANDARD),
    "NZDT": ("Pacific/Auckland", _SUMMER), "SAST": ("Africa/Johannesburg", None),
}  # fmt: skip
# Short words that mean one thing as the zone of an exchange, where Java's ids stand, and another beside a time of day.
_JAVA_IDS = {
    "CST": "America/Chicago", "IST": "Asia/Kolkata", "AET": "Australia/Sydney", "ACT": "Australia/Darwin",
    "AGT": "America/Argentina/Buenos_Aires", "BET": "America/Sao_Paulo", "CTT": "Asia/Shanghai", "ECT": "Europe/Paris",
    "ART": "Africa/Cairo", "NST": "Pacific/Auckland", "VST": "Asia/Ho_Chi_Minh", "PLT": "Asia/Karachi",
}  # fmt: skip

_LONG_NAME = re.compile(r"(\S.*?)(?: (Standard|Daylight|Summer))? Time(?: (\(.+\)))?", re.IGNORECASE)
_SEASONS = {"": None, "standard": _STANDARD, "daylight": _SUMMER, "summer": _SUMMER}
_SHORT_AND_LONG = re.compile(r"(\S+) \((.+)\)")
_FOLDED_SHORT = {name.casefold(): known for name, known in _SHORT.items()}
_FOLDED_STEMS = {stem.casefold(): name for stem, name in _STEMS.items()}
LONGEST = 128  # far more than any zone's name; what is longer must not fill the cache either


def find_zone(name: str) -> Zone | None:
    """Return the zone that a name beside a time of day means; None for one that is not known, or means several."""
    return _find(name.strip()) if len(name) <= LONGEST else None


def exchange_zone(name: str | None) -> ZoneInfo | None:
    """Return the zone of an exchange, as contract details name it; None where it is absent or not known."""
    word = (name or "").strip()
    found = find_zone(word)
    if found is None and word in _JAVA_IDS:
        return ZoneInfo(_JAVA_IDS[word])
    return found.zone if found else None


@lru_cache(maxsize=1024)
def _find(name: str) -> Zone | None:
    if known := _FOLDED_SHORT.get(name.casefold()):
        return Zone(ZoneInfo(known[0]), known[1])
    if found := _long(name):
        return found
    if match := _SHORT_AND_LONG.fullmatch(name):  # CST (Central Standard Time)
        return _general(_find(match[2]) or _find(match[1]))
    try:
        return Zone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _long(name: str) -> Zone | None:
    match = _LONG_NAME.fullmatch(name)
    if match is None:
        return None
    known = _FOLDED_STEMS.get(" ".join(filter(None, (match[1], match[3]))).casefold())
    return Zone(ZoneInfo(known), _SEASONS[(match[2] or "").casefold()]) if known else None


def _general(found: Zone | None) -> Zone | None:
    """Return a zone without what its name says of the season: with both names beside each other it means the zone."""
    return Zone(found.zone) if found else None
