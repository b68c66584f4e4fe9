"""Why a request is not answered as asked."""


class Refusal(Exception):  # noqa: N818  (an answer to the client, not a fault of the gateway)
    """IB's error code and text for a request. A handler raises it; the client gets it as message 4."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def invalid(reason: object) -> Refusal:
    """Return the refusal of a request with a field that IB would not take."""
    return Refusal(321, f"Error validating request.-'b' : cause - {reason}")


def historical(reason: str) -> Refusal:
    """Return a refusal of IB's historical data service; the text says what is wrong."""
    return Refusal(162, f"Historical Market Data Service error message:{reason}")
