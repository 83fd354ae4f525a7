"""``check-config`` lists the settings without secrets, and what does not work and why."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shlex
import ssl
import sys
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from miniapp_server.cli.check_config import connection_rows, settings_rows
from miniapp_server.cli.settings import load
from miniapp_server.cli.verdicts import Verdict, table
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.settings.loading import VARIABLES
from tests.api.deliveries import misbehave
from tests.api.lying_provider import LyingProvider
from tests.certificates import make_certificate
from tests.living import ENCRYPTION_KEYS, Living
from tests.mail_server import MailServer
from tests.stand_in import application
from tests.survive.serving import command, ended

REFUSAL = """<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">
<cas:authenticationFailure code="INVALID_TICKET">no</cas:authenticationFailure>
</cas:serviceResponse>"""
ROOT = Path(__file__).parents[2]
TODAY = date(2026, 9, 7)


@pytest.fixture
def mail(mail: MailServer) -> MailServer:
    mail.senders = {"seats@lib.test"}
    return mail


@pytest.fixture
def env(service: Living, mongo_url: str, redis_url: str, mail: MailServer) -> dict[str, str]:
    """A production environment whose CAS and WeChat are a sandbox's."""
    return {
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "PUBLIC_BASE_URL": service.base,
        "CAS_BASE_URL": f"{service.base}/sandbox/cas",
        "WECHAT_BASE_URL": f"{service.base}/sandbox/wechat",
        "WECHAT_APPID": "wxsandbox",
        "WECHAT_SECRET": "sandbox-secret",
        "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
        "SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
        "MAIL_FROM": "seats@lib.test",
    }


# The driver leaves sockets of connections that it gives up to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_each_configured_connection_is_checked(
    env: dict[str, str], service: Living, mail: MailServer
) -> None:
    wrong = [
        ("MongoDB", {"MONGO_DATABASE": service.db.name}, "belongs to a sandbox"),
        ("Redis", {"REDIS_URL": "redis://127.0.0.1:9"}, "connection refused: start Redis"),
        ("Redis", {"REDIS_URL": env["REDIS_URL"].replace("//", "//nobody:pw@")}, "wrong password"),
        ("Redis", {"REDIS_URL": env["REDIS_URL"].rpartition("/")[0] + "/99"}, "no such database"),
        ("CAS", {"CAS_BASE_URL": f"{env['PUBLIC_BASE_URL']}/healthz"}, "not a CAS"),
        ("CAS", {"CAS_BASE_URL": "http://127.0.0.1:9/cas"}, "no connection"),
        ("WeChat", {"WECHAT_SECRET": "another"}, "refuses the secret"),
        ("WeChat", {"WECHAT_APPID": "wxother"}, "does not know this app id"),
        ("mail server", {"SMTP_URL": "smtp://127.0.0.1:9"}, "no answer"),
        ("mail server", {"SMTP_URL": f"smtp://u:pw@127.0.0.1:{mail.port}"}, "correct SMTP_URL"),
        ("mail server", {"MAIL_FROM": "other@lib.test"}, "correct MAIL_FROM"),
    ]
    tries = [{}, *(change for _, change, _ in wrong)]
    results = await asyncio.gather(
        *(connection_rows(load({**env, **change}), TODAY) for change in tries)
    )
    gc.collect()
    for row in results[0]:
        # The embedded MongoDB is an old one, for trying only.
        good = Verdict.WARNING if row.name == "MongoDB" else Verdict.OK
        assert row.verdict is good, row
    names = {"MongoDB", "Redis", "CAS", "WeChat", "WECHAT_TEMPLATES", "mail server"}
    assert {row.name for row in results[0]} == names
    for (name, change, words), rows in zip(wrong, results[1:], strict=True):
        troubles = [row for row in rows if row.verdict is Verdict.PROBLEM]
        assert [row.name for row in troubles] == [name], (change, rows)
        assert words in troubles[0].note, (change, troubles[0].note)


@pytest.mark.whole
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_each_template_is_compared_with_the_accounts(
    env: dict[str, str], service: Living
) -> None:
    """Templates that WeChat would refuse are reported before the first message."""
    own = json.loads(env["WECHAT_TEMPLATES"])
    own["RESERVED"]["template_id"] = "of-another-account"
    own["LEAVE"]["fields"] = {"thing1": "seat", "date2": "left_at"}
    own["OFFER"]["type"] = "long"

    async def compared() -> dict[str, tuple[Verdict, str]]:
        connections = await connection_rows(load(env), TODAY)
        return {r.value: (r.verdict, r.note) for r in connections if r.name == "WECHAT_TEMPLATES"}

    assert await compared() == {"12 as in the account": (Verdict.OK, "")}
    env["WECHAT_TEMPLATES"] = json.dumps(own)
    assert await compared() == {
        "RESERVED": (Verdict.PROBLEM, "the account has no template of-another-account"),
        "LEAVE": (
            Verdict.PROBLEM,
            "the template has no date2; fields lacks phrase4, thing5, time2, time3",
        ),
        "OFFER": (Verdict.PROBLEM, "type must be once"),
    }
    await misbehave(service, gettemplate={"errcode": 48001, "times": 1})
    note = "not compared: WeChat answers 48001"
    assert await compared() == {"": (Verdict.WARNING, note)}
    gc.collect()


