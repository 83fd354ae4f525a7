from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Choice = TypeVar("Choice", bound=str)


class SettingsError(Exception):
    """The faults of the environment, one line each."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))


class EnvironmentReader:
    """Reads the environment, one variable at a time. A fault is noted and a harmless value
    returned, so that ``raise_faults`` reports all faults together."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self._faults: list[str] = []

    def fault(self, line: str) -> None:
        self._faults.append(line)

    def raise_faults(self) -> None:
        """Raises: SettingsError if a fault was noted."""
        if self._faults:
            raise SettingsError(*self._faults)

    def text(self, name: str, default: str = "") -> str:
        """The variable's value; ``default`` if it is missing or empty."""
        return self.env.get(name) or default

    def required(self, name: str, why: str = "") -> str:
        """The variable's value, which must not be empty. ``why`` is added to the fault's text."""
        value = self.text(name)
        if not value:
            self.fault(f"{name} is required{why}")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """The variable's whole number from ``low`` to ``high``; ``default`` if it is missing."""
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
            self.fault(f"{name} must be a whole number from {low} to {high}")
            return default
        return int(text)

    def one_of(self, name: str, default: Choice, allowed: tuple[Choice, ...]) -> Choice:
        value = self.text(name, default)
        for choice in allowed:
            if value == choice:
                return choice
        self.fault(f"{name} must be one of {', '.join(allowed)}")
        return default

    def url(self, name: str, default: str = "") -> str:
        """The variable's value, an http or https URL without query, returned without a final
        slash. It is required unless there is a default."""
        value = (self.text(name, default) if default else self.required(name)).rstrip("/")
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
        except ValueError:  # for example an IPv6 address with one bracket missing
            fits = False
        if not fits:
            self.fault(f"{name} must be an http or https address")
            return default
        return value

    def networks(self, name: str, default: str = "") -> tuple[Network, ...]:
        """The variable's IP addresses and networks, which are separated by commas."""
        parts = [part.strip() for part in self.text(name, default).split(",")]
        try:
            return tuple(ipaddress.ip_network(part) for part in parts if part)
        except ValueError as error:
            self.fault(f"{name} must list addresses or networks: {error}")
            return ()
