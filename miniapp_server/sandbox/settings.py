"""Settings of a sandbox: a library's settings, with the addresses and accounts of the stand-ins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from miniapp_server.sandbox.defaults import (
    SANDBOX_AES_KEY,
    SANDBOX_APPID,
    SANDBOX_GROUPS,
    SANDBOX_MP_APPID,
    SANDBOX_MP_SECRET,
    SANDBOX_SECRET,
    SANDBOX_TEMPLATES,
)
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.environment import EnvironmentReader
from miniapp_server.settings.loading import DEFAULT_PORT, Settings, read_origin, read_settings
from models.storage.installation import Mode

_CREDENTIALS: Final = (
    *("CAS_BASE_URL", "OIDC_PROVIDERS", "WECHAT_APPID", "WECHAT_SECRET"),
    *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MINI_TOKEN"),
)
_PROVIDER_CREDENTIALS: Final = {
    "CAMPUS_TICKET_SECRET": "CAMPUS_TICKET_URL",
    "WECOM_SECRET": "WECOM_BASE_URL",
}
"""Secrets of identity providers, each with the variable of its server's URL. A secret is allowed
if that server is on this machine, because such a server is a stand-in."""


def load_sandbox(env: Mapping[str, str], lan: str = "") -> Settings:
    """Reads the settings of a sandbox. ``lan``: the private address to listen on, so that other
    machines reach it. Raises: SettingsError with every fault; if there are credentials of real
    services, with this fault alone."""
    _refuse_real_credentials(env)
    here = lan or "127.0.0.1"
    reader = EnvironmentReader(env)  # the reader below reports its faults
    port = reader.number("PORT", DEFAULT_PORT, 1, 65535)
    host, own = reader.text("HOST", here), f"http://{here}:{port}"
    public = read_origin(reader, "PUBLIC_BASE_URL", own)
    stand_ins = {
        "HOST": host,
        "PUBLIC_BASE_URL": reader.text("PUBLIC_BASE_URL", own),
        "MONITORS": reader.text("MONITORS", f"127.0.0.0/8,::1,{lan}".rstrip(",")),
        "CAS_BASE_URL": f"{public}/sandbox/cas",
        "WECHAT_BASE_URL": f"http://{host}:{port}/sandbox/wechat",
        "WECHAT_APPID": SANDBOX_APPID,
        "WECHAT_SECRET": SANDBOX_SECRET,
        "WECHAT_TEMPLATES": reader.text("WECHAT_TEMPLATES", json.dumps(SANDBOX_TEMPLATES)),
        "WECHAT_MP_APPID": SANDBOX_MP_APPID,
        "WECHAT_MP_SECRET": SANDBOX_MP_SECRET,
    }
    for account in ("MP", "MINI"):
        stand_ins[f"WECHAT_{account}_TOKEN"] = f"sandbox-{account.lower()}"
        stand_ins[f"WECHAT_{account}_AES_KEY"] = SANDBOX_AES_KEY
    read = EnvironmentReader({**SANDBOX_GROUPS, **env, **stand_ins})
    _check_reachable_here_only(read, public, lan)
    settings = read_settings(read, by_http=(urlsplit(public).hostname or "",))
    return replace(settings, mode=Mode.SANDBOX, wall_clock=False, lan=lan)


def _refuse_real_credentials(env: Mapping[str, str]) -> None:
    """Raises: SettingsError if the environment has credentials of real services."""
    read = EnvironmentReader(env)
    names = [name for name in _CREDENTIALS if read.text(name)]
    names += [
        secret
        for secret, url in _PROVIDER_CREDENTIALS.items()
        if read.text(secret) and not is_loopback(urlsplit(read.text(url)).hostname)
    ]
    if names:
        read.fault(
            f"the sandbox cannot run beside real credentials ({', '.join(names)}): unset them to "
            "try the service, or unset SANDBOX and use serve"
        )
    read.raise_faults()


def _check_reachable_here_only(read: EnvironmentReader, public: str, lan: str) -> None:
    """Notes addresses beyond this machine or its private network as faults: a sandbox lets anybody
    sign in as anybody, and sends mail to this machine only."""
    for name, host in (("HOST", read.text("HOST")), ("PUBLIC_BASE_URL", urlsplit(public).hostname)):
        if host != lan if lan else not is_loopback(host):
            allowed = f"{lan}, the address of --lan" if lan else "a loopback address"
            read.fault(
                f"{name}: a sandbox lets anybody sign in as anybody, so {host} must be {allowed} "
                "(demo --lan ADDRESS opens it to a private network)"
            )
    try:
        mail = urlsplit(read.text("SMTP_URL")).hostname
    except ValueError:  # reported where mail settings are read
        return
    if mail and not is_loopback(mail):
        read.fault("SMTP_URL: a sandbox sends mail to a loopback address only")
