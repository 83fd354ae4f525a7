"""The service's settings, read once from the environment, with all faults in one error."""

from __future__ import annotations

from miniapp_server.settings.environment import SettingsError
from miniapp_server.settings.loading import DEFAULT_PORT, Settings, load

__all__ = ["DEFAULT_PORT", "Settings", "SettingsError", "load"]
