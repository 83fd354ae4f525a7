"""Webhooks: what queues them, what sends them, and what the staff change."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.keys import METRICS, REFERENCE, service_key
from miniapp_server.resources import Resources
from models.staff.audit_log import AuditLog
from models.webhooks.staff import StaffWebhooks
from notify.webhooks.events import WebhookEvents
from notify.webhooks.sender import WebhookSender
from notify.webhooks.worker import WebhookWorker

WEBHOOK_WORKER: Final = web.AppKey("webhook_worker", WebhookWorker)


def wire_webhooks(app: web.Application, resources: Resources) -> None:
    """After the reference data, the metrics and the audit log."""
    r, attempts = resources.repositories, app[METRICS].webhook_deliveries
    sender = WebhookSender(resources.webhooks, r.webhooks, r.readers.many, resources.clock.real_now)

    def count(outcome: str, times: int) -> None:
        attempts.labels(outcome).inc(times)

    app[WEBHOOK_WORKER] = WebhookWorker(
        r.webhooks, r.webhook_deliveries, sender, resources.clock.real_now, count
    )
    app[service_key(StaffWebhooks)] = StaffWebhooks(
        app[service_key(AuditLog)],
        r.webhooks,
        r.webhook_deliveries,
        sender,
        resources.webhooks.allowed,
    )


def webhook_events(app: web.Application, resources: Resources) -> WebhookEvents:
    """What the outbox dispatcher hands its events to."""
    r = resources.repositories
    return WebhookEvents(r.event_outbox, r.webhooks, r.webhook_deliveries, app[REFERENCE])
