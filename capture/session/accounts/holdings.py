"""Which positions are held, by what IB says of them: those whose P&L is asked for one by one."""

from datetime import UTC, date, datetime, time, timedelta

from capture.wire.text.codec import Values

Position = tuple[str, int]  # account and contract id
_OVER_EVERYWHERE = timedelta(days=1, hours=12)  # from its midnight UTC to the end of a date in the westernmost zone


class Holdings:
    """Takes positions as they come. What an answer does not list is flat once it is whole (field lesson B43)."""

    def __init__(self) -> None:
        self.held: set[Position] = set()
        self._listed: set[Position] = set()

    def asked(self, account: str) -> None:
        """Take note that all positions of an account were asked for, of all accounts where it is empty."""
        self._listed = {position for position in self._listed if not _is_of(position, account)}

    def took(self, values: Values, now_s: float) -> None:
        """Take a position; one of a combination, or without a contract id, has no P&L of its own.

        Neither has what expired and is not yet removed (field lesson B28): IB may refuse it, or never answer.
        """
        position = values["account"] or "", values["con_id"] or 0
        if position[1] <= 0 or values["sec_type"] == "BAG":
            return
        self._listed.add(position)
        is_held = values["position"] and not has_expired(values.get("last_trade_date") or "", now_s)
        (self.held.add if is_held else self.held.discard)(position)

    def listed(self, account: str) -> None:
        """Take note that the answer about an account is whole."""
        self.held -= {each for each in self.held if _is_of(each, account) and each not in self._listed}


def has_expired(last_trade_date: str, now_s: float) -> bool:
    """Return whether a last trading date, as sent, is over wherever one is; a month, or none, is not."""
    try:
        day = datetime.combine(date.fromisoformat(last_trade_date[:8]), time(), UTC)
        return now_s >= (day + _OVER_EVERYWHERE).timestamp()
    except (ValueError, OverflowError):
        return False


def _is_of(position: Position, account: str) -> bool:
    return account in ("", position[0])
