"""A client generated from the OpenAPI document by openapi-python-client."""

from __future__ import annotations

import datetime
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from handlers.api_routes import document
from models.identity.api_tokens import Scope
from tests.api.api_tokens import program
from tests.api.cas_sign_in import sign_in
from tests.living import SEAT, Living

pytestmark = pytest.mark.whole

NAME: Final = "generated_seat_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("generated")
    openapi = folder / "openapi.json"
    openapi.write_text(json.dumps(document()))
    config = folder / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = ("generate", "--path", openapi, "--config", config, "--meta", "none")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", *map(str, command)),
            *("--output-path", str(folder / NAME), "--fail-on-warning"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        importlib.invalidate_caches()
        yield folder / NAME
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def part(name: str) -> Any:
    return importlib.import_module(f"{NAME}.{name}")


async def test_a_generated_client_binds_books_and_checks_in(
    service: Living, generated: Path
) -> None:
    assert (generated / "api" / "gates" / "gates_report_events.py").exists()
    student = service.stranger()
    await sign_in(student)
    activation = await student.ok("POST", "/activation-codes", {}, Origin=service.base)
    keys = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
    (key,) = (item["key"] for item in keys if item["id"] == "2f-south")

    models, client = part("models"), part("client")

    def call(name: str) -> Any:
        return part(f"api.{name}").asyncio

    async with client.Client(base_url=service.base) as anyone:
        code = models.WxLogin(code=f"demo-{student.name}-1")
        login = await call("identity.accounts_wx_login")(client=anyone, body=code)
    assert login.bound is False
    async with (
        client.AuthenticatedClient(base_url=service.base, token=login.token) as reader,
        client.AuthenticatedClient(
            base_url=service.base, token=key, prefix="", auth_header_name="X-Kiosk-Key"
        ) as kiosk,
    ):
        bind = models.Bind(activation_code=activation["code"])
        bound = await call("identity.accounts_bind")(client=reader, body=bind)
        assert bound.reader.student_no_masked.endswith(student.number[-2:])

        day = datetime.date.fromisoformat(service.today)
        wish = models.CreateReservation(seat_id=SEAT, date=day, start="now", end="12:00")
        reserve = call("reservations.reservations_create")
        made = await reserve(client=reader, body=wish, idempotency_key="k1")
        assert (await reserve(client=reader, body=wish, idempotency_key="k1")).id == made.id
        refused = await reserve(client=reader, body=wish)
        assert refused.error.code == "own_overlap"

        at_kiosk = await call("kiosks.kiosks_current_code")("2f-south", client=kiosk)
        check_in = call("reservations.check_in_check_in")
        scanned = models.ScanRequest(qr=at_kiosk.payload)
        assert (await check_in(made.id, client=reader, body=scanned)).state == "in_use"
        listed = await call("reservations.reservations_list_own")(client=reader)
    assert [(item.id, item.state) for item in listed.items] == [(made.id, "in_use")]


async def test_a_generated_client_works_with_a_scoped_token(
    service: Living, generated: Path
) -> None:
    """The program reads what its scopes allow and gets an error code for the rest."""
    assert (generated / "api" / "staff").exists()
    reader = await service.reader()
    await reader.reserve()
    report = await program(service, Scope.OCCUPANCY_READ, Scope.RESERVATIONS_READ)
    async with part("client").AuthenticatedClient(
        base_url=service.base, token=report.token
    ) as client:
        call = part("api.staff.staff_list_reservations").asyncio
        (item,) = (await call(client=client, area="2f-hall", limit=10)).items
        assert item.seat.id == SEAT and item.reader_id != reader.reader_id, "a pseudonym"
        areas = await part("api.seats.seat_map_list_areas").asyncio(client=client)
        assert {area.id for area in areas.items} == set(service.inside.reference.catalog.areas)
        refused = await part("api.staff.staff_statistics").asyncio(client=client)
        assert refused.error.code == "scope_missing"
