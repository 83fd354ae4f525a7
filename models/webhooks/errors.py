from __future__ import annotations

from models.kernel.errors import Conflict


class WebhookChanged(Conflict):
    """The endpoint was changed or deleted after it was read."""

    code = "webhook_changed"


class WebhookMade(Conflict):
    """The form was sent before and has already created its endpoint."""

    code = "webhook_made"


class TooManyWebhooks(Conflict):
    """There are ``MOST_ENDPOINTS`` endpoints already."""

    code = "too_many_webhooks"
