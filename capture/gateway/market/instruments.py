"""All instruments of the invented market by contract id: those that are listed one by one, and every option."""

from .chains import option
from .universe import LISTED, Instrument


class Instruments(dict[int, Instrument]):
    """What is listed one by one; an option is found by its contract id too, though there are too many to list."""

    def __missing__(self, con_id: int) -> Instrument:
        found = option(con_id)
        if found is None:
            raise KeyError(con_id)
        return found


INSTRUMENTS = Instruments(LISTED)
