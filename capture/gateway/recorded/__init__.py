"""What was recorded, as something a gateway can be fed by (D98).

A `feed.Feed`: it reads a lake, may use what feeds share in `gateway/`, and knows no client or answer.
"""

from .recording import Recording, RecordingError

__all__ = ["Recording", "RecordingError"]
