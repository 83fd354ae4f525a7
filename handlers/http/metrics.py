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
    """Counters of the reservation changes that this process stores."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events: dict[tuple[str, str], Counter] = {}
        self.events = Counter(
            "seat_reservation_events",
            "Stored changes of reservations, by event and by what made them (via)",
            ["event", "via"],
            registry=registry,
        )
        # Start at 0: Prometheus counts no increase for a series that appears with 1.
        for event, ways in _COUNTED_FROM_THE_START.items():
            for way in ways:
                self._events[event, way] = self.events.labels(event, way)
        self.claims = Counter(
            "seat_claims",
            "Stored claims: half hours of seats and of readers, and other unique claims",
            registry=registry,
        )
        self.conflicts = Counter(
            "seat_claim_conflicts",
            "Writes that the claim index refused, by the kind of the claim that lost",
            ["kind"],
            registry=registry,
        )

    def written(self, old: Reservation | None, new: Reservation) -> None:
        """Counts a stored change: ``new`` replaces ``old``, or is a new reservation."""
        old_changes, old_claims = (len(old.history), old.claims) if old is not None else (0, ())
        for entry in new.history[old_changes:]:
            # For staff and gates ``via`` is an id: too many label values.
            way = entry.via if entry.by == _READER else entry.by
            child = self._events.get((entry.event, way))
            if child is None:
                child = self._events[entry.event, way] = self.events.labels(entry.event, way)
            child.inc()
        if not old_claims:
            self.claims.inc(len(new.claims))
        elif new.claims != old_claims:
            self.claims.inc(len(set(new.claims).difference(old_claims)))

    def lost(self, kind: ClaimKind | None) -> None:
        """Counts a change that a unique index has refused. ``kind``: the kind of the claim that
        is held already; None if the document's id was taken."""
        self.conflicts.labels(kind.name.lower() if kind is not None else "id").inc()


class JobMetrics:
    """Metrics of this process's jobs. Their label is ``job_name``, because Prometheus itself
    uses the label ``job``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.effects = Counter(
            "seat_job_effects", "Effects of jobs, by job", ["job_name"], registry=registry
        )
        self.failures = Counter(
            "seat_job_failures", "Failed rounds of jobs", ["job_name"], registry=registry
        )
        self.delay = Histogram(
            "seat_job_delay_seconds",
            "Delay of a round of jobs: time since the previous round began, less its interval",
            ["job_name"],
            registry=registry,
            buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30),
        )
        # Timestamps, not ages: the latest of all workers is right, though one that no longer
        # runs the job still exports its last.
        self.last_success = Gauge(
            "seat_job_last_success_timestamp_seconds",
            "Time when a round of jobs last ended without an error",
            ["job_name"],
            registry=registry,
            multiprocess_mode="max",
        )
        self.interval = Gauge(
            "seat_job_interval_seconds",
            "Interval of a round of jobs",
            ["job_name"],
            registry=registry,
            multiprocess_mode="max",
        )
        self.due_since = Gauge(
            "seat_queue_due_since_timestamp_seconds",
            "Time when the oldest due entry of a queue became due; now if none is due",
            ["queue"],
            registry=registry,
            multiprocess_mode="max",
        )


class LoadMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.loop_delay = Gauge(
            "seat_event_loop_delay_seconds",
            "Longest delay of an event loop in the last five seconds",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.changes_under_way = Gauge(
            "seat_changes_under_way",
            "Changes in progress",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.changes_waiting = Gauge(
            "seat_changes_waiting",
            "Changes in the queue, waiting to start",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.draw_waiting = Gauge(
            "seat_opening_draw_waiting",
            "Requests in an opening draw, waiting or being served",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.stream_lag = Gauge(
            "seat_change_stream_lag_seconds",
            "Age of the change stream's latest state; about a second without load",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.mongodb = Histogram(
            "seat_mongodb_round_trip_seconds",
            "Duration of a hello command to MongoDB, measured once a second",
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5),
        )
        self.outgoing = Histogram(
            "seat_outgoing_seconds",
            "Time from a call to another service until its response begins, by outcome",
            ["system", "outcome"],
            registry=registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )

    def called(self, system: str, outcome: str, seconds: float) -> None:
        self.outgoing.labels(system, outcome).observe(seconds)


def _instant(registry: CollectorRegistry, name: str, what: str) -> Gauge:
    return Gauge(
        f"seat_last_{name}_timestamp_seconds",
        f"Time of the last {what}; 0 if there was none",
        registry=registry,
        multiprocess_mode="mostrecent",
    )


def _database_outdated(registry: CollectorRegistry) -> Gauge:
    return Gauge(
        "seat_database_outdated",
        "1 if the release of a database has known vulnerabilities or no support, by server",
        ["server"],
        registry=registry,
        multiprocess_mode="mostrecent",
    )


class Metrics:
    """All metrics, in one registry for each application, so that tests do not share counts.

    Processes that serve together count in files of one ``folder``, and each of them can export the
    sum. ``folder`` must be the one in PROMETHEUS_MULTIPROC_DIR, which prometheus_client reads at
    its import.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._answered: dict[tuple[str, str, int], Histogram] = {}
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "seat_http_request_seconds",
            "Duration of requests, by route and status",
            ["route", "method", "status"],
            registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.refusals = Counter(
            "seat_refusals", "Refused requests, by error code", ["code"], registry=self.registry
        )
        self.deliveries = Counter(
            "seat_deliveries",
            "Attempts to deliver messages, by channel and outcome",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self.webhook_deliveries = _webhook_deliveries(self.registry)
        self.channel_paused = Gauge(
            "seat_channel_paused",
            "1 while the channel is paused and sends nothing, by reason",
            ["channel", "reason"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.event_streams = Gauge(
            "seat_event_streams",
            "Open event streams",
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
            "Number of troubles in /readyz, by kind",
            ["kind"],
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.database_outdated = _database_outdated(self.registry)
        self.last_backup = _instant(self.registry, "backup", "successful backup")
        self.last_rehearsal = _instant(self.registry, "rehearsal", "restore that was rehearsed")
        self.bookings = BookingMetrics(self.registry)
        self.jobs = JobMetrics(self.registry)
        self.load = LoadMetrics(self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request. Labels are cached: their look-up costs more than the counting."""
        key = (route, method, status)
        child = self._answered.get(key)
        if child is None:
            child = self._answered[key] = self.requests.labels(route, method, str(status))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All processes' metrics in Prometheus's format. It may read files: call it in a thread."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _webhook_deliveries(registry: CollectorRegistry) -> Counter:
    """The counter of webhook deliveries. It is separate from that of messages, so that failed
    webhooks do not trigger the alert for messages."""
    text = "Attempts to deliver webhooks, by outcome"
    counter = Counter("seat_webhook_deliveries", text, ["outcome"], registry=registry)
    for state in set(WebhookDeliveryState) - {WebhookDeliveryState.SENDING}:
        counter.labels(state.value)  # a series that appears with 1 counts as no increase
    return counter
