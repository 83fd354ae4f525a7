from __future__ import annotations


class AnotherTicketWaits(Exception):
    """The reader has a ticket for that day with a different request."""
