"""The console's page of webhooks, as an administrator uses it, and the schemas of the events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs

from models.identity.roles import Role
from models.webhooks.entities import WebhookEventType
from tests.api.browsing import FORM, Browser
from tests.api.console import WHEREFORE, staff
from tests.living import Answer, Living
from tests.receiver import Receiver

PATH = "/console/webhooks"
EVERY = [event.value for event in WebhookEventType]


@dataclass(slots=True)
class Console:
    """An administrator with one endpoint."""

    service: Living
    desk: Browser
    id: str = ""
    secret: str = ""

    async def sign_in(self) -> None:
        self.desk = await staff(self.service, Role.ADMINISTRATOR)

    async def post(self, path: str, **form: object) -> Answer:
        csrf = await self.desk.token("/contact")
        fields: dict[str, object] = {"csrf": csrf, "reason": WHEREFORE, **form}
        body = urlencode(fields, doseq=True).encode()
        headers = self.desk.cookie | {"Origin": self.service.base}
        return await self.desk.client.post(f"/{path}", body, **FORM, **headers)

    async def add(self, url: str, **form: object) -> Answer:
        given: dict[str, object] = {"url": url, "description": "门口屏", "event": EVERY}
        return await self.post(PATH, **given | form)

    async def page(self) -> str:
        return str((await self.desk.get(f"{PATH}/{self.id}")).body)

    async def operate(self, verb: str, **form: object) -> Answer:
        base = re.search(r'name="base" value="(\d+)"', await self.page())
        assert base is not None
        given: dict[str, object] = {"base": base[1]}
        return await self.post(f"{PATH}/{self.id}/{verb}", **given | form)


async def console(service: Living) -> Console:
    return Console(service, await staff(service, Role.ADMINISTRATOR))


async def endpoint(service: Living, program: Receiver, **form: object) -> Console:
    """A new endpoint of the program, subscribed to everything unless the form says otherwise."""
    at = await console(service)
    made = await at.add(program.url, **form)
    assert made.status == 200, made.body
    match = re.search(r"<code>(whsec_[^<]+)</code>", made.body)
    where = re.search(r'action="/console/webhooks/([0-9a-f]{24})/test"', made.body)
    assert match is not None and where is not None
    at.id, at.secret = where[1], match[1]
    return at


async def judge(service: Living, bodies: list[Any]) -> None:
    """Validates each body against the schema that OpenAPI's ``webhooks`` give its type."""
    document = (await service.anonymous.get("//openapi.json")).body
    assert set(document["webhooks"]) == {*EVERY, "webhook.ping"}
    for body in bodies:
        content = document["webhooks"][body["type"]]["post"]["requestBody"]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        jsonschema_rs.validate(schema, body)
        wrong = {"id": 7, "area_id": 7, "season_id": 7}
        extra = {**body, "data": {**body["data"], **wrong}}
        assert not jsonschema_rs.is_valid(schema, extra)
