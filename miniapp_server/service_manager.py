"""What systemd is told of this service: that it is ready, and that a reload is under way.

The words are those of sd_notify(3), for a unit of ``Type=notify-reload``. Whoever is started by
anything else has no ``NOTIFY_SOCKET``, and tells nobody.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)
SOCKET: Final = "NOTIFY_SOCKET"
"""The variable that names systemd's socket: a path, or with @ an abstract name."""


class ServiceManager:
    """Tells systemd, if it has started this process."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._address = env.get(SOCKET, "")

    def ready(self, status: str = "") -> None:
        """The service serves; a reload is over. ``status`` is what ``systemctl status`` shows."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload begins. systemd waits for the ``ready`` that comes after this instant."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        name = self._address
        if name.startswith("@"):
            name = "\0" + name[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.connect(name)
                sending.sendall(words.encode())
        except OSError as error:  # the service serves all the same
            log.warning("service_manager_not_told", extra={"reason": error.strerror})
