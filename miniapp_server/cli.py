"""The command line: serve, demo, and what an operator needs."""

from __future__ import annotations

import argparse
import base64
import contextlib
import csv
import difflib
import json
import logging
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop

from handlers.api.gates import take_in
from miniapp_server import seed as seeding
from miniapp_server.app import Parts, Worker, open_parts
from miniapp_server.checking import Verdict, connection_rows, settings_rows, shown, table
from miniapp_server.clock import Clock, real_now
from miniapp_server.embedded import EmbeddedError, embedded_databases
from miniapp_server.growth.grow import GrowthRefused, grown
from miniapp_server.logs import configure_logs
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.serving import ServingError, hold_port, serve
from miniapp_server.settings import DEFAULT_PORT, Settings, SettingsError, lan_address, load
from miniapp_server.terminal import Told, can_ask, confirmed, progress
from miniapp_server.tour import TourFailed, tour
from miniapp_server.variables import misspelt, read_file
from miniapp_server.workers import METRICS_FOLDER, READY, WorkerFailed, supervise
from models.backup.repository import BackupError, backup, record_backup, restore
from models.erasure.service import erase
from models.feedback.entities import MAX_LENGTH
from models.gates.entities import GateId
from models.gates.service import BATCH
from models.kernel.errors import (
    DomainError,
    InvalidRequest,
    NotFound,
    Overloaded,
    ServiceUnavailable,
)
from models.kernel.time_range import to_local
from models.readers.entities import Reader, normalise_student_no
from models.readers.personal_data_repository import (
    ANONYMISED_COLLECTIONS,
    PERSONAL_COLLECTIONS,
    export,
)
from models.reservations.errors import InvalidState, Suspended
from models.storage.connectivity import MongoUnusable, require_mongo
from models.storage.installation import DatabaseRefused, forget_old_keys, look
from models.storage.mongo import Database, open_database
from models.store.past import PastRefused
from notify.in_app import reply_to_feedback
from notify.wechat.menu import NoRoomInMenu, menu_with_booking_entry
from notify.wechat.official_account import HOME

log = logging.getLogger(__name__)

Env = Mapping[str, str]


class Failed(Exception):
    """One clear line; the exit status is 1."""


VERSION: Final = version("miniapp-server")
_QUESTIONS: Final = 100
_FOR_TRYING: Final = (
    "embedded MongoDB and Redis on {data_dir}: for trying, not for production, which needs servers "
    "of its own (docs/deployment.md)"
)

