"""What was recorded, as something a gateway can be fed by (D98).

A `feed.Feed`: it reads a lake, may use what feeds share in `gateway/`, and knows no client or answer.
"""

from .growth import growing
from .recording import Recording, RecordingError

__all__ = ["Recording", "RecordingError", "growing"]
