"""Files for an installation: the example settings and the confined systemd units."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from miniapp_server.cli.settings import load
from miniapp_server.settings import SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.loading import VARIABLES
from miniapp_server.settings.misspelt import is_known
from models.storage.installation import Mode
from tests.living import ENCRYPTION_KEYS
from tests.tools import program

DEPLOY = Path(__file__).parents[2] / "deploy"
"""The repository's own files for an installation."""


def test_the_example_environment_file_names_every_setting_and_works(tmp_path: Path) -> None:
    example = DEPLOY / "env.example"
    text = example.read_text("utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", text, re.M))
    assert named - VARIABLES == {name for name in named if name.startswith("OIDC_CAMPUS_")}
    assert named >= VARIABLES and all(is_known(name) for name in named)
    (tmp_path / "ca.pem").touch()
    text = text.replace("/etc/seats", str(tmp_path))
    shutil.copy(DEPLOY / "templates.example.json", tmp_path / "templates.json")
    # As it is, and with every line that is commented out: each is a value that is taken.
    for written in (text, re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.M)):
        file = tmp_path / "env"
        file.write_text(written, encoding="utf-8")
        env = read_env_file(file)
        with pytest.raises(SettingsError, match="ENCRYPTION_KEYS"):
            load(env)  # nobody shall run on a key that is public
        settings = load({**env, "ENCRYPTION_KEYS": ENCRYPTION_KEYS})
        assert settings.mode is Mode.PRODUCTION and not settings.templates_missing
        assert "authSource=admin" in settings.mongo_url and settings.trusted_proxies


@pytest.mark.whole
@pytest.mark.parametrize("unit", ["seats.service", "seats-backup.service"])
async def test_systemd_accepts_the_units_and_rates_them_confined(unit: str, tmp_path: Path) -> None:
    exposure = await systemd_analyze("security", "--offline=true", "--threshold=20", DEPLOY / unit)
    assert exposure[0] == 0, exposure[1]  # at most 2.0
    here = tmp_path / unit
    text = (DEPLOY / unit).read_text("utf-8").replace("/opt/seats", str(DEPLOY.parent))
    here.write_text(text, encoding="utf-8")
    assert await systemd_analyze("verify", "--man=no", here) == (0, "")


@pytest.mark.whole
def test_docker_compose_accepts_its_file_and_confines_every_container() -> None:
    status, out = docker_compose("config", "--quiet")
    assert status != 0 and "SEATS_VERSION" in out, "nobody runs some version by accident"
    status, out = docker_compose(
        *("--profile", "tools", "config", "--format", "json"), SEATS_VERSION="1.2.3"
    )
    assert status == 0, out
    compose: Any = json.loads(out)
    services = compose["services"]
    assert set(services) == {"seats-1", "seats-2", "backup", "nginx", "mongo", "valkey"}
    own = [service for service in services.values() if service["image"] == "localhost/seats:1.2.3"]
    assert len(own) == 3
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "cap_add" not in service and "privileged" not in service, name
        assert ("ports" in service) is (name == "nginx"), name
        # The service's user and health check are in its image.
        assert service in own or {"user", "healthcheck"} <= set(service), name
        assert re.search(r":\d[\d.]*$", service["image"]), "the image of a named version"
        for mount in service.get("volumes", []):
            if mount["source"].startswith(str(DEPLOY)):
                assert Path(mount["source"]).is_file(), mount
    assert compose["networks"]["databases"]["internal"]
    assert not any("front" in services[name]["networks"] for name in ("mongo", "valkey"))

    # The addresses, as nginx and the service are told them.
    proxied = [services[f"seats-{n}"]["networks"]["front"]["ipv4_address"] for n in (1, 2)]
    named = re.findall(r"# server ([\d.]+):8080", (DEPLOY / "nginx.conf").read_text("utf-8"))
    assert named[-2:] == proxied
    documented = (DEPLOY.parent / "docs" / "deployment.md").read_text("utf-8")
    proxy = services["nginx"]["networks"]["front"]["ipv4_address"]
    assert f"`TRUSTED_PROXIES={proxy}`" in documented


def docker_compose(*words: str, **env: str) -> tuple[int, str]:
    """docker compose's parsing of deploy/compose.yml, for which no daemon is needed."""
    done = subprocess.run(
        [program("docker-compose"), "--file", DEPLOY / "compose.yml", *words],
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


async def systemd_analyze(*args: str | Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(program("systemd-analyze"), *map(str, args)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()
