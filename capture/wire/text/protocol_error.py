"""Errors of the wire: whose fault it is, and whether the connection survives it."""


class ProtocolError(ValueError):
    """Base of every error of the wire."""


class LocalProtocolError(ProtocolError):
    """We were about to send something the protocol does not allow; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol does not allow."""


class MalformedFrameError(RemoteProtocolError):
    """One frame could not be decoded; the frames around it are unharmed."""


class UnknownMessageError(MalformedFrameError):
    """A frame's message id is not in the table of messages."""
