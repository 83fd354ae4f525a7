"""Why a request gets no ticket."""

from __future__ import annotations


class AnotherTicketWaits(Exception):
    """Another request of the reader for that day waits in the draw."""
