"""The command ``seats``: arguments, refusals, and the time to answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from miniapp_server.cli.commands import seats
from miniapp_server.cli.commands.devices import LONGEST_LINK
from miniapp_server.cli.commands.service import JOBS
from notify.wechat import mini_program
from tests.living import ENCRYPTION_KEYS

ROOT = Path(__file__).parents[2]
SEATS = str(Path(sys.executable).with_name("seats"))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def run(*words: str, **env: str) -> tuple[int, str, str]:
    """Runs ``seats`` in an otherwise empty environment. Returns (status, output, errors)."""
    done = subprocess.run([SEATS, *words], env=env, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_the_version_option_prints_the_packages_version() -> None:
    package = re.search(r"^version = (\S+)$", (ROOT / "setup.cfg").read_text("utf-8"), re.M)
    assert package is not None
    assert run("--version") == (0, f"{package[1]}\n", "")


def test_invalid_arguments_are_refused_with_status_2() -> None:
    status, out, err = run("serve", "--nothing")
    assert (status, out) == (2, "") and "No such option: --nothing" in err, err
    for words, said in (
        (("serve", "--workers", "0"), "0 is not in the range 1<=x<=64"),
        (("serve", "--workers", "65"), "65 is not in the range"),
        (("demo", "--workers", "two"), "'two' is not a valid int"),
        (("serv",), "No such command 'serv'"),
        (("restore",), "Missing argument 'FILE'"),
        (("library", "carry", "x"), "'carry' is not one of 'export', 'import'"),
        (("wechat-links", "page", "--days", "31"), "31 is not in the range 1<=x<=30"),
        (("feedback", "reply", "id", "  "), "must have 1 to "),
        (("gate-import", "file"), "Missing option '--gate'"),
    ):
        result = CliRunner().invoke(seats, words)
        assert (result.exit_code, result.stdout) == (2, ""), words
        assert said in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_a_failure_prints_one_line_and_exits_with_status_1(tmp_path: Path) -> None:
    real = tmp_path / "env"
    real.write_text(
        "MONGO_URL=mongodb://127.0.0.1:9/?replicaSet=rs0\nREDIS_URL=redis://127.0.0.1:9/0\n"
        f"ENCRYPTION_KEYS={ENCRYPTION_KEYS}\nPUBLIC_BASE_URL=https://seats.example\n"
        "CAS_BASE_URL=https://cas.example\n"
    )
    for words, said in (
        (("seed", "--env-file", str(real)), "seats: seed writes the demo library, only into a"),
        (("grow", "--count", "9"), "seats: grow was renamed: use load-data\n"),
        (("check-config", "--env-file", "/none"), "seats: --env-file /none: No such file"),
        (
            ("worker", "--owner", "w1"),
            "seats: this command is internal: start workers with serve --workers N\n",
        ),
        (("gate-agent", "--url", "http://x", "--gate", "g", "--file", "f"), "gate-agent: GATE_KEY"),
    ):
        status, out, err = run(*words)
        assert (status, out, err.count("\n")) == (1, "", 1) and err.startswith(said), err


def test_the_operations_page_lists_every_command_and_job() -> None:
    table = OPERATIONS.split("| `seats …` |")[1].split("\n\n")[0]
    listed = set(re.findall(r"^\| `([a-z-]+)", table, re.M))
    group = typer.main.get_group(seats)
    names = {name for name, command in group.commands.items() if not command.hidden}
    assert listed == names
    jobs = re.search(r"^\| `job NAME` \| runs one job once: `([^`]+)`", OPERATIONS, re.M)
    assert jobs is not None and tuple(jobs[1].split()) == JOBS


def test_help_is_printed_for_both_options() -> None:
    for words in ((), ("backup",), ("feedback", "reply")):
        long, short = run(*words, "--help"), run(*words, "-h")
        assert long == short and long[0] == 0 and long[1].startswith("Usage: seats")


def test_help_lists_the_commands_and_their_settings() -> None:
    _, out, _ = run("--help")
    assert "check-config" in out and "..." not in out.split("Commands:")[1], "nothing is cut off"
    _, out, _ = run("demo", "--help")
    words = " ".join(out.split())
    for named in ("PORT (default: 8080)", "DATA_DIR (default: var/", "DEMO=empty", "MONGO_URL"):
        assert named in words


def test_numbers_in_help_texts_match_the_code() -> None:
    assert LONGEST_LINK == mini_program.LONGEST_LINK


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("seats bac", "backup"),
        ("seats job deliver_w", "deliver_wechat"),
        ("seats feed", "feedback"),
    ],
)
def test_shell_completion_offers_commands_and_values(typed: str, offered: str) -> None:
    env = {"_SEATS_COMPLETE": "complete_bash", "COMP_WORDS": typed}
    status, out, _ = run(**env, COMP_CWORD=str(typed.count(" ")))
    assert status == 0 and offered in out.split()


def test_help_and_completion_do_not_import_the_service() -> None:
    code = "import sys, miniapp_server.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    heavy = {"aiohttp", "handlers", "models", "notify", "pymongo", "rich", "uvloop"}
    assert heavy.isdisjoint(loaded.stdout.split())
