"""Why a change of a venue or of a floor plan is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class PlanChanged(Conflict):
    """Somebody else has changed the area's plan meanwhile, or added one of that id."""

    code = "plan_changed"


class VenueChanged(Conflict):
    """Somebody else has changed the venue meanwhile."""

    code = "venue_changed"


class AreaRetired(Conflict):
    """The area is out of use: it has no plan to change until somebody brings it back."""

    code = "area_retired"


class AreaNotRetired(Conflict):
    """The area is in use, or gone: only a retired one is brought back or deleted."""

    code = "area_not_retired"


class AreaUsed(Conflict):
    """Something was booked there once, or a rule names it: it can be retired, and not deleted."""

    code = "area_used"


class VenueExists(Conflict):
    """There is a venue of that name already."""

    code = "venue_exists"


class VenueInUse(Conflict):
    """Something belongs to the venue: an area, a kiosk or a gate."""

    code = "venue_in_use"


class PictureChanged(Conflict):
    """Somebody else has changed the picture under the area's plan meanwhile."""

    code = "picture_changed"