@pytest.mark.whole
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_openid_provider_is_contacted(
    env: dict[str, str], lying_provider: LyingProvider
) -> None:
    del env["CAS_BASE_URL"], env["SMTP_URL"], env["MAIL_FROM"]
    env |= lying_provider.env(CLIENT_SECRET="oidc-pw")
    listing = table(settings_rows(load(env), env))
    assert "OIDC_CAMPUS_ISSUER" in listing and "oidc-pw" not in listing
    connections = await connection_rows(load(env), TODAY)
    (row,) = [row for row in connections if row.name.startswith(("OIDC", "CAS"))]
    assert (row.name, row.value, row.verdict) == ("OIDC campus", lying_provider.issuer, Verdict.OK)
    facts = "1 key, no sign-out, no back-channel logout"
    assert row.note == f"{facts}; redirect {env['PUBLIC_BASE_URL']}/login/oidc/campus"
    lying_provider.metadata = lambda metadata: metadata.update(issuer="https://other.example")
    (row,) = [r for r in await connection_rows(load(env), TODAY) if r.name == "OIDC campus"]
    assert row.verdict is Verdict.PROBLEM and "another issuer" in row.note
    gc.collect()


@pytest.mark.whole
async def test_an_untrusted_private_ca_is_reported_and_accepted_by_ssl_cert_file(
    env: dict[str, str], aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    """The campus's sign-on has a certificate of the campus's own CA."""

    async def refuses(_: web.Request) -> web.Response:
        return web.Response(text=REFUSAL, content_type="application/xml")

    files = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    app = application([web.get("/cas/p3/serviceValidate", refuses)])
    server = await aiohttp_server(app, ssl=context)
    env["CAS_BASE_URL"] = f"https://127.0.0.1:{server.port}/cas"
    (row,) = [r for r in await connection_rows(load(env), TODAY) if r.name == "CAS"]
    assert row.verdict is Verdict.PROBLEM
    assert "not trusted" in row.note and "SSL_CERT_FILE" in row.note
    gc.collect()
    settings = {**env, "SSL_CERT_FILE": str(files.certificate)}
    file = tmp_path / "env"
    file.write_text("\n".join(f"{name}='{value}'" for name, value in settings.items()), "utf-8")
    words = ("check-config", "--connect", "--env-file", str(file))
    status, out, err = await ended(await command(*words))
    assert status == 0, (out, err)
    assert re.search(rf"^CAS +{env['CAS_BASE_URL']} +ok", out, re.M), out


@pytest.mark.whole
async def test_check_config_reads_an_environment_file_as_systemd_does(
    env: dict[str, str], tmp_path: Path
) -> None:
    """The command runs in a real shell, and the file has everything that a shell would expand."""
    file = tmp_path / "env with spaces"
    odd = {"MONGO_URL": f"{env['MONGO_URL']}&appName=seats", "SITE_CONTACT": "电话 1|邮箱 a@b.c"}
    lines = [f"{name}={value}" for name, value in (env | odd).items() if '"' not in value]
    # Quoted for systemd, which needs no more than this.
    lines += [f"WECHAT_TEMPLATES='{env['WECHAT_TEMPLATES']}'", "SITE_TITLE=$HOME & co; `id`"]
    file.write_text("\n".join(lines), encoding="utf-8")
    # The line of the page, with the paths of this machine.
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    [line] = re.findall(r"^seats check-config .+/etc/seats/env$", page, re.M)
    seats = shlex.quote(str(Path(sys.executable).with_name("seats")))
    line = line.replace("seats", seats, 1)
    line = line.replace("/etc/seats/env", shlex.quote(str(file)))
    process = await asyncio.create_subprocess_shell(
        f"unset {' '.join(VARIABLES)}; {line}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, err = (part.decode() for part in await process.communicate())
    assert (process.returncode, err) == (0, ""), (out, err)
    assert "电话 1|邮箱 a@b.c" in out and "$HOME & co; `id`" in out and "Settings(" not in out
    assert "MongoDB" in out and "problem" not in out


@pytest.mark.whole
async def test_a_failed_connection_is_reported_in_the_table_without_a_traceback(
    env: dict[str, str],
) -> None:
    nobody = {**env, "CAS_BASE_URL": "http://127.0.0.1:9/cas"}
    status, out, err = await ended(await command("check-config", "--connect", **nobody))
    assert (status, err) == (1, "seats: 1 of these rows must be corrected\n"), (out, err)
    assert "no connection" in out
