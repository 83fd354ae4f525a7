"""The container image, built from the Containerfile and run as docs/deployment.md says."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from miniapp_server.embedded_databases import free_ports
from miniapp_server.version import VERSION
from miniapp_server.walkthrough import walk_through
from tests.containers import CommandFailed, Containers, containers
from tests.survive.serving import ROOT, production, ready
from tests.waiting import patience

IMAGE: Final = "localhost/seats:test"
DEMO: Final = "localhost/seats-demo:test"
UID: Final = 10001
MOST_MB: Final = 340
PROCESSES: Final = Path("/proc")
SECRETS: Final = (".env", "var/keys", "requirements/token", "models/private.key")
"""What may lie about in a folder from which somebody builds."""
SECRET: Final = "the builder's secret"
LOOK: Final = """
import json, os, shutil, sys, sysconfig
from importlib.metadata import distributions
tools = ["cc", "gcc", "ld", "make", "git", "pip", "pip3", "pytest", "mypy", "ruff", "curl"]
leaks = []
for at, _, names in os.walk("/opt"):
    for path in (os.path.join(at, name) for name in names):
        if os.path.getsize(path) == len(sys.argv[1]) and open(path).read() == sys.argv[1]:
            leaks.append(path)
refused = {}
for place in ("/", "/etc", "/opt/seats", "/run", "/var/tmp", "/dev/shm", "/tmp"):
    try:
        open(place + "/x", "w").close()
    except OSError as error:
        refused[place] = error.strerror
print(json.dumps({
    "tools": [name for name in tools if shutil.which(name)],
    "installed": sorted(d.name.lower().replace("_", "-") for d in distributions()),
    "modules": os.listdir(sysconfig.get_path("purelib")),
    "at the root": os.listdir("/") + os.listdir("/opt"),
    "leaks": leaks,
    "refused": refused,
}))
"""


def pinned() -> set[str]:
    """The packages in requirements/lock.txt that Python 3.13 on Linux needs, without the
    backend."""
    lock = (ROOT / "requirements" / "lock.txt").read_text("utf-8")
    lines = re.findall(r"^([a-z0-9-]+)==\S+ *(?:; *([^\\\n]+))?", lock, re.M)
    elsewhere = ("win32", "python_full_version <")
    return {name for name, where in lines if not any(w in where for w in elsewhere)} - {
        "setuptools"
    }


def a_folder_to_build_in(place: Path) -> Path:
    """The project's files beside others that must not get into an image."""
    left_out = shutil.ignore_patterns(".[gv]*", ".*_cache", "node_modules", "var", "__pycache__")
    shutil.copytree(ROOT, place, ignore=left_out)
    for name in SECRETS:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(SECRET)
    return place