_ONE_LINE: Final = (
    *(SettingsError, EmbeddedError, Failed, ServingError),
    *(seeding.SeedError, TourFailed, DatabaseRefused),
)


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        uvloop.run(args.run(_environment(args), args))
    except _ONE_LINE as error:
        print(f"miniapp_server: {error}", file=sys.stderr)
        return 1
    except DomainError as error:
        why = "MongoDB does not answer" if isinstance(error, ServiceUnavailable) else error.code
        if isinstance(error, MongoUnusable):
            why = error.line
        elif isinstance(error, InvalidRequest):
            why = "{field}: {reason}".format_map(error.details)
        print(f"miniapp_server: {why}", file=sys.stderr)
        return 1
    except WorkerFailed:
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _environment(args: argparse.Namespace) -> Env:
    """This process's environment, below the file of ``--env-file``. Raises: Failed."""
    if getattr(args, "env_file", None) is None:
        return os.environ
    try:
        return {**os.environ, **read_file(args.env_file)}
    except OSError as error:
        raise Failed(f"--env-file {args.env_file}: {error.strerror}") from error
    except ValueError as error:
        raise Failed(f"--env-file: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m miniapp_server",
        description="Seat reservation for a library: the backend of 一考即过座位预约.",
        epilog="Settings come from the environment; docs/operations.md lists them.",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., Awaitable[None]], help: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help)
        command.set_defaults(run=run)
        command.add_argument(
            "--env-file",
            type=Path,
            metavar="FILE",
            help="more variables, from a file as systemd's EnvironmentFile= reads it",
        )
        return command

    demo = add(
        "demo",
        _demo,
        "Start private databases on DATA_DIR (default var/), seed the demo library and serve it "
        "with the sandbox. MONGO_URL and REDIS_URL use outside servers instead.",
    )
    demo.add_argument(
        "--lan",
        default="",
        metavar="ADDRESS",
        help="listen on this private address of this machine instead of 127.0.0.1, so that others "
        "on its network can try it; every page says that it is a sandbox",
    )
    serving = add(
        "serve", _serve, "Serve with the databases of MONGO_URL and REDIS_URL, until SIGTERM."
    )
    for command in (demo, serving):
        command.add_argument(
            "--workers",
            type=_workers,
            default=1,
            metavar="N",
            help="processes that serve the port together, with a supervisor that keeps them "
            "(default: 1, without a supervisor)",
        )
    # For the supervisor only, so --help does not list it.
    worker = commands.add_parser("worker")
    worker.set_defaults(run=_worker)
    worker.add_argument("--owner", required=True)
    worker.add_argument("--lan", default="")
    add("init-db", _init_db, "Make the indexes. Safe to repeat, and while the service runs.")
    add(
        "seed",
        _seed,
        "Write the library of scripts/data. Safe to repeat; prints the keys of new kiosks once.",
    )
    job = add("job", _job, "Run one job once, as its loop would.")
    job.add_argument(
        "name",
        metavar="NAME",
        help="record_heartbeat, outages, relay_watch, beat, gates, no_show, lapse, unproven, time_out, "
        "complete, carry_over, offer, remind, relay, deliver, prune, tally, migrate or refresh",
    )
    checking = add(
        "check-config",
        _check_config,
        "Validate the settings and show them without secrets; status 1 if something is wrong.",
    )
    checking.add_argument(
        "--connect",
        action="store_true",
        help="try MongoDB, Redis, CAS and WeChat too, with their credentials",
    )
    add(
        "rotate-keys",
        _rotate_keys,
        "Seal all personal data with the newest key of DATA_KEYS. Afterwards the old key may go.",
    )
    add("questions", _questions, "What readers wrote to the library and nobody has answered yet.")
    reply = add("answer", _answer, "Answer such a question; its reader finds a message in the app.")
    reply.add_argument("id", metavar="ID", help="of the question, as questions lists it")
    reply.add_argument("text", metavar="TEXT", type=_answer_text, help="the answer")
    gates = add(
        "gate-import",
        _gate_import,
        "Take in passages from a CSV file with the columns id, student_no, direction, method, at. "
        "Safe to repeat.",
    )
    gates.add_argument("--gate", required=True, metavar="ID", help="whose passages they are")
    gates.add_argument("file", metavar="FILE", type=Path)
    menu = add(
        "wechat-menu",
        _wechat_menu,
        "The official account's menu: show it, show what put would change, or put the entry "
        "学研支持 → 座位预约 into it.",
    )
    menu.add_argument("what", choices=("show", "diff", "put"))
    links = add("wechat-links", _wechat_links, "A link that opens a page of the mini-program.")
    links.add_argument("page", metavar="PAGE", help="such as pages/index/index")
    links.add_argument("--query", default="", help="such as k=2f-south")
    links.add_argument("--days", type=int, default=30, help="how long it lives (at most 30)")
    cards = add(
        "card-import",
        _card_import,
        "Which card is whose, from a CSV file with the columns card_no, student_no, name. Safe to "
        "repeat; a card that is listed anew changes its owner.",
    )
    cards.add_argument("file", metavar="FILE", type=Path)
    for name, run, help in (
        (
            "export-reader",
            _export_reader,
            "All that the database holds about a reader, opened, as JSON on the standard output.",
        ),
        (
            "erase-reader",
            _erase_reader,
            "Forget a reader: what is live ends, what is theirs goes, their reservations stay for "
            "the statistics as somebody's. It cannot be undone.",
        ),
    ):
        person = add(name, run, help)
        person.add_argument("student_no", metavar="STUDENT_NO")
    person.add_argument("--yes", action="store_true", help="do not ask (where no terminal is)")
    saving = add(
        "backup",
        _backup,
        "Write the whole database, as it stands at one moment, to a new file. The service goes on. "
        "DATA_KEYS are not in it: keep them elsewhere.",
    )
    saving.add_argument("file", metavar="FILE", type=Path)
    loading = add(
        "restore",
        _restore,
        "Fill the empty database MONGO_DATABASE from such a file and look for doubles.",
    )
    loading.add_argument("file", metavar="FILE", type=Path)
    loading.add_argument(
        "--over",
        action="store_true",
        help="replace what a restore that was broken off has left; never a whole database",
    )
    add("sweep", _sweep, "Look for doubly held seats and readers; status 1 if there is one.")
    growth = add(
        "grow",
        _grow,
        "Fill an empty sandbox database with years of past reservations, for measurements.",
    )
    growth.add_argument(
        "--scale", type=_positive, required=True, metavar="N", help="about how many reservations"
    )
    growth.add_argument("--seed", type=int, default=1, help="another seed, another past")
    walk = add(
        "tour",
        _tour,
        "Walk the main job over HTTP against a running demo and print each step and message.",
    )
    walk.add_argument(
        "--url",
        default=f"http://127.0.0.1:{os.environ.get('PORT') or DEFAULT_PORT}",
        help="the demo's address (default: 127.0.0.1 on PORT)",
    )
    return parser


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("a whole number from 1 to 64")
    return int(text)


