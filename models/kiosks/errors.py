from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class DeviceExists(Conflict):
    """There is a kiosk or gate with this id already."""

    code = "device_exists"


class DeviceChanged(Conflict):
    """The device was changed by another staff member meanwhile."""

    code = "device_changed"


class DeviceUsed(Conflict):
    """The device has been in contact with the service, so other data may refer to it."""

    code = "device_used"


class QrInvalid(RuleViolation):
    """The code is not a valid code of one of the library's kiosks."""

    code = "qr_invalid"


class PairingCodeUnknown(RuleViolation):
    """No screen shows this pairing code now."""

    code = "pairing_code_unknown"


class PairingOver(Conflict):
    """The pairing request was confirmed by another administrator, or its code has expired."""

    code = "pairing_over"


class KioskKeyChanged(Conflict):
    """The kiosk was given another key after the administrator opened the page."""

    code = "kiosk_key_changed"
