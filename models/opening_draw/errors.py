from __future__ import annotations


class AnotherTicketWaits(Exception):
    """The reader already has a ticket for that day, from a different request."""
