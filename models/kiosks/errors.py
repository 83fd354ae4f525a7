"""Why a device or its code is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class DeviceExists(Conflict):
    """There is a kiosk or a gate of that id."""

    code = "device_exists"


class DeviceChanged(Conflict):
    """Somebody else has changed the device meanwhile."""

    code = "device_changed"


class DeviceUsed(Conflict):
    """The device was heard of once, so that something may name it."""

    code = "device_used"


class QrInvalid(RuleViolation):
    """Not the code of one of the library's kiosks."""

    code = "qr_invalid"


class PairingCodeUnknown(RuleViolation):
    """No screen shows that code now."""

    code = "pairing_code_unknown"


class PairingOver(Conflict):
    """The screen has been paired by somebody else, or its code is over."""

    code = "pairing_over"


class KioskKeyChanged(Conflict):
    """Somebody else has given the kiosk another key meanwhile."""

    code = "kiosk_key_changed"
