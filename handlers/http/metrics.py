from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

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

_SCHOOL: Final = "school"
_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)


class _Maker:
    """Makes the metrics of one application. If it shares its process with those of other schools,
    each metric has the label ``school``, which code that counts does not see."""

    def __init__(self, school: str) -> None:
        self._school = school
        self.registry = CollectorRegistry()

    def __call__(
        self, kind: type[_Kind], name: str, text: str, labels: Sequence[str] = (), **options: Any
    ) -> _Kind:
        if not self._school:
            return kind(name, text, labels, registry=self.registry, **options)
        metric = kind(name, text, [_SCHOOL, *labels], registry=self.registry, **options)
        return (
            cast(_Kind, _OfSchool(metric, self._school)) if labels else metric.labels(self._school)
        )


class _OfSchool:
    """A metric with labels of its own, without the label of its school."""

    def __init__(self, metric: Counter | Gauge | Histogram, school: str) -> None:
        self._metric, self._school = metric, school

    def labels(self, *values: str) -> Counter | Gauge | Histogram:
        return self._metric.labels(self._school, *values)


class _SamplesOf(Collector):
    """The samples of one school among those of all processes and schools."""

    def __init__(self, all: CollectorRegistry, school: str) -> None:
        self._all, self._school = all, school

    def collect(self) -> Iterable[Metric]:
        for metric in self._all.collect():
            metric.samples = [s for s in metric.samples if s.labels[_SCHOOL] == self._school]
            yield metric


def exposition_of_all(folder: Path) -> bytes:
    """The metrics of all processes and schools that count in the folder, in Prometheus's format.
    It reads files: call it in a thread."""
    return generate_latest(_registry_of(folder))


