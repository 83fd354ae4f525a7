"""The files for an installation: settings that are taken, units that systemd finds shut."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from miniapp_server.settings import SettingsError, load
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.variables import VARIABLES
from tests.living import ENCRYPTION_KEYS

DEPLOY = Path(__file__).parents[2] / "deploy"
"""The repository's own files for an installation."""


def test_the_example_of_the_environment_names_every_setting_and_works(tmp_path: Path) -> None:
    example = DEPLOY / "env.example"
    text = example.read_text("utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", text, re.M)) == VARIABLES
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
        found = load({**env, "ENCRYPTION_KEYS": ENCRYPTION_KEYS})
        assert not found.sandbox and not found.templates_missing
        assert "authSource=admin" in found.mongo_url and found.trusted_proxies


@pytest.mark.parametrize("unit", ["seats.service", "seats-backup.service"])
async def test_systemd_reads_the_units_and_finds_them_shut(unit: str, tmp_path: Path) -> None:
    exposure = await systemd_analyze("security", "--offline=true", "--threshold=20", DEPLOY / unit)
    assert exposure[0] == 0, exposure[1]  # at most 2.0
    here = tmp_path / unit
    text = (DEPLOY / unit).read_text("utf-8").replace("/opt/seats", str(DEPLOY.parent))
    here.write_text(text, encoding="utf-8")
    assert await systemd_analyze("verify", "--man=no", here) == (0, "")


async def systemd_analyze(*args: str | Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *("systemd-analyze", *map(str, args)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()