# --- serving ------------------------------------------------------------------------------------


async def _serve(env: Env, args: argparse.Namespace) -> None:
    await _serve_with(load(env), env, args.workers, greet=False)


async def _demo(env: Env, args: argparse.Namespace) -> None:
    lan = lan_address(args.lan) if args.lan else ""
    data_dir = _data_dir(env)
    demo_env = {**env, "PORT": env.get("PORT") or str(DEFAULT_PORT), "SANDBOX": "1"}
    outside = bool(env.get("MONGO_URL")), bool(env.get("REDIS_URL"))
    if outside[0] != outside[1]:
        raise SettingsError("MONGO_URL and REDIS_URL go together: set both or neither")
    # All settings are judged, and the port tried, before anything is started.
    tried = {**demo_env, **_urls(env, "mongodb://x", "redis://x"), "DATA_KEYS": _any_key(env)}
    judged = load(tried, lan)
    hold_port(judged.host, judged.port).close()
    if not env.get("DATA_KEYS"):
        demo_env["DATA_KEYS"] = _demo_keys(data_dir / "keys")
    async with AsyncExitStack() as stack:
        if not all(outside):
            databases = await stack.enter_async_context(embedded_databases(data_dir))
            demo_env |= _urls(env, databases.mongo_url, databases.redis_url)
            print(_FOR_TRYING.format(data_dir=data_dir), flush=True)
        settings = load(demo_env, lan)
        async with _opened(settings) as parts:
            await seed_demo(parts)
        await _serve_with(settings, demo_env, args.workers, greet=True)


def _data_dir(env: Env) -> Path:
    """The demo's folder, made where it is missing. Raises: Failed."""
    path = Path(env.get("DATA_DIR") or "var").resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"DATA_DIR {path}: {error.strerror}") from error
    return path


def _urls(env: Env, mongo: str, redis: str) -> dict[str, str]:
    return {
        "MONGO_URL": env.get("MONGO_URL") or mongo,
        "REDIS_URL": env.get("REDIS_URL") or redis,
    }


def _any_key(env: Env) -> str:
    return env.get("DATA_KEYS") or "1:" + base64.b64encode(bytes(32)).decode()


def _demo_keys(path: Path) -> str:
    """The demo's data keys, made once and readable by their owner only."""
    if path.exists():
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["data_keys"])
        except (ValueError, KeyError, TypeError) as error:
            raise Failed(f"{path} is not a key file: {error}") from error
    keys = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"data_keys": keys}, file)
    return keys


async def _serve_with(settings: Settings, env: Env, workers: int, greet: bool) -> None:
    configure_logs(settings.log_level)
    _announce(settings, env, workers)

    def ready() -> None:
        if greet:
            _greet(settings)

    if workers == 1:
        await serve(settings, ready)
    else:
        # A terminal that closes sends SIGHUP too, and shall end the demo.
        await supervise(settings, env, workers, ready, reloads=not greet)


def _announce(settings: Settings, env: Env, workers: int) -> None:
    """What a log must say about its beginning, and what is odd about the settings."""
    facts = {
        "version": VERSION,
        "mode": "sandbox" if settings.sandbox else "real",
        "address": f"{settings.host}:{settings.port}",
        "pages_at": settings.public_base_url,
        "workers": workers,
        "mongodb": shown("MONGO_URL", settings.mongo_url),
        "redis": shown("REDIS_URL", settings.redis_url),
    }
    log.info("starting", extra=facts)
    for name, nearest in misspelt(env).items():
        log.warning("setting_unknown", extra={"setting": name, "nearest": nearest})
    if missing := settings.templates_missing:
        log.warning("wechat_templates_missing", extra={"messages": missing, "shown_in": "app only"})


