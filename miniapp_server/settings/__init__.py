"""The service's settings: read from the environment only, validated once, all faults at once."""

from __future__ import annotations

from miniapp_server.settings.environment import SettingsError
from miniapp_server.settings.loading import DEFAULT_PORT, Settings, load
from miniapp_server.settings.sandbox_defaults import SANDBOX_AES_KEY, SANDBOX_TEMPLATES

__all__ = [
    "DEFAULT_PORT",
    "SANDBOX_AES_KEY",
    "SANDBOX_TEMPLATES",
    "Settings",
    "SettingsError",
    "load",
]
