from __future__ import annotations

import ipaddress
import socket
from typing import Final

from miniapp_server.settings.environment import SettingsError

_PRIVATE: Final = [
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]


def is_loopback(host: str | None) -> bool:
    """True if the host name or IP address leads to this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def lan_address(text: str) -> str:
    """Returns the address. Raises: SettingsError unless it is a private address of this machine."""
    try:
        private = any(ipaddress.ip_address(text) in network for network in _PRIVATE)
    except ValueError:
        private = False
    if not private:
        raise SettingsError(
            f"--lan {text}: must be a private address (10.…, 172.16.… to 172.31.…, 192.168.…)"
        )
    with socket.socket() as probe:
        try:
            probe.bind((text, 0))
        except OSError as error:
            raise SettingsError(
                f"--lan {text}: this machine does not have that address ({error.strerror})"
            ) from error
    return text
