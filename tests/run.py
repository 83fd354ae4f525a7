"""The command ``scripts/test``: phases with their begin and duration.

Each phase has a limit and ends all its processes. Without arguments the phases are those that show
behaviour; ``--all`` adds those that need more programs or more time. A name, paths and pytest
options run only these tests.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import psutil

from tests import codes_seen, machine_speed, tools
from tests.waiting import PATIENCE

ROOT: Final = tools.ROOT
TESTS: Final = ("tests", "lab/tests")
CHECKED: Final = "tests/unit/test_structure.py"
"""``scripts/check`` runs it, in a whole run before all other tests."""
PYTEST: Final = (sys.executable, "-m", "pytest", "--durations=10")
WORKERS: Final = 3
"""Processes of pytest: one more than the cores, since each waits for its servers at times."""
LONG_EXAMPLES: Final = "20000"
CHAOS_MINUTES: Final = "30"
_ADOPT_ORPHANS: Final = 36
"""PR_SET_CHILD_SUBREAPER (man 2 prctl): who loses its parent below us becomes our child."""
_CHILDREN: Final = Path(f"/proc/self/task/{os.getpid()}/children")
_LOOK_S: Final = 0.05
_END_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One command of the run."""

    name: str
    command: tuple[str, ...]
    limit_min: float
    """Minutes after which it is ended, on two quiet cores; a slow machine has more."""


CHECK: Final = Phase("check", ("scripts/check",), 5)
MINI_PROGRAM: Final = Phase("mini-program", ("npm", "test", "--prefix", "miniprogram", "-s"), 10)
PACKER: Final = Phase("packer", ("npm", "test", "--prefix", tools.PACKER, "-s"), 10)


def pytest_phase(name: str, limit_min: float, *arguments: str) -> Phase:
    """Pytest with these arguments, by several processes."""
    spread = ("-n", str(WORKERS), "--dist", "worksteal")
    return Phase(name, (*PYTEST, *spread, *arguments), limit_min)


