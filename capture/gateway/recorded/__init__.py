"""What was recorded, as something a gateway can be fed by."""

from .recording import Recording, RecordingError

__all__ = ["Recording", "RecordingError"]
