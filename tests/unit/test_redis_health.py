"""The Redis health check when the server has closed an earlier connection."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from models.storage.redis_health import RedisHealth

CLOSED = RedisConnectionError("Connection closed by server.")
REFUSED = RedisConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")


class Client:
    """Answers each ping with the next of these; None is a successful answer."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)

    async def ping(self) -> None:
        if (error := self.answers.pop(0)) is not None:
            raise error


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        ([None], ""),
        ([REFUSED], "connection refused"),
        ([CLOSED, REFUSED], "connection refused"),
        ([CLOSED, None], ""),
        ([CLOSED, CLOSED], "unreachable"),
    ],
)
async def test_the_redis_health_check_retries_a_closed_connection(
    answers: list[Any], cause: str
) -> None:
    client: Any = Client(*answers)
    assert await RedisHealth(client, "redis://127.0.0.1:6379").look() == cause
    assert client.answers == []
