"""Webhooks in the console: secrets and refusals."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from models.storage.encryption import FieldCipher
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import MOST_ENDPOINTS, WebhookId
from tests.api.webhook_console import PATH, console, endpoint
from tests.living import Living, living
from tests.receiver import NewReceiver


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with this machine's address allowed for webhooks."""
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        yield running


@pytest.mark.whole
async def test_a_rotated_secret_signs_together_with_the_old_one_until_it_is_ended(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    old = at.secret
    turned = await at.operate("rotate")
    new = re.search(r"<code>(whsec_[^<]+)</code>", turned.body)
    assert new is not None and new[1] != old
    await reader.reserve("2f-hall-001")
    await service.settle()
    assert program.verified(old) == program.verified(new[1])
    assert len(program.raw[0][0]["webhook-signature"].split(" ")) == 2
    assert (await at.operate("end-old-secret")).status == 303
    program.raw.clear()
    await at.operate("test")
    assert program.verified(new[1])[0]["type"] == "webhook.ping"
    with pytest.raises(WebhookVerificationError):
        program.verified(old)
    # The answer to a rotation is lost, and it is done again: the secret that works goes on.
    assert (await at.operate("rotate")).status == 200
    again = re.search(r"whsec_[\w+/=]+", (await at.operate("rotate")).body)
    assert again is not None
    program.raw.clear()
    await at.operate("test")
    assert program.verified(new[1]) == program.verified(again[0])
    await service.move(timedelta(hours=25))
    await at.sign_in()
    program.raw.clear()
    await at.operate("test")
    with pytest.raises(WebhookVerificationError):
        program.verified(new[1])
    assert program.verified(again[0])
    everything = await service.all_documents()
    assert not any(secret in everything for secret in (old, new[1], again[0]))


async def test_a_form_sent_twice_makes_one_endpoint(service: Living, receiver: NewReceiver) -> None:
    """Reloading the page that shows a secret reports the completed change."""
    program = await receiver()
    at = await console(service)
    assert (await at.add(program.url, key="k" * 20)).status == 200
    again = await at.add(program.url, key="k" * 20)
    assert again.status == 409 and "已经新增过" in again.body and "whsec_" not in again.body
    assert await service.db["webhooks"].count_documents({}) == 1
    (endpoint_now,) = await service.inside.stored.webhooks.all()
    at.id = endpoint_now.id
    base = {"base": str(endpoint_now.rev)}
    assert (await at.post(f"{PATH}/{at.id}/rotate", **base)).status == 200
    again = await at.post(f"{PATH}/{at.id}/rotate", **base)
    assert again.status == 409 and "密钥已经更换" in again.body
    assert (await at.operate("disable")).status == 303
    assert "已停用" in await at.page()
    rows = [row async for row in service.db["audit"].find().sort("_id")]
    assert {row["target"] for row in rows} == {f"webhook:{at.id}"}
    done = [(row["action"], row["after"]) for row in rows if row["outcome"] == "done"]
    assert [after for _, after in done[1:]] == [{}, {"enabled": False}]


async def test_the_console_refuses_invalid_endpoints_and_keeps_the_input(service: Living) -> None:
    at = await console(service)
    before = await service.books()
    for wrong, said in (
        ({"url": "https://10.0.0.1/"}, "内部网络"),
        ({"description": ""}, "说明"),
        ({"event": []}, "至少一种"),
        ({"event": ["reservation.eaten"]}, "至少一种"),
        ({"reason": ""}, "原因"),
    ):
        form: dict[str, object] = {"url": "https://a.example/hook", **wrong}
        answer = await at.add(str(form.pop("url")), **form)
        assert answer.status == 400 and said in answer.body, (wrong, answer.status)
    assert await service.books() == before
    for _ in range(MOST_ENDPOINTS):
        assert (await at.add("https://a.example/hook?token=t0psecret")).status == 200
    full = await at.add("https://a.example/hook")
    assert full.status == 409 and "上限" in full.body
    assert "t0psecret" not in str(await service.db["audit"].find().to_list(None))
    one = (await service.inside.stored.webhooks.all())[0]
    at.id = one.id
    stale = await at.post(f"{PATH}/{one.id}/disable", base="0")
    assert stale.status == 409 and "刚刚被其他人修改过" in stale.body
    assert (await at.operate("disable")).status == 303
    assert (await at.operate("delete")).status == 303
    assert (await at.desk.get(f"{PATH}/{one.id}")).status == 404
    assert len(await service.inside.stored.webhooks.all()) == MOST_ENDPOINTS - 1


@pytest.mark.whole
async def test_old_deliveries_are_deleted_and_secrets_reencrypted(
    service: Living, receiver: NewReceiver
) -> None:
    sound, broken = await receiver(), await receiver()
    at, _ = await endpoint(service, sound), await endpoint(service, broken)
    broken.answer = lambda _: web.Response(status=500)
    reader = await service.reader()
    await reader.reserve("2f-hall-001", date=service.tomorrow)
    await service.settle()
    await service.move(timedelta(hours=25))
    stored, now = service.inside.stored, service.clock.now()
    states = []
    for days in (5, 7, 28, 31):
        ids = [e.id for e in await stored.webhooks.all()]
        later = now + timedelta(days=days)
        delivered, dead = later - timedelta(days=7), later - timedelta(days=30)
        await stored.webhook_deliveries.prune(delivered, dead, ids)
        rows = await service.db["webhook_deliveries"].find().to_list(None)
        states.append(sorted(row["state"] for row in rows))
    assert states == [["dead", "delivered"], ["dead"], ["dead"], []]
    both = FieldCipher({1: b"k" * 32, 2: b"n" * 32})
    anew = WebhookEndpointRepository(service.db, both)
    assert (await anew.reencrypt(), await anew.reencrypt()) == (2, 0)
    only = WebhookEndpointRepository(service.db, FieldCipher({2: b"n" * 32}))
    endpoint_found = await only.with_keys(WebhookId(at.id), now)
    assert endpoint_found is not None and endpoint_found[1].secrets == (at.secret,)
