"""Metrics in the format of Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.webhooks.entities import WebhookDeliveryState

_READER: Final = "reader"
_WAYS: Final = ("mini", "web", "kiosk")
_COUNTED_FROM_THE_START: Final = {
    "reserve": _WAYS,
    "check_in": (*_WAYS, "gate"),
    "miss": ("system",),
}


class BookingMetrics:
    """What happens to reservations, counted by the process that writes it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events: dict[tuple[str, str], Counter] = {}
        self.events = Counter(
            "seat_reservation_events",
            "Changes of reservations that are stored, by event and way",
            ["event", "via"],
            registry=registry,
        )
        # From 0 on, or the first one would not be seen to be one more.
        for event, ways in _COUNTED_FROM_THE_START.items():
            for way in ways:
                self._events[event, way] = self.events.labels(event, way)
        self.claims = Counter(
            "seat_claims",
            "Claims that are stored: half hours of a seat, of a reader, and what else is unique",
            registry=registry,
        )
        self.conflicts = Counter(
            "seat_claim_conflicts",
            "Writes that the claim index refused, by the kind of the claim that lost",
            ["kind"],
            registry=registry,
        )

    def written(self, old: Reservation | None, new: Reservation) -> None:
        """``new`` is stored, in the place of ``old`` or for the first time."""
        seen, held = (len(old.history), old.claims) if old is not None else (0, ())
        for entry in new.history[seen:]:
            # Of the staff and gates, ``via`` is who or which: their number has no bound.
            way = entry.via if entry.by == _READER else entry.by
            child = self._events.get((entry.event, way))
            if child is None:
                child = self._events[entry.event, way] = self.events.labels(entry.event, way)
            child.inc()
        if not held:
            self.claims.inc(len(new.claims))
        elif new.claims != held:
            self.claims.inc(len(set(new.claims).difference(held)))

    def lost(self, kind: ClaimKind | None) -> None:
        """The index has refused a write."""
        self.conflicts.labels(kind.name.lower() if kind is not None else "id").inc()


class JobMetrics:
    """What the jobs of this process do, and when. Prometheus itself sets a label ``job``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.effects = Counter(
            "seat_job_effects", "What jobs did, by job", ["job_name"], registry=registry
        )
        self.failures = Counter(
            "seat_job_failures", "Runs of jobs that failed", ["job_name"], registry=registry
        )
        self.delay = Histogram(
            "seat_job_delay_seconds",
            "How much later than its interval a round of jobs began after the one before",
            ["job_name"],
            registry=registry,
            buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30),
        )
        # Instants and not ages: of several workers and hosts the latest is right, though those
        # that no longer run the job go on showing theirs.
        self.last_success = Gauge(
            "seat_job_last_success_timestamp_seconds",
            "When a round of jobs last came to its end",
            ["job_name"],
            registry=registry,
            multiprocess_mode="max",
        )
        self.interval = Gauge(
            "seat_job_interval_seconds",
            "How often a round of jobs is to run",
            ["job_name"],
            registry=registry,
            multiprocess_mode="max",
        )
        self.due_since = Gauge(
            "seat_queue_due_since_timestamp_seconds",
            "Since when what waits longest in a queue is due; when it was looked, if nothing is",
            ["queue"],
            registry=registry,
            multiprocess_mode="max",
        )


class LoadMetrics:
    """How busy each worker is, and what it waits for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.loop_delay = Gauge(
            "seat_event_loop_delay_seconds",
            "The longest that an event loop was late in the last seconds",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.changes_under_way = Gauge(
            "seat_changes_under_way",
            "Changes that are being made",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.changes_waiting = Gauge(
            "seat_changes_waiting",
            "Changes that wait in line for their turn",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.draw_waiting = Gauge(
            "seat_opening_draw_waiting",
            "Requests that wait for their turn in an opening draw, or have it",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.stream_lag = Gauge(
            "seat_change_stream_lag_seconds",
            "How old what the change stream has told is; a second at rest",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.mongodb = Histogram(
            "seat_mongodb_round_trip_seconds",
            "Time of the smallest command to MongoDB, once a second",
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5),
        )
        self.outgoing = Histogram(
            "seat_outgoing_seconds",
            "Time of a call to another service until its answer begins, by outcome",
            ["system", "outcome"],
            registry=registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )

    def called(self, system: str, outcome: str, seconds: float) -> None:
        """One call to another service more."""
        self.outgoing.labels(system, outcome).observe(seconds)


def _database_outdated(registry: CollectorRegistry) -> Gauge:
    return Gauge(
        "seat_database_outdated",
        "1 where a database is of a release with known holes or without support, by server",
        ["server"],
        registry=registry,
        multiprocess_mode="mostrecent",
    )


class Metrics:
    """What /metrics shows. One registry an application, so that tests do not share counts.

    Where several processes serve together, each counts in files of a folder that they share, and
    each can tell the sum. prometheus_client chooses so when it is imported, by the variable
    PROMETHEUS_MULTIPROC_DIR; ``folder`` must be the same.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._answered: dict[tuple[str, str, int], Histogram] = {}
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "seat_http_request_seconds",
            "Time to answer, by route and status",
            ["route", "method", "status"],
            registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.refusals = Counter(
            "seat_refusals", "Refusals by code", ["code"], registry=self.registry
        )
        self.deliveries = Counter(
            "seat_deliveries",
            "Attempts to deliver, by channel and outcome",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self.webhook_deliveries = _webhook_deliveries(self.registry)
        self.channel_paused = Gauge(
            "seat_channel_paused",
            "1 while nothing is sent by the channel, by reason",
            ["channel", "reason"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.event_streams = Gauge(
            "seat_event_streams",
            "Event streams that are open",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.clock_offset = Gauge(
            "seat_clock_offset_seconds",
            "How far this host's clock is ahead of MongoDB's",
            registry=self.registry,
            multiprocess_mode="livemostrecent",
        )
        self.troubles = Gauge(
            "seat_troubles",
            "What /readyz says is wrong, by kind",
            ["kind"],
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.database_outdated = _database_outdated(self.registry)
        self.last_backup = Gauge(
            "seat_last_backup_timestamp_seconds",
            "When the last good backup was taken; 0 if there was none",
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.bookings = BookingMetrics(self.registry)
        self.jobs = JobMetrics(self.registry)
        self.load = LoadMetrics(self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request more. Looking its labels up anew would cost more than counting it."""
        key = (route, method, status)
        child = self._answered.get(key)
        if child is None:
            child = self._answered[key] = self.requests.labels(route, method, str(status))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format, of all processes. Reads files where there are
        several, so it is not for the event loop."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _webhook_deliveries(registry: CollectorRegistry) -> Counter:
    """Apart from those of messages, whose alert they must not move."""
    text = "Attempts to deliver webhooks, by outcome"
    counter = Counter("seat_webhook_deliveries", text, ["outcome"], registry=registry)
    for state in set(WebhookDeliveryState) - {WebhookDeliveryState.SENDING}:
        counter.labels(state.value)  # from 0 on, or the first one would not be seen to be one more
    return counter
