from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from miniapp_server.app import WorkerIdentity
from miniapp_server.child_process import die_with_parent
from miniapp_server.cli.application import application_with
from miniapp_server.cli.check_config import displayed_value
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load, plug_of
from miniapp_server.embedded_databases import embedded_databases, free_ports
from miniapp_server.hosting import serve_schools as host_schools
from miniapp_server.logging_config import configure_logs
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.schools import read_schools
from miniapp_server.server import reserve_port
from miniapp_server.server import serve as serve_http
from miniapp_server.service_manager import ServiceManager
from miniapp_server.settings import DEFAULT_PORT, Settings, SettingsError
from miniapp_server.settings.addresses import lan_address
from miniapp_server.settings.environment import EnvironmentReader
from miniapp_server.settings.misspelt import misspelt
from miniapp_server.supervisor import METRICS_FOLDER, READY, Place, supervise
from miniapp_server.version import VERSION
from miniapp_server.walkthrough import walk_through
from models.storage.installation import Mode

log = logging.getLogger(__name__)

_EMPTY: Final = "empty"
"""The value of DEMO for a demo without invented readers."""
_LAST_LINE: Final = "Ctrl-C stops it."
"""The last line that a demo prints when it is ready."""
_FOR_TRYING: Final = (
    "embedded MongoDB and Redis in {data_dir}: only for trying; production needs servers "
    "of its own (docs/deployment.md)"
)


async def serve(env: Env, workers: int) -> None:
    await _serve_with(load(env), env, workers)


async def serve_schools(env: Env, workers: int, folder: Path) -> None:
    """Serve the schools of the folder: all in each of the workers, but those whose files name
    another PORT in workers of their own. Raises: SettingsError, ServingError."""
    host, port, level = _own_settings(env)
    configure_logs(level)

    def places() -> list[Place]:
        schools = read_schools(folder, env, load)
        ports = {port: None, **dict.fromkeys(school.port for school in schools)}
        options = "--schools", str(folder.resolve()), "--port"
        return [Place(host, each, (*options, str(each))) for each in ports]

    facts = {"version": VERSION, "address": f"{host}:{port}", "workers": workers}
    log.info("starting", extra=facts | {"schools": str(folder)})
    places()
    await supervise(places, env, workers, ServiceManager(env).ready, reloads=True)


async def school_worker(env: Env, owner: str, folder: Path, port: int) -> None:
    """Run one of the workers that serve the schools of a port."""
    identity, (host, _, level) = _identity(env, owner), _own_settings(env)
    configure_logs(level)
    schools = [school for school in read_schools(folder, env, load) if school.port == port]
    await host_schools(schools, host, port, identity, plug_of, _say_ready)


def _own_settings(env: Env) -> tuple[str, int, str]:
    """Host, port and log level of a service of several schools. Raises: SettingsError."""
    read = EnvironmentReader(env)
    host, port = read.text("HOST", "127.0.0.1"), read.number("PORT", DEFAULT_PORT, 1, 65535)
    level = read.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
    read.raise_faults()
    return host, port, level


async def demo(env: Env, workers: int, lan: str) -> None:
    """Serve the demo, on private databases unless ``env`` names other databases. ``lan``: the
    private address to listen on for other machines. Raises: CommandError, EmbeddedError,
    SettingsError, ServingError."""
    lan = lan_address(lan) if lan else ""
    if (kind := env.get("DEMO", "")) not in ("", _EMPTY):
        raise SettingsError(f"DEMO={kind} must be {_EMPTY} or unset")
    lives = kind != _EMPTY
    data_dir = _data_dir(env)
    demo_env = {**env, "PORT": env.get("PORT") or str(DEFAULT_PORT), "SANDBOX": "1"}
    outside = bool(env.get("MONGO_URL")), bool(env.get("REDIS_URL"))
    if outside[0] != outside[1]:
        raise SettingsError("MONGO_URL and REDIS_URL: set both or neither")
    # All settings are checked, and the port tried, before anything is started.
    tried = {**demo_env, **_urls(env, "mongodb://x", "redis://x"), "ENCRYPTION_KEYS": _any_key(env)}
    judged = load(tried, lan)
    reserve_port(judged.host, judged.port).close()
    if not env.get("ENCRYPTION_KEYS"):
        demo_env["ENCRYPTION_KEYS"] = _demo_keys(data_dir / "keys")
    async with AsyncExitStack() as stack:
        if not all(outside):
            databases = await stack.enter_async_context(embedded_databases(data_dir))
            demo_env |= _urls(env, databases.mongo_url, databases.redis_url)
            print(_FOR_TRYING.format(data_dir=data_dir), flush=True)
        settings = load(demo_env, lan)
        async with application_with(settings) as parts:
            await seed_demo(parts)
        with ExitStack() as living:
            await _serve_with(
                settings,
                demo_env,
                workers,
                lambda: _greet(settings, living, demo_env if lives else None),
            )


def _data_dir(env: Env) -> Path:
    """The demo's folder, created if it is missing. Raises: CommandError."""
    path = Path(env.get("DATA_DIR") or "var").resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"DATA_DIR {path}: {error.strerror}") from error
    return path


def _urls(env: Env, mongo: str, redis: str) -> dict[str, str]:
    return {
        "MONGO_URL": env.get("MONGO_URL") or mongo,
        "REDIS_URL": env.get("REDIS_URL") or redis,
    }