class Run:
    """All phases of one call: the running ones, the failed ones, and the total duration."""

    def __init__(self, factor: float) -> None:
        self.failed: list[str] = []
        self._factor = factor
        self._began = monotonic()
        self._running: dict[int, Running] = {}

    def __enter__(self) -> Run:
        ctypes.CDLL(None, use_errno=True).prctl(_ADOPT_ORPHANS, 1)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_: object) -> None:
        for running in list(self._running.values()):
            self._end(running)

    def begin(self, phase: Phase, *, beside: bool = False) -> Running:
        """Starts the command. The output of a phase that runs beside another one is shown at its
        end."""
        print(f"== {phase.name} begins", flush=True)
        running = Running(phase, beside, self._factor)
        self._running[running.process.pid] = running
        return running

    def finish(self, running: Running) -> bool:
        """Waits for the command and ends processes left behind. Returns whether it has
        succeeded."""
        while (status := running.process.poll()) is None and monotonic() < running.deadline:
            self._bury_orphans()
            time.sleep(_LOOK_S)
        outcome = "passed" if status == 0 else f"failed (status {status})"
        if status is None:
            outcome = f"had not ended after {running.limit_s / 60:.0f} minutes"
        self._end(running)
        running.show()
        print(f"== {running.phase.name} {outcome} in {_clock(running.took_s)}", flush=True)
        if status != 0:
            self.failed.append(running.phase.name)
        return status == 0

    def _bury_orphans(self) -> None:
        """Reaps processes that lost their parent: otherwise they would seem to be running."""
        for pid in map(int, _CHILDREN.read_text().split()):
            if pid not in self._running:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def run(self, phase: Phase) -> bool:
        """Starts the command and waits for it."""
        return self.finish(self.begin(phase))

    def _end(self, running: Running) -> None:
        """Ends the phase's processes; those that lost their parent are children of this one."""
        del self._running[running.process.pid]
        left = running.descendants()
        if not self._running:
            left += psutil.Process().children(recursive=True)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(left, timeout=_END_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        running.process.wait()
        running.took_s = monotonic() - running.began

    def summary(self) -> str:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        minutes = (usage.ru_utime + usage.ru_stime) / 60
        outcome = f"failed: {', '.join(self.failed)}" if self.failed else "passed"
        return f"== {outcome} in {_clock(monotonic() - self._began)}, {minutes:.1f} CPU minutes"


class Running:
    """A phase whose command is running."""

    def __init__(self, phase: Phase, beside: bool, factor: float) -> None:
        self.phase = phase
        self.began = monotonic()
        self.took_s = 0.0
        self.limit_s = phase.limit_min * 60 * factor
        self.deadline = self.began + self.limit_s
        self._said = tempfile.TemporaryFile() if beside else None  # noqa: SIM115 closed by show
        self.process = subprocess.Popen(
            phase.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT if beside else None,
            start_new_session=True,
        )

    def descendants(self) -> list[psutil.Process]:
        """The processes below the command, itself among them."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [*root.children(recursive=True), root]
        return []

    def show(self) -> None:
        """Prints the collected output."""
        if self._said is not None:
            self._said.seek(0)
            sys.stdout.write(self._said.read().decode(errors="replace"))
            self._said.close()


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


@contextmanager
def _recorded_codes() -> Iterator[Path]:
    """A folder in which all test processes record the error codes they have seen."""
    with tempfile.TemporaryDirectory(prefix="codes-seen-") as folder:
        os.environ["CODES_SEEN"] = folder
        yield Path(folder)


def whole(everything: bool, long: bool) -> int:
    """Runs the phases of ``scripts/test``, or of ``scripts/test --all``. Returns the exit
    status."""
    began = monotonic()
    print("== installation begins", flush=True)
    needed = tools.PROGRAMS.keys() - tools.OTHER_BROWSERS if everything else tools.BEHAVIOUR
    tools.install(needed)
    with suppress(tools.ToolMissing):  # the test says it
        tools.install(tools.OTHER_BROWSERS if everything else ())
    for folder in (*tools.NPM_FOLDERS, *([tools.PACKER] if everything else [])):
        tools.npm_folder(folder)
    print(f"== installation ended after {_clock(monotonic() - began)}", flush=True)
    speed = _measured()
    chosen = () if everything else ("-m", "not whole")
    options = ("--long",) if long else ()
    with Run(speed.factor) as run, _recorded_codes() as codes:
        phone = run.begin(MINI_PROGRAM, beside=True)
        if not run.run(CHECK):
            return _concluded(run, speed)
        packer = run.begin(PACKER, beside=True) if everything else None
        limit_min = 240 if long else 60 if everything else 30
        rest = (*chosen, *options, f"--ignore={CHECKED}", *TESTS)
        tested = run.run(pytest_phase("tests", limit_min, *rest))
        run.finish(phone)
        if packer is not None:
            run.finish(packer)
        if tested:
            missing = codes_seen.never_seen(codes)
            print("".join(f"listed, and seen in no test: {line}\n" for line in missing), end="")
            run.failed += ["error codes"] if missing else []
        if long:
            run.run(Phase("chaos", ("scripts/chaos", "--minutes", CHAOS_MINUTES), 90))
        return _concluded(run, speed)


def some(arguments: Sequence[str]) -> int:
    """Runs only the tests of these paths and options. Returns the exit status."""
    with Run(_measured().factor) as run:
        command = (sys.executable, "-m", "pytest", "-q", "--durations=10", *arguments)
        run.run(Phase("tests", command, 90))
        print(run.summary())
        return 1 if run.failed else 0


def _measured() -> machine_speed.Speed:
    speed = machine_speed.measured()
    os.environ[PATIENCE] = f"{speed.factor:.2f}"
    print(f"== {speed}", flush=True)
    return speed


def _concluded(run: Run, speed: machine_speed.Speed) -> int:
    print(f"{run.summary()}; hello had {speed.hello:,.0f} a second")
    return 1 if run.failed else 0


def named(name: str) -> list[str]:
    """The files and folders of tests that have the name as a whole or among its words:
    ``test_gates.py`` and ``test_gates_replay.py`` for "gates". Raises: LookupError."""
    places = [
        (path.stem.removeprefix("test_") if path.suffix else path.name, path)
        for folder in TESTS
        for path in sorted((ROOT / folder).rglob("*"))
        if "node_modules" not in path.parts and "__pycache__" not in path.parts
        if path.is_dir() or path.match("test_*.py")
    ]
    paths_found = [
        str(path.relative_to(ROOT)) for word, path in places if f"_{name}_" in f"_{word}_"
    ]
    if not paths_found:
        words = " ".join(sorted({word for word, _ in places}))
        raise LookupError(f"no tests have the name {name}. There are:\n{words}")
    return paths_found


def main(arguments: Sequence[str]) -> int:
    os.environ[tools.INSTALLS] = "1"
    # Tests start hundreds of processes: each would compile the service anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    match arguments:
        case [] | ["--all"] | ["--long"]:
            long = "--long" in arguments
            if long:
                os.environ.setdefault("SCHEMATHESIS_EXAMPLES", LONG_EXAMPLES)
            return whole(everything=bool(arguments), long=long)
        case [name, *options] if name.isidentifier() and not (ROOT / name).exists():
            return some([*named(name), *options])
    return some(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (LookupError, tools.ToolMissing) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
