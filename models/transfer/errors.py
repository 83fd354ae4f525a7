from __future__ import annotations


class TransferError(Exception):
    """The import changed nothing. A one-line message names the fault and its path in the file."""


class LibraryNotEmpty(TransferError):
    """The database already has a library, and the import was not to replace it."""


class SeatsStillBooked(TransferError):
    """The import would remove seats that have live bookings."""
