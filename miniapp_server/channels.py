"""Wiring of the notification channels, the webhooks and the outbox dispatcher."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Final

from aiohttp import web

from handlers.http.keys import ATTEMPT_LIMITER, METRICS, REFERENCE, service_key
from handlers.http.metrics import Metrics
from miniapp_server.open_items import open_items
from miniapp_server.repositories import Repositories
from miniapp_server.resources import Resources
from models.code_sharing.service import CodeSharingService
from models.email_addresses.service import EmailAddressService
from models.kernel.ids import ReaderId
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.entities import Channel
from models.readers.entities import VISITOR, Reader
from models.reference_data import ReferenceData
from models.staff.alerts import StaffAlerts
from models.staff.audit_log import AuditLog
from models.violations.recording import ViolationRecorder
from models.webhooks.staff import StaffWebhooks
from notify.delivery.channel import DeliveryChannel
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.delivery.worker import DeliveryWorker
from notify.email.channel import EmailChannel, SmtpCodeMailer, SmtpStaffMailer
from notify.email.rendering import MailWriter
from notify.email.unsubscribing import UnsubscribeLinks
from notify.outbox_dispatcher import OutboxDispatcher, Subscribers
from notify.outbox_messages import OutboxMessages
from notify.publisher import MessagePublisher
from notify.routing import ChannelRouting
from notify.webhooks.events import WebhookEvents
from notify.webhooks.sender import WebhookSender
from notify.webhooks.worker import WebhookWorker
from notify.wechat.channel import WeChatChannel
from notify.wecom.channel import WeComChannel
from notify.wecom.client import WeComClient

_MAIL_PROBE: Final = timedelta(seconds=60)
"""While a process probes a paused mail server, no other process does so for this long.
Connecting and sending take less."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The notification channels of the library. ``used``: those that are set up. ``pauses``:
    their stored pauses. ``mail``: the e-mail channel; None without a mail server."""

    mail: EmailChannel | None
    used: Mapping[Channel, DeliveryChannel]
    pauses: Mapping[Channel, ChannelPauseRepository]
    routing: ChannelRouting
    publisher: MessagePublisher


def open_channels(app: web.Application, resources: Resources) -> Channels:
    settings, r, db = resources.settings, resources.repositories, resources.db
    metrics = app[METRICS]
    wechat = app[service_key(WeChatChannel)] = WeChatChannel(
        gateway=resources.mini_program,
        templates=settings.wechat.templates,
        state=settings.wechat.state,
        openids_of=r.bindings.openids_of,
        consents=r.consents,
        breaker=CircuitBreaker(
            ChannelPauseRepository(db, Channel.WECHAT, settings.wechat.account),
            resources.clock.real_now,
        ),
        zone=lambda: app[REFERENCE].zone,
    )
    mail = _mail(resources, app[REFERENCE])
    used: dict[Channel, DeliveryChannel] = {}
    if settings.wechat.used:
        used[wechat.name] = wechat
    if mail is not None:
        used[mail.name] = mail
    if resources.wecom is not None and settings.entry.wecom_messages:
        wecom = _wecom(resources, resources.wecom)
        used[wecom.name] = wecom

    def count(channel: Channel, outcome: str, times: int) -> None:
        metrics.deliveries.labels(channel.value, outcome).inc(times)

    routing = app[service_key(ChannelRouting)] = ChannelRouting(list(used.values()))
    publisher = MessagePublisher(r.messages, r.deliveries, routing, count)
    app[service_key(MessagePublisher)] = publisher
    return Channels(
        mail,
        used,
        {name: channel.breaker.pauses for name, channel in used.items()},
        routing,
        publisher,
    )


def _mail(resources: Resources, reference: ReferenceData) -> EmailChannel | None:
    settings, smtp = resources.settings, resources.smtp
    if smtp is None:
        return None
    links = UnsubscribeLinks(settings.sealer, settings.public_base_url)
    return EmailChannel(
        smtp,
        MailWriter(
            smtp.settings.sender, settings.public_base_url, lambda: reference.profile, links
        ),
        resources.repositories.email_addresses,
        resources.repositories.readers.languages,
        CircuitBreaker(
            ChannelPauseRepository(resources.db, Channel.EMAIL, smtp.settings.account),
            resources.clock.real_now,
            probe_lease=_MAIL_PROBE,
        ),
    )


def _wecom(resources: Resources, client: WeComClient) -> WeComChannel:
    r, account = resources.repositories, client.settings

    async def members(ids: Collection[ReaderId]) -> dict[ReaderId, Reader]:
        readers = await r.readers.many(ids)
        return {id: one for id, one in readers.items() if one.category != VISITOR}

    marked = sha256(f"{account.corp_id} {account.agent_id} {account.secret}".encode()).hexdigest()
    return WeComChannel(
        client,
        resources.settings.public_base_url,
        members,
        r.message_choices,
        CircuitBreaker(
            ChannelPauseRepository(resources.db, Channel.WECOM, f"{account.corp_id}:{marked[:16]}"),
            resources.clock.real_now,
        ),
    )


def delivery_workers(
    channels: Channels, resources: Resources, metrics: Metrics
) -> dict[Channel, DeliveryWorker]:
    r = resources.repositories

    def worker(name: Channel, channel: DeliveryChannel) -> DeliveryWorker:
        def count(outcome: str, times: int) -> None:
            metrics.deliveries.labels(name.value, outcome).inc(times)

        return DeliveryWorker(
            r.channel_deliveries[name],
            channel,
            r.reservations.many,
            resources.clock.real_now,
            count,
        )

    return {name: worker(name, channel) for name, channel in channels.used.items()}


def wire_mail(
    app: web.Application, resources: Resources, channels: Channels
) -> EmailAddressService | None:
    """Wires the readers' e-mail addresses and the alerts to the staff. Returns the service of
    addresses; None if the library sends no mail."""
    if channels.mail is None:
        return None
    app[service_key(UnsubscribeLinks)] = channels.mail.writer.links
    addresses = app[service_key(EmailAddressService)] = EmailAddressService(
        resources.repositories.email_addresses,
        app[ATTEMPT_LIMITER],
        SmtpCodeMailer(channels.mail.smtp, channels.mail.writer),
        resources.settings.sealer,
    )
    app[service_key(StaffAlerts)] = StaffAlerts(
        resources.repositories.alerts,
        resources.repositories.sessions,
        resources.repositories.email_addresses,
        SmtpStaffMailer(
            channels.mail.smtp, channels.mail.writer, resources.repositories.readers.languages
        ),
        partial(open_items, app, resources.repositories.reservations),
        lambda: app[REFERENCE].zone,
    )
    return addresses


def wire_webhooks(app: web.Application, resources: Resources) -> None:
    r, attempts = resources.repositories, app[METRICS].webhook_deliveries
    sender = WebhookSender(
        resources.webhooks,
        r.webhooks,
        r.readers.many,
        resources.clock.real_now,
        app[REFERENCE],
    )

    def count(outcome: str, times: int) -> None:
        attempts.labels(outcome).inc(times)

    app[service_key(WebhookWorker)] = WebhookWorker(
        r.webhooks, r.webhook_deliveries, sender, resources.clock.real_now, count
    )
    app[service_key(StaffWebhooks)] = StaffWebhooks(
        app[service_key(AuditLog)],
        r.webhooks,
        r.webhook_deliveries,
        sender,
        resources.webhooks.allowed,
    )


def outbox_dispatcher(
    app: web.Application, r: Repositories, publisher: MessagePublisher
) -> OutboxDispatcher:
    reference = app[REFERENCE]
    subscribers = Subscribers(
        app[service_key(ViolationRecorder)],
        app[service_key(CodeSharingService)],
        OutboxMessages(r.reservations, r.parties, r.readers, reference),
        WebhookEvents(r.webhooks, r.webhook_deliveries, reference),
    )
    return OutboxDispatcher(
        r.reservations, r.room_bookings, r.waitlist, r.event_outbox, subscribers, publisher
    )
