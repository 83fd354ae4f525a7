"""/metrics and /readyz answer the listed monitors only, also behind proxies."""

from __future__ import annotations

import pytest

from tests.living import Living, living

FORWARDED = "X-Forwarded-For"


async def statuses(service: Living, **headers: str) -> dict[str, int]:
    ask = service.anonymous.get
    return {
        path: (await ask(f"//{path}", **headers)).status
        for path in ("healthz", "readyz", "metrics")
    }


ALL = {"healthz": 200, "readyz": 200, "metrics": 200}
ALIVE_ONLY = {"healthz": 200, "readyz": 403, "metrics": 403}


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        # By itself: this machine only, and nobody through a proxy that it does not know.
        ({}, [("", ALL), ("10.1.2.3", ALIVE_ONLY), ("127.0.0.1", ALIVE_ONLY)]),
        (
            {"TRUSTED_PROXIES": "127.0.0.1", "MONITORS": "10.1.0.0/16, 192.0.2.7"},
            [
                ("", ALIVE_ONLY),  # the proxy's own machine is not listed
                ("10.1.2.3", ALL),
                ("192.0.2.7", ALL),
                ("192.0.2.8", ALIVE_ONLY),
                ("10.1.2.3, 192.0.2.8", ALIVE_ONLY),  # what a client claims itself
                ("nonsense", ALIVE_ONLY),
            ],
        ),
    ],
)
async def test_only_listed_monitor_addresses_are_answered(
    mongo_url: str, redis_url: str, env: dict[str, str], asked: list[tuple[str, dict[str, int]]]
) -> None:
    async with living(mongo_url, redis_url, **env) as service:  # type: ignore[arg-type]
        for forwarded, expected in asked:
            headers = {FORWARDED: forwarded} if forwarded else {}
            assert await statuses(service, **headers) == expected, forwarded
