from __future__ import annotations

from models.kernel.errors import Conflict


class PlanChanged(Conflict):
    """The plan was changed by another staff member meanwhile, or the id of a new area is taken."""

    code = "plan_changed"


class VenueChanged(Conflict):
    code = "venue_changed"


class AreaRetired(Conflict):
    """The area is retired. Its plan can be changed only after the area was brought back."""

    code = "area_retired"


class AreaNotRetired(Conflict):
    """The area is in use; only a retired area can be brought back or deleted."""

    code = "area_not_retired"


class AreaUsed(Conflict):
    """The area was booked or is named by a policy. It cannot be deleted, only retired."""

    code = "area_used"


class VenueExists(Conflict):
    code = "venue_exists"


class VenueInUse(Conflict):
    """The venue still has an area, a room, a kiosk or a gate."""

    code = "venue_in_use"


class FeaturesChanged(Conflict):
    code = "features_changed"


class RoomChanged(Conflict):
    """The room was changed by another staff member meanwhile, or the form that adds it was sent
    before."""

    code = "room_changed"


class PictureChanged(Conflict):
    code = "picture_changed"
