from __future__ import annotations


class TransferError(Exception):
    """The message says in one line what is wrong and where. Nothing has been changed."""


class LibraryNotEmpty(TransferError):
    """The database has a library already."""


class SeatsStillBooked(TransferError):
    """Live bookings would lose their seats."""
