"""The short form of the delivery benchmark: the test checks what was sent, never times."""

from __future__ import annotations

from lab.bench.delivery import delivery
from notify.wechat.channel import CONCURRENCY


async def test_the_short_delivery_benchmark_sends_each_message_once(
    mongo_url: str, redis_url: str
) -> None:
    result = await delivery(mongo_url, redis_url, messages=400, latency_s=0.02)
    assert result["errors"] == {} and result["sent"] == 400
    assert 0 < result["at_once"] <= CONCURRENCY and result["bound_per_second"] == CONCURRENCY / 0.02
    assert 0 < result["ratio"] == result["per_second"] / result["bound_per_second"]
