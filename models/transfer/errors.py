from __future__ import annotations


class TransferError(Exception):
    """The library was not imported, and nothing has changed. The message names in one line the
    fault and where in the file it is."""


class LibraryNotEmpty(TransferError):
    """The database already has a library, and the import was not to replace it."""


class SeatsStillBooked(TransferError):
    """The import would remove seats that have live bookings."""
