from __future__ import annotations


class MoveError(Exception):
    """The move was refused or has failed. The message gives the reason."""
