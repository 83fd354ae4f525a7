from __future__ import annotations


class TransferError(Exception):
    """The library was not imported; nothing has changed. The message names fault and place in one
    line."""


class LibraryNotEmpty(TransferError):
    """The database has a library already."""


class SeatsStillBooked(TransferError):
    """Live bookings would lose their seats."""
