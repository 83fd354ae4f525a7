"""Why a change of the library's profile or of its first run is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class ProfileChanged(Conflict):
    """Somebody else has changed the profile meanwhile."""

    code = "profile_changed"


class SetupChanged(Conflict):
    """Somebody else has gone on with the first run meanwhile."""

    code = "setup_changed"


class ZoneFixed(Conflict):
    """The library has an area or bookings: its time zone stays what it is. Details: ``zone``."""

    code = "zone_fixed"
