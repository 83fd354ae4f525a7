"""One request id links a request to its log lines, its message and the call that sends it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from aiohttp import web

from handlers.http.keys import HEALTH
from tests.api.browsing import Browser
from tests.api.console import post
from tests.api.wecom import SETTINGS, WeCom
from tests.living import living
from tests.log_lines import Lines, log_lines
from tests.stand_in import StandIn

ID = "X-Request-Id"
MADE_HERE = re.compile(r"[0-9a-f]{16}")


@pytest.fixture
def log() -> Iterator[Lines]:
    with log_lines() as lines:
        yield lines


@pytest.mark.parametrize(("proxies", "believed"), [("", False), ("127.0.0.1", True)])
async def test_a_request_id_is_accepted_from_a_trusted_proxy_only(
    mongo_url: str, redis_url: str, proxies: str, believed: bool
) -> None:
    async with living(mongo_url, redis_url, TRUSTED_PROXIES=proxies) as service:
        # Through it comes the client's address too; the id is the proxy's word.
        for given, well_formed in (
            ("abc-1.2_3", True),
            ("a" * 64, True),
            ("a" * 65, False),
            ("", False),
            ("<script>", False),
            ("a b", False),
            ('a","level":"error', False),
        ):
            answer = await service.anonymous.get("/me", **{ID: given})
            request_id = answer.headers[ID]
            if believed and well_formed:
                assert request_id == given
            else:
                assert MADE_HERE.fullmatch(request_id), given


@pytest.fixture
async def side(stand_in: StandIn) -> tuple[WeCom, str, list[tuple[str, str]]]:
    wecom, requests = WeCom(), list[tuple[str, str]]()

    async def send(request: web.Request) -> web.Response:
        requests.append((request.path, request.headers.get(ID, "")))
        return await wecom.send(request)

    routes = [
        web.get("/cgi-bin/gettoken", wecom.gettoken),
        web.post("/cgi-bin/message/send", send),
    ]
    url = await stand_in(routes)
    return wecom, url, requests


@pytest.mark.whole
async def test_a_message_is_sent_under_the_id_of_the_request_that_caused_it(
    mongo_url: str, redis_url: str, side: tuple[WeCom, str, list[tuple[str, str]]], log: Lines
) -> None:
    wecom, url, requests = side
    async with living(
        mongo_url,
        redis_url,
        **SETTINGS,
        WECOM_BASE_URL=url,
        WECOM_MESSAGES="1",
        TRUSTED_PROXIES="127.0.0.1",
    ) as service:
        reader = await service.web_reader()
        wecom.members.add(reader.number)
        await post(service, Browser(await service.web_reader(reader)), "/me/wecom", RESERVED="1")
        wish = {"seat_id": "2f-hall-065", "date": service.today, "start": "14:00", "end": "16:00"}
        await reader.ok("POST", "/reservations", wish, **{ID: "booked-1"})
        # Some time later, in a job of its own.
        await service.settle()
        assert requests == [("/cgi-bin/message/send", "booked-1")]
        token, line = log.of("outgoing_call")
        assert (token["asked"], token["request_id"]) == ("GET /cgi-bin/gettoken", "booked-1")
        assert line.pop("ms") < 60_000 and line.pop("ts")
        assert line == {
            "level": "debug",
            "logger": "notify.outgoing_calls",
            "event": "outgoing_call",
            "database": service.db.name,
            "request_id": "booked-1",
            "system": "wecom",
            "asked": "POST /cgi-bin/message/send",
            "outcome": "answered",
            "answer": "200",
        }
        assert "access_token" not in log.written.getvalue()
        assert "corp-secret" not in log.written.getvalue()
        # One that fails is told of at any level.
        wecom.status = 502
        logging.getLogger("notify.outgoing_calls").setLevel(logging.WARNING)
        wish["date"] = service.tomorrow
        await reader.ok("POST", "/reservations", wish, **{ID: "booked-2"})
        await service.settle({"dispatch_outbox", "deliver_wecom"})
        *_, line = log.of("outgoing_call")
        context = {"request_id": "booked-2", "level": "warning", "outcome": "http_error"}
        assert line.items() >= context.items() and line["answer"] == "502"


async def test_failures_are_logged_under_their_request_or_job_run(
    mongo_url: str, redis_url: str, log: Lines
) -> None:
    async with living(mongo_url, redis_url, MONITORS="127.0.0.1") as service:

        async def broken() -> tuple[bool, dict[str, str]]:
            raise RuntimeError("of this test")

        service.app._state[HEALTH] = broken  # which is frozen
        answer = await service.anonymous.get("//readyz")
        assert (answer.status, answer.code) == (500, "internal")
        (line,) = log.of("request_failed")
        request_id = answer.headers[ID]
        assert line["request_id"] == request_id == answer.details["request_id"]

        runs = []
        for _ in range(2):
            job = service.scheduler.job("prune")
            assert job is not None
            await job.run_once(service.clock.now())
            logging.getLogger("tests").warning("after_a_run")
            runs.append(log.of("after_a_run")[-1]["request_id"])
        assert len(set(runs)) == 2
        assert all(re.fullmatch(r"prune\.[0-9a-f]{16}", run) for run in runs)
