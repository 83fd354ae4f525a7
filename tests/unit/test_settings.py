"""A wrong setting stops the start with one clear line that shows no secret."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from miniapp_server.cli.settings import load
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.settings import Settings, SettingsError
from miniapp_server.settings.addresses import lan_address
from models.messages.entities import WECHAT_TEMPLATES
from models.storage.installation import Mode
from tests.environments import REAL, SANDBOX, SECRETS

WECOM = {
    **SANDBOX,
    "IDENTITY_PROVIDER": "wecom",
    "WECOM_CORP_ID": "ww1",
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": "corp-secret",
    "WECOM_BASE_URL": "http://127.0.0.1:1",
}
TEMPLATE = {"template_id": "t", "page": "", "fields": {"thing1": "seat"}}

PUBLIC = {**SANDBOX, "PUBLIC_BASE_URL": "https://seats.example.edu"}


def test_a_sandbox_must_be_requested_and_listens_on_loopback() -> None:
    settings = load(SANDBOX)
    assert (settings.mode, settings.wall_clock) == (Mode.SANDBOX, False)
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert not settings.secure_cookies and settings.session_cookie == "seat_sid"
    assert settings.wechat.base_url == "http://127.0.0.1:8080/sandbox/wechat"
    assert settings.cas.base_url == "http://127.0.0.1:8080/sandbox/cas"
    assert set(settings.wechat.templates) == set(WECHAT_TEMPLATES)


def test_a_production_installation_has_secure_defaults() -> None:
    settings = load({**REAL, "TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"})
    assert (settings.mode, settings.wall_clock) == (Mode.PRODUCTION, True)
    assert settings.secure_cookies
    assert settings.session_cookie == "__Host-seat_sid"
    assert settings.public_base_url == "https://seats.example.edu", "without the slash"
    assert settings.wechat.base_url == "https://api.weixin.qq.com"
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "127.0.0.1/32"]


@pytest.mark.parametrize(
    ("base", "broken", "named"),
    [
        (SANDBOX, {"MONGO_URL": ""}, "MONGO_URL"),
        (SANDBOX, {"REDIS_URL": ""}, "REDIS_URL"),
        (SANDBOX, {"ENCRYPTION_KEYS": ""}, "ENCRYPTION_KEYS"),
        (SANDBOX, {"ENCRYPTION_KEYS": "secret"}, "ENCRYPTION_KEYS"),
        (SANDBOX, {"ENCRYPTION_KEYS": "1:c2VjcmV0"}, "ENCRYPTION_KEYS"),
        (SANDBOX, {"ENCRYPTION_KEYS": "x" + SECRETS["ENCRYPTION_KEYS"]}, "ENCRYPTION_KEYS"),
        (SANDBOX, {"PORT": "0"}, "PORT"),
        (SANDBOX, {"PORT": "65536"}, "PORT"),
        (SANDBOX, {"PORT": "http"}, "PORT"),
        (SANDBOX, {"PORT": "-1"}, "PORT"),
        (SANDBOX, {"PUBLIC_BASE_URL": "seats.example.edu"}, "PUBLIC_BASE_URL"),
        (SANDBOX, {"PUBLIC_BASE_URL": "ftp://seats.example.edu"}, "PUBLIC_BASE_URL"),
        (SANDBOX, {"PUBLIC_BASE_URL": "https://a.example/?b=c"}, "PUBLIC_BASE_URL"),
        (SANDBOX, {"PUBLIC_BASE_URL": "http://[::1"}, "PUBLIC_BASE_URL"),
        (SANDBOX, {"PUBLIC_BASE_URL": "https://a.example/seats"}, "PUBLIC_BASE_URL"),
        (SANDBOX, {"MONGO_URL": "db.example:27017/?replicaSet=rs0"}, "mongodb://"),
        (SANDBOX, {"MONGO_URL": "mongodb://a:secret@b/?replicaSett=x"}, "replicaSett"),
        (SANDBOX, {"MONGO_URL": "mongodb://a:se@cret@b/"}, "percent-encoded"),
        (
            SANDBOX,
            {"MONGO_URL": "mongodb://b/?tls=true&tlsCAFile=/no/ca.pem"},
            "tlsCAFile /no/ca.pem",
        ),
        *(
            (SANDBOX, {"MONGO_URL": f"mongodb{srv}://a:{password}@b/{query}"}, "percent-encoded")
            for srv in ("", "+srv")
            for password in (
                "se?cret",
                "s?cret=x",
                "s?w=1&cret",
                "1/cret",
                "s/cret?x",
                "?cret",
                "@:/",
            )
            for query in ("", "?replicaSet=rs0")
        ),
        (SANDBOX, {"MONGO_URL": "mongodb://b/?connectTimeoutMS=soon"}, "MONGO_URL"),
        (SANDBOX, {"REDIS_URL": "cache.example:6379"}, "redis://"),
        (SANDBOX, {"REDIS_URL": "redis://:secret@cache.example:port/0"}, "redis://"),
        (SANDBOX, {"MONITORS": "prometheus"}, "MONITORS"),
        (SANDBOX, {"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        (SANDBOX, {"BACKUP_TO": "/mnt/far"}, "BACKUP_RECIPIENTS is required"),
        (SANDBOX, {"BACKUP_TO": "far", "BACKUP_RECIPIENTS": "age1head"}, "the full path"),
        (SANDBOX, {"BACKUP_RECIPIENTS": "age1head,AGE-SECRET-KEY-1X"}, "public keys of age"),
        (SANDBOX, {"KEEP_BACKUPS_DAYS": "1"}, "KEEP_BACKUPS_DAYS"),
        (SANDBOX, {"REHEARSAL_MONGO_URL": "far:27017"}, "REHEARSAL_MONGO_URL"),
        (SANDBOX, {"RATE_LIMIT_SCALE": "0"}, "RATE_LIMIT_SCALE"),
        (SANDBOX, {"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
        (SANDBOX, {"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
        (SANDBOX, {"SANDBOX": "yes"}, "SANDBOX"),
        # Without the word it is no sandbox, whatever is lost from the file.
        (PUBLIC, {"SANDBOX": ""}, "CAS_BASE_URL"),
        (PUBLIC, {"SANDBOX": "0"}, "CAS_BASE_URL"),
        (SANDBOX, {"HOST": "0.0.0.0"}, "HOST"),
        (SANDBOX, {"HOST": "10.0.0.1"}, "--lan"),
        (SANDBOX, {"PUBLIC_BASE_URL": "https://seats.example.edu"}, "PUBLIC_BASE_URL"),
        *(
            (SANDBOX, {name: "https://x"}, name)
            for name in ("CAS_BASE_URL", "WECHAT_APPID", "WECHAT_SECRET", "WECHAT_MP_SECRET")
        ),
        (SANDBOX, {"CAMPUS_TICKET_SECRET": "x", "CAMPUS_TICKET_URL": "https://app.example"}, "CAM"),
        (SANDBOX, {"WECOM_SECRET": "x"}, "WECOM_SECRET"),
        *((WECOM, {n: ""}, n) for n in ("WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_SECRET")),
        (SANDBOX, {"WECHAT_TEMPLATES": "{"}, "WECHAT_TEMPLATES"),
        (SANDBOX, {"WECHAT_TEMPLATES": "@/nowhere/templates.json"}, "WECHAT_TEMPLATES"),
        (SANDBOX, {"WECHAT_TEMPLATES": json.dumps({"HELLO": TEMPLATE})}, "WECHAT_TEMPLATES"),
        (REAL, {"SANDBOX": "1"}, "SANDBOX"),
        (REAL, {"WECHAT_APPID": ""}, "WECHAT_APPID"),
        (REAL, {"WECHAT_SECRET": ""}, "WECHAT_SECRET"),
        (REAL, {"WECHAT_TEMPLATES": ""}, "WECHAT_TEMPLATES"),
        (REAL, {"WECHAT_ENV_VERSION": "beta"}, "WECHAT_ENV_VERSION"),
        (REAL, {"WECHAT_BASE_URL": "api.weixin.qq.com"}, "WECHAT_BASE_URL"),
        (SANDBOX, {"SMTP_URL": "smtp://mail.example.edu", "MAIL_FROM": "a@b.edu"}, "SMTP_URL"),
        *(
            (REAL, {"SMTP_URL": url, "MAIL_FROM": "seats@lib.edu"}, "SMTP_URL must look like")
            for url in (
                "mail.example.edu",
                "http://mail.example.edu",
                "smtp://",
                "smtp://mail.example.edu:port",
                "smtp://seats:secret@mail.example.edu/queue",
                "smtp://se:cret@[::1",
            )
        ),
        (
            REAL,
            {"SMTP_URL": "smtp://mail.example.edu"},
            "MAIL_FROM is required because SMTP_URL is set",
        ),
        (REAL, {"MAIL_FROM": "seats@lib.edu"}, "SMTP_URL is required because MAIL_FROM is set"),
        (REAL, {"SMTP_URL": "smtp://m.edu", "MAIL_FROM": "Seats <s@m.edu>"}, "MAIL_FROM"),
        (REAL, {"CAS_BASE_URL": ""}, "CAS_BASE_URL"),
        (REAL, {"CAS_BASE_URL": "cas.example.edu"}, "CAS_BASE_URL"),
        (REAL, {"CAS_BASE_URL": "https://c.example/cas/login"}, "write https://c.example/cas"),
        (REAL, {"CAS_BASE_URL": "https://c.example/cas/p3/serviceValidate"}, "/cas"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_line(
    base: dict[str, str], broken: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        load({**base, **broken})
    line = str(refusal.value)
    assert named in line and "\n" not in line
    assert "cret" not in line, "names of variables, in capitals, tell nothing"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://mail.example.edu", ("mail.example.edu", 587, False, "", "", False)),
        ("smtps://mail.example.edu", ("mail.example.edu", 465, True, "", "", False)),
        ("smtp://10.0.0.9:25", ("10.0.0.9", 25, False, "", "", False)),
        ("smtp://s%40x:p%3Aw@m.edu", ("m.edu", 587, False, "s@x", "p:w", True)),
        ("smtps://s:pw@m.edu:4650", ("m.edu", 4650, True, "s", "pw", False)),
        ("smtp://s:pw@127.0.0.1:25", ("127.0.0.1", 25, False, "s", "pw", False)),
    ],
)
def test_a_mail_server_url_is_read_and_needs_tls_for_a_password(
    url: str, wanted: tuple[object, ...]
) -> None:
    smtp = load({**REAL, "SMTP_URL": url, "MAIL_FROM": "seats@lib.edu"}).smtp
    assert smtp is not None and load(REAL).smtp is None
    parts = (smtp.host, smtp.port, smtp.tls, smtp.user, smtp.password, smtp.require_starttls)
    assert (parts, smtp.sender) == (wanted, "seats@lib.edu")
    assert smtp.password not in repr(smtp) or not smtp.password


def test_all_wrong_settings_are_reported_together() -> None:
    env = {"PORT": "http", "CAS_BASE_URL": "cas.example.edu", "IDENTITY_PROVIDER": "wecom"}
    env |= {"WECHAT_APPID": "wx1", "WECHAT_MP_TOKEN": "t", "WECHAT_MP_AES_KEY": "short"}
    env |= {"MONITORS": "x", "DATA_KEYS": SECRETS["ENCRYPTION_KEYS"], "WECOM_BASE_URL": "x"}
    with pytest.raises(SettingsError) as refusal:
        load(env)
    lines = str(refusal.value).splitlines()
    assert sorted(line.split()[0] for line in lines) == [
        *("CAS_BASE_URL", "DATA_KEYS", "ENCRYPTION_KEYS", "MONGO_URL", "MONITORS", "PORT"),
        *("PUBLIC_BASE_URL", "REDIS_URL", "WECHAT_MP_AES_KEY", "WECHAT_SECRET"),
        "WECHAT_TEMPLATES",
        *("WECOM_AGENT_ID", "WECOM_BASE_URL", "WECOM_CORP_ID", "WECOM_SECRET"),
    ]
    # What else is wrong depends on the mode, so an unclear one is all that is told.
    with pytest.raises(SettingsError, match=r"\ASANDBOX must be 0 or 1\Z"):
        load({**env, "DATA_KEYS": "", "SANDBOX": "yes"})


def test_a_library_without_a_mini_program_is_accepted() -> None:
    plain = {name: value for name, value in REAL.items() if not name.startswith("WECHAT_")}
    settings = load(plain)
    assert (
        settings.mode is Mode.PRODUCTION and not settings.wechat.used and settings.official is None
    )
    assert not settings.templates_missing and not settings.wechat_accounts
    assert load(REAL).wechat.used and load(SANDBOX).wechat.used
    # Half of it is a mistake, whichever half.
    for name in ("WECHAT_APPID", "WECHAT_SECRET", "WECHAT_TEMPLATES", "WECHAT_MP_APPID"):
        with pytest.raises(SettingsError, match=rf"is required because {name} is set \(without"):
            load({**plain, name: "x"})


def test_a_sandbox_on_the_local_network_uses_the_given_address() -> None:
    settings = load(SANDBOX, "192.168.7.5")
    assert (settings.host, settings.lan) == ("192.168.7.5", "192.168.7.5")
    assert settings.public_base_url == "http://192.168.7.5:8080"
    assert "192.168.7.5/32" in map(str, settings.monitors), (
        "this machine looks at its own readiness"
    )
    assert settings.wechat.base_url == "http://192.168.7.5:8080/sandbox/wechat"
    for other in ({"HOST": "0.0.0.0"}, {"PUBLIC_BASE_URL": "http://127.0.0.1:8080"}):
        with pytest.raises(SettingsError, match=next(iter(other))):
            load({**SANDBOX, **other}, "192.168.7.5")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "must be a private address"),
        ("127.0.0.1", "must be a private address"),
        ("8.8.8.8", "must be a private address"),
        ("fd00::1", "must be a private address"),
        ("library", "must be a private address"),
        ("10.255.254.253", "does not have that address"),
    ],
)
def test_the_lan_option_accepts_only_private_addresses_of_this_machine(
    address: str, why: str
) -> None:
    with pytest.raises(SettingsError, match=why):
        lan_address(address)
    here = [a.address for addresses in psutil.net_if_addrs().values() for a in addresses]
    ours = [a for a in here if a.startswith(("10.", "192.168."))]
    assert [lan_address(a) for a in ours] == ours


def test_a_cas_path_and_a_partial_list_of_templates_are_accepted() -> None:
    half = {name: SANDBOX_TEMPLATES[name] for name in ("RESERVED", "NO_SHOW")}
    settings = load({**REAL, "WECHAT_TEMPLATES": json.dumps(half)})
    assert settings.cas.base_url == "https://cas.example.edu/cas"
    assert set(settings.templates_missing) == set(WECHAT_TEMPLATES) - set(settings.wechat.templates)
    assert "MOVED" in settings.templates_missing and not load(REAL).templates_missing


def test_an_undecodable_templates_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "templates.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(SettingsError, match="WECHAT_TEMPLATES"):
        load({**REAL, "WECHAT_TEMPLATES": f"@{path}"})


@pytest.mark.parametrize("found", [load(SANDBOX), load(REAL)])
def test_the_repr_of_settings_shows_no_secret(found: Settings) -> None:
    text = f"{found!r} {found.sealer!r} {found.wechat!r} {found}"
    for secret in (
        "mongo-secret",
        "redis-secret",
        "wechat-secret",
        "data-key-of",
        "sandbox-secret",
    ):
        assert secret not in text
    assert SECRETS["ENCRYPTION_KEYS"] not in text
