"""Which positions are held, by what IB says of them: those whose P&L is asked for one by one."""

from capture.wire.text.codec import Values

Position = tuple[str, int]  # account and contract id


class Holdings:
    """Takes positions as they come. What an answer does not list is flat once it is whole (field lesson B43)."""

    def __init__(self) -> None:
        self.held: set[Position] = set()
        self._listed: set[Position] = set()

    def asked(self, account: str) -> None:
        """Take note that all positions of an account were asked for, of all accounts where it is empty."""
        self._listed = {position for position in self._listed if not _is_of(position, account)}

    def took(self, values: Values) -> None:
        """Take a position; one of a combination, or without a contract id, has no P&L of its own."""
        position = values["account"] or "", values["con_id"] or 0
        if position[1] <= 0 or values["sec_type"] == "BAG":
            return
        self._listed.add(position)
        (self.held.add if values["position"] else self.held.discard)(position)

    def listed(self, account: str) -> None:
        """Take note that the answer about an account is whole."""
        self.held -= {each for each in self.held if _is_of(each, account) and each not in self._listed}


def _is_of(position: Position, account: str) -> bool:
    return account in ("", position[0])