def settings(place: Path, mongo_url: str, redis_url: str) -> dict[str, str]:
    """Writes /etc/seats as docs/deployment.md has it. Returns the container's other options."""
    env = production(mongo_url, redis_url)
    env["WECHAT_TEMPLATES"] = "@/etc/seats/templates.json"
    port = env.pop("PORT")
    place.mkdir()
    (place / "env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    shutil.copy(ROOT / "deploy" / "templates.example.json", place / "templates.json")
    for file in (place, place / "env"):
        shutil.chown(file, UID, UID)
    (place / "env").chmod(0o400)
    return {"HOST": "127.0.0.1", "PORT": port}


async def is_healthy(machine: Containers) -> bool:
    try:
        await machine.podman("healthcheck", "run", "seats")
    except CommandFailed:
        return False
    return True


@pytest.mark.timeout(600)
async def test_image_and_demo_are_built_and_serve(
    mongo_url: str,
    redis_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    context = a_folder_to_build_in(tmp_path / "source")
    async with containers(tmp_path) as machine:
        await machine.build(context, IMAGE, VERSION=VERSION, REVISION="0123abc")
        [about] = json.loads(await machine.podman("image", "inspect", IMAGE))
        record_property("image_mb", about["Size"] // 10**6)
        assert about["Size"] < MOST_MB * 10**6
        assert about["User"] == f"{UID}:{UID}"
        assert about["Config"]["Entrypoint"] == ["seats"] and about["Config"]["Cmd"] == ["serve"]
        assert about["Labels"]["org.opencontainers.image.version"] == VERSION
        assert about["Labels"]["org.opencontainers.image.revision"] == "0123abc"
        assert not any("CERT" in line for line in about["Config"]["Env"])
        assert await machine.run(IMAGE, "--version") == f"{VERSION}\n"
        await _nothing_else_is_in_it(machine)
        await _it_serves(machine, tmp_path, settings(tmp_path / "etc", mongo_url, redis_url))
        # What both have in common is built once.
        await machine.build(context, DEMO, target="demo", VERSION=VERSION, REVISION="0123abc")
        await _the_demo_serves_through_its_relay(machine)


async def _nothing_else_is_in_it(machine: Containers) -> None:
    """The image contains no build or test tools and no files beside the code."""
    seen = json.loads(await machine.run(IMAGE, "-c", LOOK, SECRET, entrypoint="python3"))
    assert seen["tools"] == seen["leaks"] == []
    setup = ConfigParser()
    setup.read_string((ROOT / "setup.cfg").read_text("utf-8"))
    assert {*seen["installed"]} == pinned() | {setup["metadata"]["name"]}
    modules = {*seen["modules"]}
    assert {"handlers", "models"} <= modules and not {"tests", "scripts", "lab"} & modules
    assert "build" not in seen["at the root"]
    assert set(seen["refused"]) == {"/", "/etc", "/opt/seats", "/run", "/var/tmp", "/dev/shm"}
    assert set(seen["refused"].values()) == {"Read-only file system"}


async def _it_serves(machine: Containers, folder: Path, settings: dict[str, str]) -> None:
    base = f"http://127.0.0.1:{settings['PORT']}"
    words = [f"--env={name}={value}" for name, value in settings.items()]
    mount = f"--volume={folder / 'etc'}:/etc/seats:ro"
    process = await machine.start(
        "seats", *words, mount, IMAGE, "serve", "--env-file", "/etc/seats/env"
    )
    try:
        await ready(base, process, within_s=60)
        async with aiohttp.ClientSession() as session:
            for path in ("/", "/static/app.css"):
                async with session.get(base + path) as answer:
                    assert answer.status == 200, path
        pid = int(await machine.podman("inspect", "--format={{.State.Pid}}", "seats"))
        status = (PROCESSES / str(pid) / "status").read_text()
        for line in (f"Uid:\t{UID}\t{UID}\t", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
            assert line in status
        assert await is_healthy(machine)
        await machine.podman("kill", "--signal=STOP", "seats")
        try:
            assert not await is_healthy(machine), "it answers nobody"
        finally:
            await machine.podman("kill", "--signal=CONT", "seats")
        assert await is_healthy(machine)

        backups = folder / "backups"
        backups.mkdir()
        shutil.chown(backups, UID, UID)
        await machine.run(
            *(IMAGE, "backup", "--env-file", "/etc/seats/env", "/backups/of-today"),
            volumes=[(folder / "etc", "/etc/seats"), (backups, "/backups")],
        )
        assert (backups / "of-today").stat().st_uid == UID
    finally:
        said = await _output_at_the_end(process)
    assert process.returncode == 0 and "Traceback" not in said, said


async def _the_demo_serves_through_its_relay(machine: Containers) -> None:
    """With nothing but the image's contents, as docs/operations.md says."""
    port, relay = free_ports(2)
    base = f"http://127.0.0.1:{relay}"
    # Published on PORT, the relay is what the service calls itself. Here it has another one.
    env = {"PORT": port, "RELAY_PORT": relay, "PUBLIC_BASE_URL": base, "DEMO": "empty"}
    words = (f"--env={name}={value}" for name, value in env.items())
    process = await machine.start("demo", *words, DEMO)
    try:
        await ready(base, process, within_s=60)
        await walk_through(base)
    finally:
        said = await _output_at_the_end(process)
    assert process.returncode == 0 and "Traceback" not in said, said
    assert f"ready at {base}/" in said


async def _output_at_the_end(process: asyncio.subprocess.Process) -> str:
    """All that the container has printed; it is stopped if it still runs."""
    if process.returncode is None:
        process.terminate()
    async with asyncio.timeout(patience(20)):
        output, _ = await process.communicate()
    return output.decode()