async def _worker(env: Env, args: argparse.Namespace) -> None:
    """One of several, for the supervisor, which is told on standard output."""
    folder = env.get(METRICS_FOLDER)
    if folder is None:
        raise Failed("a worker is started by serve --workers N")
    worker = Worker(args.owner, Path(folder))
    await serve(load(env, args.lan), lambda: print(READY, flush=True), worker)


def _greet(settings: Settings) -> None:
    base = settings.public_base_url
    print(f"一考即过座位预约 is ready at {base}/")
    print(f"  sandbox and phone   {base}/sandbox/")
    print(f"  API documentation   {base}/docs")
    print(f"  readiness           {base}/readyz")
    print(f"  walk through it     {_python()} -m miniapp_server tour --url {base}")
    if settings.lan:
        print("  Anybody on this network can sign in as anybody: no real names, please.")
    print("Ctrl-C stops it.", flush=True)


def _python() -> str:
    """This interpreter, as short as it can be typed here."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


# --- operating ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _parts(env: Env) -> AsyncIterator[Parts]:
    async with _opened(load(env)) as parts:
        yield parts


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Parts]:
    configure_logs(settings.log_level)
    async with open_parts(settings, Clock()) as parts:
        yield parts


async def _init_db(env: Env, _: argparse.Namespace) -> None:
    async with _parts(env):
        print("indexes are in place")


async def _seed(env: Env, _: argparse.Namespace) -> None:
    data = seeding.read()
    async with _parts(env) as parts:
        if parts.settings.sandbox:
            kiosks, gates = await seed_demo(parts)
        else:
            kiosks, gates = await seeding.seed(parts.desk, data, real_now())
        seats = len(parts.desk.library.seats)
    print(f"{data.venue.name}: {len(data.areas)} areas, {seats} seats, {len(data.kiosks)} kiosks")
    for kind, fresh in (("kiosk", kiosks), ("gate", gates)):
        for id, key in fresh.items():
            print(f"new {kind} {id}, its key (shown once): {key}")


async def _job(env: Env, args: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        job = parts.runner.job(args.name)
        if job is None:
            names = ", ".join(parts.runner.job_names)
            raise Failed(f"no job {args.name!r}; there are {names}")
        if trouble := parts.clock_check.trouble:
            raise Failed(f"this machine's clock is {trouble} by MongoDB's: set it (NTP) first")
        now = parts.clock.now()
        # A service that was down must not punish: the gap is seen before any deadline is.
        before = parts.runner.job("record_heartbeat")
        if before is not None and job.name in ("no_show", "time_out"):
            await before.run(now)
        print(f"{job.name}: {await job.run(now)}")


async def _check_config(env: Env, args: argparse.Namespace) -> None:
    settings = load(env)
    rows = settings_rows(settings, env)
    if args.connect:
        rows += await connection_rows(settings, real_now().date())
    print(table(rows))
    if problems := sum(row.verdict is Verdict.PROBLEM for row in rows):
        raise Failed(f"{problems} of these must be corrected")


async def _rotate_keys(env: Env, _: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        with progress("rotate-keys") as told:
            done = await _resealed(parts, told)
        await forget_old_keys(parts.db, parts.settings.sealer)
    print(", ".join(f"{name}: {count}" for name, count in done.items()))


async def _resealed(parts: Parts, told: Told) -> dict[str, int]:
    total = sum(
        [await parts.db[name].estimated_document_count() for name in ("readers", "bindings")]
    )
    done = {"readers": 0, "bindings": 0, "kiosks": await parts.desk.catalogue.reencrypt()}
    done["gates"] = await parts.desk.gates.reseal()
    done["accommodations"] = await parts.desk.allowances.reseal()
    for name, reseal in (("readers", parts.readers.reseal), ("bindings", parts.bindings.reseal)):
        while count := await reseal(500):
            done[name] += count
            told(count, total)
    return done


async def _reader(parts: Parts, student_no: str) -> Reader:
    """Raises: Failed."""
    number = normalise_student_no(student_no)
    found = (await parts.desk.readers.by_numbers([number])).get(number) if number else None
    reader = await parts.desk.readers.get(found) if found else None
    if reader is None:
        raise Failed("there is no such reader")
    return reader


async def _export_reader(env: Env, args: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        reader = await _reader(parts, args.student_no)
        found = await export(parts.db, parts.settings.sealer, reader.id)
    print(json.dumps(found, ensure_ascii=False, indent=1, default=str))


async def _ask_to_erase(parts: Parts, reader: Reader) -> None:
    """Show whom it would meet and what goes. Raises: Failed."""
    found = await export(parts.db, parts.settings.sealer, reader.id)
    there = {name: len(rows) for name, rows in found.items() if rows and name != "reader"}
    stays = [f"{name} {there[name]}" for name in ANONYMISED_COLLECTIONS if name in there]
    goes = [f"{name} {n}" for name, n in there.items() if name in PERSONAL_COLLECTIONS]
    print(f"{reader.name_masked} {reader.student_no_masked}", file=sys.stderr)
    print(f"  goes: name and number; {', '.join(goes) or 'nothing else'}", file=sys.stderr)
    print(f"  stays, as nobody's: {', '.join(stays) or 'nothing'}", file=sys.stderr)
    if not confirmed("Erase this reader? It cannot be undone."):
        raise Failed("nothing has been erased")


async def _erase_reader(env: Env, args: argparse.Namespace) -> None:
    if not (args.yes or can_ask()):
        raise Failed("erase-reader asks on a terminal, and here is none: --yes erases unasked")
    async with _parts(env) as parts:
        reader = await _reader(parts, args.student_no)
        if not args.yes:
            await _ask_to_erase(parts, reader)
        try:
            counts = await erase(parts.desk, parts.db, reader, parts.clock.now())
        except Suspended as error:
            assert reader.suspended_until is not None
            until = f"{to_local(reader.suspended_until):%Y-%m-%d %H:%M}"
            raise Failed(f"suspended until {until}: erase them then") from error
        except Overloaded as error:
            raise Failed("they are doing something at this moment: again in a minute") from error
    for name, count in counts.items():
        if count:
            print(f"{name}: {count}")
    print("forgotten; backups from before still know them")


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    configure_logs(settings.log_level)
    async with open_database(settings.mongo_url, settings.database) as db:
        await require_mongo(db, settings.mongo_url)
        yield db


async def _backup(env: Env, args: argparse.Namespace) -> None:
    settings, now = load(env), real_now()
    async with _database(settings) as db:
        about = await look(db)
        about.refuse_half()
        about.refuse_other_mode(settings.sandbox)
        with progress("backup") as told:
            counts = await _kept_apart(args.file, backup(db, args.file, now, told))
        await record_backup(db, now)
    print(f"{args.file}: {counts.total()} documents, {args.file.stat().st_size} bytes")


async def _restore(env: Env, args: argparse.Namespace) -> None:
    settings = load(env)
    async with _database(settings) as db:
        with progress("restore") as told:
            work = restore(
                *(db, args.file, real_now()),
                sandbox=settings.sandbox,
                sealer=settings.sealer,
                over=args.over,
                told=told,
            )
            counts = await _kept_apart(args.file, work)
    print(f"{counts.total()} documents, {counts['reservations']} of them reservations")
    await _sweep(env, args)


async def _kept_apart(file: Path, work: Awaitable[Counter[str]]) -> Counter[str]:
    """Raises: Failed."""
    try:
        return await work
    except BackupError as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error


async def _sweep(env: Env, _: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        doubles = await parts.desk.reservations.find_double_bookings()
    for double in doubles:
        print(f"{double.thing} held twice: {double.first} and {double.second}")
    if doubles:
        raise Failed(f"{len(doubles)} doubles")
    print("no doubles")


def _rows(file: Path, columns: set[str]) -> list[dict[str, str]]:
    """A CSV file's lines by its header's names. Raises: Failed."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            rows = [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failed(f"cannot read {file}: {error}") from error
    if missing := columns - set(reader.fieldnames or ()):
        raise Failed(f"{file} has no column {', '.join(sorted(missing))}")
    return rows


