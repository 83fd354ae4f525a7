"""Load shedding and rate limits when many readers come at once or one floods the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import time
from urllib.parse import urlencode

import pytest

from bind.session_service import SessionService
from handlers.http.authentication import BOOKINGS
from handlers.http.keys import LOAD_SHEDDER
from handlers.http.load_shedding import LONGEST_WAIT_S, PRESSING, SLOTS, Places, WriteQueue
from miniapp_server.keys import REVOCATIONS
from models.identity.entities import Principal
from models.identity.session_repository import SessionRepository
from models.kernel.errors import Unauthenticated
from models.policy.entities import Policy
from models.storage.encryption import FieldCipher
from tests.api.browsing import Browser
from tests.living import SEAT, Client, Living, living
from tests.waiting import patience

LOCAL = "127.0.0.1"
LOGOUT = (
    '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">'
    "<samlp:SessionIndex>{}</samlp:SessionIndex></samlp:LogoutRequest>"
)


@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with production rate limits; tomorrow becomes bookable at 20:00."""
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1", TRUSTED_PROXIES=LOCAL) as service:
        inside = service.inside
        await inside.stored.policies.add_missing(
            Policy(version=2, booking_opens_at=time(20)), service.clock.now()
        )
        await inside.reference.refresh()
        yield service


async def test_a_reader_who_floods_before_the_opening_is_throttled_at_it(strict: Living) -> None:
    hasty, patient = await strict.reader(), await strict.reader()
    same_person = await strict.web_reader(hasty)
    wish = {"seat_id": SEAT, "date": strict.tomorrow, "start": "10:00", "end": "11:00"}
    for _ in range(int(BOOKINGS.capacity)):
        await hasty.refused("422 not_open_yet", "POST", "/reservations", wish)
    await hasty.refused("429 throttled", "POST", "/reservations", wish)
    await same_person.refused("429 throttled", "POST", "/reservations", wish)
    await strict.jump("20:00")
    await hasty.refused("429 throttled", "POST", "/reservations", wish)
    assert (await patient.post("/reservations", wish)).status == 201
    assert (await hasty.get("/me")).status == 200, "looking is another bucket"


@pytest.mark.whole
async def test_invalid_tokens_do_not_throttle_readers_of_the_same_address(strict: Living) -> None:
    readers = [await strict.reader() for _ in range(4)]
    web, ended = await strict.web_reader(readers[0]), await strict.reader()
    issued, gone = readers[0].token, ended.token
    assert (await ended.call("DELETE", "/sessions/current")).status == 204
    junk = [
        *(f"junk{number}" for number in range(40)),
        *(f"{number:043d}" + issued[43:] for number in range(40)),
        *(issued[:43] + f"{number:016x}" for number in range(40)),
        *(issued[:-1], issued + "0", issued[1:], issued.upper(), "\u00fc" * 59, gone),
    ]
    guesser = strict.stranger()

    async def ask(token: str, path: str) -> int:
        if path.startswith("//"):
            return (await guesser.get(path, Cookie=f"seat_sid={token}")).status
        return (await guesser.get(path, Authorization=f"Bearer {token}")).status

    for _ in range(3):
        answers = [await ask(token, path) for token in junk for path in ("/me", "//me")]
        assert set(answers[::2]) == {401} and set(answers[1::2]) == {303}
        strict.sessions.invalidate_all()  # as five seconds do
        seen = [(await reader.get("/me")).status for reader in readers]
        seen.append(await ask(web.token, "//me"))
        assert seen == [200] * 5
    bookable = {"seat_id": SEAT, "date": strict.today, "start": "14:00", "end": "15:00"}
    assert (await readers[1].post("/reservations", bookable)).status == 201


async def test_a_token_is_verified_by_any_live_key_and_junk_without_a_query(strict: Living) -> None:
    old, new = bytes(32), bytes(31) + b"1"
    before, both, after = (
        FieldCipher({1: old}),
        FieldCipher({1: old, 2: new}),
        FieldCipher({2: new}),
    )
    first, second = before.new_token(), both.new_token()
    verified = [[s.has_issued(token) for s in (before, both, after)] for token in (first, second)]
    assert verified == [[True, True, False], [False, True, True]]

    class Counted(SessionRepository):
        looked = 0

        async def find_principal(self, session_id: str) -> Principal | None:
            self.looked += 1
            return await super().find_principal(session_id)

    stored = Counted(strict.db, both)
    sessions = SessionService(
        stored, strict.inside.stored.api_tokens, both, strict.app[REVOCATIONS].publish
    )
    now = strict.clock.now()
    for token, looks in (("junk", 0), (first[::-1], 0), (first, 1), (first, 1), (second, 2)):
        with pytest.raises(Unauthenticated):
            await sessions.principal(token, now)
        assert stored.looked == looks, token


