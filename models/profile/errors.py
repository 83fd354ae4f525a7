from __future__ import annotations

from models.kernel.errors import Conflict


class ProfileChanged(Conflict):
    code = "profile_changed"


class SetupChanged(Conflict):
    code = "setup_changed"


class ZoneFixed(Conflict):
    """The zone cannot change: the library has an area or bookings. Details: ``zone``."""

    code = "zone_fixed"