def _any_key(env: Env) -> str:
    return env.get("ENCRYPTION_KEYS") or "1:" + base64.b64encode(bytes(32)).decode()


def _demo_keys(path: Path) -> str:
    """The demo's encryption keys in ``path``. A missing file is created, readable by its owner."""
    if path.exists():
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["encryption_keys"])
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} is not a key file: {error}") from error
    keys = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"encryption_keys": keys}, file)
    return keys


async def _serve_with(
    settings: Settings, env: Env, workers: int, greet: Callable[[], None] | None = None
) -> None:
    """Serve until a signal, in this process or with several workers. ``greet`` is called when
    the service is ready, after systemd is notified."""
    configure_logs(settings.log_level)
    _announce(settings, env, workers)

    def ready() -> None:
        ServiceManager(env).ready()
        if greet is not None:
            greet()

    if workers == 1:
        await serve_http(settings, ready, plug=plug_of(settings))
    else:
        # A closing terminal sends SIGHUP too, which must end a demo.
        options = ("--lan", settings.lan) if settings.lan else ()
        place = Place(settings.host, settings.port, options)
        await supervise(lambda: [place], env, workers, ready, reloads=greet is None)


def _announce(settings: Settings, env: Env, workers: int) -> None:
    """Log the start with the main settings, and warnings about doubtful settings."""
    facts = {
        "version": VERSION,
        "mode": "sandbox" if settings.mode is Mode.SANDBOX else "real",
        "address": f"{settings.host}:{settings.port}",
        "pages_at": settings.public_base_url,
        "workers": workers,
        "mongodb": displayed_value("MONGO_URL", settings.mongo_url),
        "redis": displayed_value("REDIS_URL", settings.redis_url),
    }
    log.info("starting", extra=facts)
    for name, nearest in misspelt(env).items():
        log.warning("setting_unknown", extra={"setting": name, "nearest": nearest})
    if missing := settings.templates_missing:
        log.warning("wechat_templates_missing", extra={"messages": missing, "shown_in": "app only"})


async def worker(env: Env, owner: str, lan: str) -> None:
    """Run one of several workers on a port. A ready worker notifies the supervisor on stdout."""
    identity, settings = _identity(env, owner), load(env, lan)
    await serve_http(settings, _say_ready, identity, plug=plug_of(settings))


def _identity(env: Env, owner: str) -> WorkerIdentity:
    folder = env.get(METRICS_FOLDER)
    if folder is None:
        raise CommandError("this command is internal: start workers with serve --workers N")
    return WorkerIdentity(owner, Path(folder))


def _say_ready() -> None:
    print(READY, flush=True)


def _greet(settings: Settings, living: ExitStack, env: Env | None) -> None:
    """Print the demo's URLs. If ``env`` is given, also start a process with invented readers,
    which is stopped when ``living`` closes."""
    base = settings.public_base_url
    print(f"The seat reservation is ready at {base}/")
    print(f"  console             {base}/console")
    print(f"  phone and kiosks    {base}/sandbox/")
    print(f"  API documentation   {base}/docs")
    print(f"  readiness           {base}/readyz")
    print(f"  walk through it     {_shortest_command()} demo-walkthrough --url {base}")
    if settings.lan:
        print("  Anybody on this network can sign in as anybody: do not enter real names.")
    print(_LAST_LINE, flush=True)
    if env is not None:
        # After a Ctrl-C while several processes write, the resource tracker would print warnings.
        quiet = "ignore:resource_tracker"
        program = [sys.executable, "-W", quiet, "-m", "miniapp_server.load_data.living"]
        child = subprocess.Popen(die_with_parent(program), env=env, start_new_session=True)
        living.callback(child.wait)
        # The whole process group ends: a child in the middle of a task would print a traceback.
        living.callback(os.killpg, child.pid, signal.SIGTERM)


def _shortest_command() -> str:
    """The shortest text with which a user in the present folder can run this command."""
    installed = shutil.which("seats")
    own = Path(sys.executable).with_name("seats")
    if installed is not None and own.exists() and Path(installed).samefile(own):
        return "seats"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


async def walkthrough(url: str) -> None:
    """Walk through the demo at ``url``. If ``url`` is empty, start a private demo and walk
    through that. Raises: WalkthroughFailed, CommandError."""
    if url:
        await walk_through(url.rstrip("/"))
        return
    async with _own_demo() as base:
        await walk_through(base)


@asynccontextmanager
async def _own_demo() -> AsyncIterator[str]:
    """Runs a private demo without invented readers for the length of a block; yields its URL.
    Raises: CommandError if the demo does not start; it has then printed the reason."""
    with tempfile.TemporaryDirectory(prefix="seats-walkthrough-") as folder:
        [port] = free_ports(1)
        own = {"DATA_DIR": folder, "PORT": str(port), "DEMO": "empty", "LOG_LEVEL": "WARNING"}
        own |= {"MONGO_URL": "", "REDIS_URL": ""}  # not the databases in this environment
        process = await asyncio.create_subprocess_exec(
            *die_with_parent([sys.executable, "-m", "miniapp_server", "demo"]),
            env={**os.environ, **own},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            while (line := await process.stdout.readline()) and _LAST_LINE not in line.decode():
                pass
            if not line:
                raise CommandError(
                    "the demo for the walkthrough did not start; it printed the reason above"
                )
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