@pytest.mark.whole
async def test_logouts_of_unknown_tickets_are_throttled_and_stored_sparingly(
    strict: Living, long: bool
) -> None:
    reader, sessions, now = await strict.web_reader(), strict.sessions, strict.clock.now()
    reader.token = (await sessions.open_web(reader.reader_id, "ST-real", now)).token
    assert (await reader.get("/me")).status == 200
    stranger = strict.stranger()

    async def logout(ticket: str, **headers: str) -> int:
        form = urlencode({"logoutRequest": LOGOUT.format(ticket)}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return (await stranger.post("//login/cas", form, **kind, **headers)).status

    answers = await asyncio.gather(*(logout(f"ST-junk-{n}") for n in range(2000 if long else 700)))
    assert set(answers) == {204, 429}
    left = await strict.db["logged_out_tickets"].count_documents({})
    assert left == answers.count(204), "those that were refused leave nothing"
    # From the same address a ticket with a session is heard; from another one any ticket.
    assert await logout("ST-real") == 204
    assert (await reader.get("/me")).status == 401
    assert await logout("ST-to-come", **{"X-Forwarded-For": "10.1.1.1"}) == 204
    with pytest.raises(Unauthenticated):
        await sessions.open_web(reader.reader_id, "ST-to-come", now)


async def test_a_full_queue_answers_busy_at_once(service: Living) -> None:
    now = 0.0
    admission = service.app[LOAD_SHEDDER]
    door = admission.door = WriteQueue(Places(clock=lambda: now))
    for _ in range(SLOTS):
        await door.acquire()
    reader = await service.reader()
    wish = {"seat_id": SEAT, "date": service.today, "start": "14:00", "end": "16:00"}
    waits = asyncio.create_task(reader.post("/reservations", wish))
    async with asyncio.timeout(patience(10)):
        while not door.oldest_s and not waits.done():
            now += 0.001
            await asyncio.sleep(0)
    now += LONGEST_WAIT_S / 2
    await reader.refused("503 busy", "GET", "/areas")
    page = await Browser(await service.web_reader()).get("/reservations?done=reserve")
    assert page.status == 503 and "这一页暂时没有打开" in page.body
    assert "没有完成" not in page.body, (
        "a look that is refused is no failure of what was sent before"
    )
    assert 'href="/reservations?done=reserve"' in page.body and "刷新" in page.body
    assert not waits.done()
    now += LONGEST_WAIT_S
    sent_away = await waits
    assert (sent_away.status, sent_away.code) == (503, "busy")
    assert int(sent_away.headers["Retry-After"]) >= 1
    assert (await reader.get("//healthz")).status == 200, "liveness waits for nobody"
    door.release()
    assert (await reader.post("/reservations", wish)).status == 201
    assert (await reader.get("/areas")).status == 200


@pytest.mark.whole
async def test_messages_wait_during_a_rush_except_in_the_sandbox(service: Living) -> None:
    """Deliveries by a worker's own loop wait for ten seconds of it, however long the job has rested
    before; those by a move of the sandbox's clock do not."""
    time = [1000.0]
    door = service.app[LOAD_SHEDDER].door = WriteQueue(Places(clock=lambda: time[0]))
    door.tick()
    time[0] += 3600
    groups = {group.name: group for group in service.scheduler.groups}
    reader, stepped, another = [await service.reader() for _ in range(3)]

    async def count_messages(who: Client) -> int:
        return len((await who.ok("GET", "/messages"))["items"])

    async def reserved(who: Client, seat: str) -> None:
        await who.reserve(seat, "14:00", "15:00")
        await service.scheduler.run_round(groups["dispatch_outbox"])

    for _ in range(PRESSING):
        await door.acquire()
    await reserved(reader, "2f-hall-001")
    assert await count_messages(reader) == 0
    door.tick()
    time[0] += 9
    for _ in range(PRESSING):
        door.release()
    await service.scheduler.run_round(groups["dispatch_outbox"])
    assert await count_messages(reader) == 0, "a batch has just left"
    door.tick()
    door.tick()
    await service.scheduler.run_round(groups["dispatch_outbox"])
    assert await count_messages(reader) == 1

    for _ in range(PRESSING):
        await door.acquire()
    await reserved(stepped, "2f-hall-002")
    assert await count_messages(stepped) == 0
    await service.settle()
    assert await count_messages(stepped) == 1

    door.tick()
    time[0] += 9
    await reserved(another, "2f-hall-003")
    assert await count_messages(another) == 0
    time[0] += 2  # so it is the usual load
    await service.scheduler.run_round(groups["dispatch_outbox"])
    assert await count_messages(another) == 1
