"""The delivery benchmark's short form, judged by what was sent and never by time."""

from __future__ import annotations

from lab.bench.delivery import delivery
from notify.wechat.channel import CONCURRENCY


async def test_the_short_delivery_benchmark_sends_each_message_once(
    mongo_url: str, redis_url: str
) -> None:
    report = await delivery(mongo_url, redis_url, messages=400, latency_s=0.02)
    assert report["errors"] == {} and report["sent"] == 400
    assert 0 < report["at_once"] <= CONCURRENCY and report["bound_per_second"] == CONCURRENCY / 0.02
    assert 0 < report["ratio"] == report["per_second"] / report["bound_per_second"]
