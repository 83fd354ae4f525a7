from __future__ import annotations


class TransferError(Exception):
    """The import was refused and changed nothing. The message names the fault and its path."""


class LibraryNotEmpty(TransferError):
    """The database already has a library, and the import was not allowed to replace it."""


class SeatsStillBooked(TransferError):
    """The import would remove seats that have live bookings."""
