"""Metrics in the format of Prometheus."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector


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
        self.last_backup = Gauge(
            "seat_last_backup_timestamp_seconds",
            "When the last good backup was taken; 0 if there was none",
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.job_effects = Counter(
            "seat_job_effects", "What jobs did, by job", ["job"], registry=self.registry
        )
        self.job_failures = Counter(
            "seat_job_failures", "Runs of jobs that failed", ["job"], registry=self.registry
        )

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
