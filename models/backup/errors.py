from __future__ import annotations


class BackupError(Exception):
    """The backup or restore was refused or failed. The message gives the reason."""