async def _card_import(env: Env, args: argparse.Namespace) -> None:
    rows, kept = _rows(args.file, {"card_no", "student_no", "name"}), 0
    async with _parts(env) as parts, AsyncExitStack() as waiting:
        told = waiting.enter_context(progress("card-import", "cards"))
        for line, row in enumerate(rows, start=2):
            told(1, len(rows))
            card, number = (row["card_no"] or "").strip(), row["student_no"] or ""
            number = normalise_student_no(number)
            if not re.fullmatch(r"[!-~]{4,32}", card) or not number:
                print(f"line {line}: malformed", file=sys.stderr)
                continue
            known = await parts.desk.readers.by_numbers([number])
            reader_id = known.get(number)
            if reader_id is None:
                name = (row["name"] or "").strip()
                reader = await parts.readers.upsert_from_login(
                    number, name, "student", parts.clock.now()
                )
                reader_id = reader.id
            await parts.desk.cards.put(card, reader_id)
            kept += 1
    print(f"cards: {kept}, rejected: {len(rows) - kept}")


async def _gate_import(env: Env, args: argparse.Namespace) -> None:
    rows = _rows(args.file, {"id", "student_no", "direction", "method", "at"})
    async with _parts(env) as parts, AsyncExitStack() as waiting:
        if args.gate not in {gate.id for gate in await parts.desk.gates.all()}:
            raise Failed(f"there is no gate {args.gate!r}")
        counts = Counter[str]()
        told = waiting.enter_context(progress("gate-import", "passages"))
        for begin in range(0, len(rows), BATCH):
            batch = rows[begin : begin + BATCH]
            told(len(batch), len(rows))
            taken = await take_in(parts.desk, GateId(args.gate), batch, parts.clock.now())
            counts.update(accepted=taken.accepted, duplicates=taken.duplicates)
            for place, code in taken.rejected:
                # The first line is the header's.
                print(f"line {begin + place + 2}: {code}", file=sys.stderr)
                counts["rejected"] += 1
    names = ("accepted", "duplicates", "rejected")
    print(", ".join(f"{name}: {counts[name]}" for name in names))


