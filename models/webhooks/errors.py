"""Why a change of the webhooks is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class WebhookChanged(Conflict):
    """Somebody else has changed or deleted the endpoint meanwhile."""

    code = "webhook_changed"


class WebhookMade(Conflict):
    """The same form has made it before."""

    code = "webhook_made"


class TooManyWebhooks(Conflict):
    """There are as many endpoints as can be."""

    code = "too_many_webhooks"
