"""Why a library is not taken in."""

from __future__ import annotations


class TransferError(Exception):
    """What is wrong, and where, in one line for the operator. Nothing has been changed."""


class LibraryNotEmpty(TransferError):
    """There is a library already."""


class SeatsStillBooked(TransferError):
    """Live bookings would lose their seats."""