def _registry_of(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry


class BookingMetrics:
    """Counters of the reservation changes that this process stores."""

    def __init__(self, make: _Maker) -> None:
        self._events: dict[tuple[str, str], Counter] = {}
        self.events = make(
            Counter,
            "seat_reservation_events",
            "Stored changes of reservations, by event and by what made them (via)",
            ["event", "via"],
        )
        # Start at 0: Prometheus counts no increase for a series that appears with 1.
        for event, ways in _COUNTED_FROM_THE_START.items():
            for way in ways:
                self._events[event, way] = self.events.labels(event, way)
        self.claims = make(
            Counter,
            "seat_claims",
            "Stored claims: half hours of seats and of readers, and other unique claims",
        )
        self.conflicts = make(
            Counter,
            "seat_claim_conflicts",
            "Writes that the claim index refused, by the kind of the claim that lost",
            ["kind"],
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

    def __init__(self, make: _Maker) -> None:
        self.effects = make(Counter, "seat_job_effects", "Effects of jobs, by job", ["job_name"])
        self.failures = make(Counter, "seat_job_failures", "Failed rounds of jobs", ["job_name"])
        self.delay = make(
            Histogram,
            "seat_job_delay_seconds",
            "Delay of a round of jobs: time since the previous round began, less its interval",
            ["job_name"],
            buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30),
        )
        # Timestamps, not ages: the latest of all workers is right, though one that no longer
        # runs the job still exports its last.
        self.last_success = make(
            Gauge,
            "seat_job_last_success_timestamp_seconds",
            "Time when a round of jobs last ended without an error",
            ["job_name"],
            multiprocess_mode="max",
        )
        self.interval = make(
            Gauge,
            "seat_job_interval_seconds",
            "Interval of a round of jobs",
            ["job_name"],
            multiprocess_mode="max",
        )
        self.due_since = make(
            Gauge,
            "seat_queue_due_since_timestamp_seconds",
            "Time when the oldest due entry of a queue became due; now if none is due",
            ["queue"],
            multiprocess_mode="max",
        )


class LoadMetrics:
    def __init__(self, make: _Maker) -> None:
        self.loop_delay = make(
            Gauge,
            "seat_event_loop_delay_seconds",
            "Longest delay of an event loop in the last five seconds",
            multiprocess_mode="livemax",
        )
        self.changes_under_way = make(
            Gauge,
            "seat_changes_under_way",
            "Changes in progress",
            multiprocess_mode="livesum",
        )
        self.changes_waiting = make(
            Gauge,
            "seat_changes_waiting",
            "Changes in the queue, waiting to start",
            multiprocess_mode="livesum",
        )
        self.draw_waiting = make(
            Gauge,
            "seat_opening_draw_waiting",
            "Requests in an opening draw, waiting or being served",
            multiprocess_mode="livesum",
        )
        self.stream_lag = make(
            Gauge,
            "seat_change_stream_lag_seconds",
            "Age of the change stream's latest state; about a second without load",
            multiprocess_mode="livemax",
        )
        self.mongodb = make(
            Histogram,
            "seat_mongodb_round_trip_seconds",
            "Duration of a hello command to MongoDB, measured once a second",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5),
        )
        self.outgoing = make(
            Histogram,
            "seat_outgoing_seconds",
            "Time from a call to another service until its response begins, by outcome",
            ["system", "outcome"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )

    def called(self, system: str, outcome: str, seconds: float) -> None:
        self.outgoing.labels(system, outcome).observe(seconds)


def _instant(make: _Maker, name: str, what: str) -> Gauge:
    return make(
        Gauge,
        f"seat_last_{name}_timestamp_seconds",
        f"Time of the last {what}; 0 if there was none",
        multiprocess_mode="mostrecent",
    )


def _database_outdated(make: _Maker) -> Gauge:
    return make(
        Gauge,
        "seat_database_outdated",
        "1 if the release of a database has known vulnerabilities or no support, by server",
        ["server"],
        multiprocess_mode="mostrecent",
    )


class Metrics:
    """All metrics, in one registry for each application, so that tests do not share counts.

    Processes that serve together count in files of one ``folder``, and each of them can export the
    sum. ``folder`` must be the one in PROMETHEUS_MULTIPROC_DIR, which prometheus_client reads at
    its import.
    """

    def __init__(self, folder: Path | None = None, school: str = "") -> None:
        """``school``: the name of the application's school if several share this process."""
        self._folder, self._school = folder, school
        self._answered: dict[tuple[str, str, int], Histogram] = {}
        make = _Maker(school)
        self._registry = make.registry
        self.requests = make(
            Histogram,
            "seat_http_request_seconds",
            "Duration of requests, by route and status",
            ["route", "method", "status"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.refusals = make(Counter, "seat_refusals", "Refused requests, by error code", ["code"])
        self.deliveries = make(
            Counter,
            "seat_deliveries",
            "Attempts to deliver messages, by channel and outcome",
            ["channel", "outcome"],
        )
        self.webhook_deliveries = _webhook_deliveries(make)
        self.channel_paused = make(
            Gauge,
            "seat_channel_paused",
            "1 while the channel is paused and sends nothing, by reason",
            ["channel", "reason"],
            multiprocess_mode="livemax",
        )
        self.event_streams = make(
            Gauge,
            "seat_event_streams",
            "Open event streams",
            multiprocess_mode="livesum",
        )
        self.clock_offset = make(
            Gauge,
            "seat_clock_offset_seconds",
            "How far this host's clock is ahead of MongoDB's",
            multiprocess_mode="livemostrecent",
        )
        self.troubles = make(
            Gauge,
            "seat_troubles",
            "Number of troubles in /readyz, by kind",
            ["kind"],
            multiprocess_mode="mostrecent",
        )
        self.database_outdated = _database_outdated(make)
        self.last_backup = _instant(make, "backup", "successful backup")
        self.last_rehearsal = _instant(make, "rehearsal", "restore that was rehearsed")
        self.bookings = BookingMetrics(make)
        self.jobs = JobMetrics(make)
        self.load = LoadMetrics(make)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request. Labels are cached: their look-up costs more than the counting."""
        key = (route, method, status)
        child = self._answered.get(key)
        if child is None:
            child = self._answered[key] = self.requests.labels(route, method, str(status))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All processes' metrics in Prometheus's format, with a school those of this school alone.
        It may read files: call it in a thread."""
        registry = _registry_of(self._folder) if self._folder is not None else self._registry
        if self._school and self._folder is not None:
            own = CollectorRegistry()
            own.register(_SamplesOf(registry, self._school))
            registry = own
        return generate_latest(registry)


def _webhook_deliveries(make: _Maker) -> Counter:
    """The counter of webhook deliveries. It is separate from that of messages, so that failed
    webhooks do not trigger the alert for messages."""
    text = "Attempts to deliver webhooks, by outcome"
    counter = make(Counter, "seat_webhook_deliveries", text, ["outcome"])
    for state in set(WebhookDeliveryState) - {WebhookDeliveryState.SENDING}:
        counter.labels(state.value)  # a series that appears with 1 counts as no increase
    return counter