async def _wechat_menu(env: Env, args: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        if parts.official is None:
            raise Failed("WECHAT_MP_APPID and its companions are not set")
        stands = await parts.official.menu()
        settings = parts.settings
        try:
            wanted = menu_with_booking_entry(
                stands, settings.wechat.appid, HOME, settings.public_base_url + "/"
            )
        except NoRoomInMenu as error:
            raise Failed(str(error)) from error
        if args.what == "put" and wanted != stands:
            await parts.official.put_menu(wanted)
    before, after = (
        json.dumps(menu, ensure_ascii=False, indent=2).splitlines() for menu in (stands, wanted)
    )
    if args.what == "show":
        print("\n".join(before))
    else:
        changed = list(difflib.unified_diff(before, after, "stands", "wanted", lineterm=""))
        print("\n".join(changed) if changed else "nothing to change")


async def _wechat_links(env: Env, args: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        if not parts.settings.wechat.used:
            raise Failed("WECHAT_APPID and its companions are not set: there is no mini-program")
        state = parts.settings.wechat.state
        print(await parts.gateway.link(args.page, args.query, args.days, state))


async def _questions(env: Env, _: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        waiting = await parts.feedbacks.waiting(_QUESTIONS)
        readers = [await parts.readers.get(f.reader_id) if f.reader_id else None for f in waiting]
    for feedback, reader in zip(waiting, readers, strict=True):
        who = reader.student_no_masked if reader else ""
        print(f"{feedback.id}  {to_local(feedback.at):%Y-%m-%d %H:%M}  {feedback.channel}  {who}")
        print("    " + feedback.text.replace("\n", "\n    "))
    print(f"{len(waiting)} waiting" if waiting else "none is waiting")


async def _answer(env: Env, args: argparse.Namespace) -> None:
    async with _parts(env) as parts:
        try:
            await reply_to_feedback(
                parts.feedbacks, parts.messages, args.id, args.text, parts.clock.now()
            )
        except NotFound:
            raise Failed(f"there is no question {args.id!r}") from None
        except InvalidState:
            raise Failed("it has been answered already, in other words") from None
    print("answered")


def _answer_text(text: str) -> str:
    if not 0 < len(text.strip()) <= MAX_LENGTH:
        raise argparse.ArgumentTypeError(f"must have 1 to {MAX_LENGTH} characters")
    return text.strip()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


async def _grow(env: Env, args: argparse.Namespace) -> None:
    if not load(env).sandbox:
        raise Failed("grow writes an invented past: into a sandbox's database only (SANDBOX=1)")
    async with _parts(env) as parts:
        try:
            with progress("grow", "reservations") as told:
                await grown(parts, args.scale, args.seed, print, told)
        except (GrowthRefused, PastRefused) as error:
            raise Failed(f"the database is not filled: {error}") from error


async def _tour(_: Env, args: argparse.Namespace) -> None:
    await tour(args.url.rstrip("/"))
