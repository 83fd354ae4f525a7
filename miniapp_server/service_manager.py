"""Notifies systemd that the service is ready, or reloads (sd_notify(3), ``Type=notify-reload``).
Without ``NOTIFY_SOCKET`` nothing is sent."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)
SOCKET: Final = "NOTIFY_SOCKET"
"""Environment variable with systemd's socket path; an initial @ means an abstract socket."""


class ServiceManager:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._address = env.get(SOCKET, "")

    def ready(self, status: str = "") -> None:
        """Notifies systemd of readiness or a reload's end; systemctl shows ``status``."""
        self._notify(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Notifies systemd that a reload begins; systemd then waits for the next ``ready``."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def _notify(self, words: str) -> None:
        if not self._address:
            return
        name = self._address
        if name.startswith("@"):
            name = "\0" + name[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.connect(name)
                sending.sendall(words.encode())
        except OSError as error:  # the service works without it
            log.warning("service_manager_not_told", extra={"reason": error.strerror})
