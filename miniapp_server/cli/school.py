"""``seats school``: the files of a folder of schools. A reload of the service applies them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.schools import REMOVED, SERVED, SUSPENDED, School, read_school, read_schools

_RELOAD: Final = "reload the service (systemctl reload seats)"
_NAME: Final = re.compile(r"\w[\w.-]*")


async def school_add(env: Env, folder: Path, file: Path) -> None:
    """Copy the file into the folder under its own name. Raises: CommandError, SettingsError."""
    if file.suffix != SERVED or not _NAME.fullmatch(file.stem):
        raise CommandError(
            f"{file} must be named after the school: NAME{SERVED}, of letters, digits, _ . and -"
        )
    school = read_school(file, env, load, read_schools(folder, env, load))
    if school.fault:
        raise CommandError(f"{file}: {school.fault}")
    if school.doubts:
        raise CommandError(f"{file}: {'; '.join(school.doubts)}")
    _copy(file, folder)
    print(f"{school.name} will be open at {school.host}: {_RELOAD}")


def _copy(file: Path, folder: Path) -> None:
    target = folder / file.name
    try:
        # The service's user reads it, by the folder's group.
        group = folder.stat().st_gid
        with written_beside(target, file.read_bytes(), -1, group) as part:
            os.link(part, target)
    except OSError as error:
        raise CommandError(f"cannot write {target}: {error.strerror}") from error


@contextmanager
def written_beside(file: Path, content: bytes, user: int, group: int) -> Iterator[Path]:
    """A file beside the school's with this content on the disk, which its owner writes and the
    group reads. The block may rename or link it; a service does not read it, and nothing of it
    stays. ``user``: -1 for this process's. Raises: OSError."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        with os.fdopen(descriptor, "wb") as out:
            os.fchown(descriptor, user, group)
            out.write(content)
            out.flush()
            os.fsync(descriptor)
        yield part
    finally:
        part.unlink(missing_ok=True)


async def school_list(env: Env, folder: Path) -> None:
    """Print each school's name, host, port and state, or what is wrong with its file."""
    for school in read_schools(folder, env, load):
        state = "suspended" if school.suspended else "served"
        row = school.name, school.host or "-", str(school.port), school.fault or state
        print("\t".join(row))


async def school_rename(env: Env, folder: Path, name: str, state: str) -> None:
    """Suspend, resume or remove a school: rename its file. Raises: CommandError, SettingsError."""
    school = named_school(env, folder, name)
    if state == REMOVED and not school.suspended:
        raise CommandError(f"{name} is open: suspend it first")
    if state == SERVED and school.fault:
        raise CommandError(f"{school.file}: {school.fault}")
    target = school.file.with_suffix(state)
    try:
        if target != school.file and target.exists():
            raise CommandError(f"{target} exists already: rename it first")
        school.file.rename(target)
    except OSError as error:
        raise CommandError(f"cannot rename {school.file}: {error.strerror}") from error
    change = {
        SERVED: f"{name} will be open",
        SUSPENDED: f"{name} will be closed",
        REMOVED: f"{name} will have no host; {target} keeps its settings and encryption keys, its "
        "database stays",
    }
    print(f"{change[state]}: {_RELOAD}")


def named_school(env: Env, folder: Path, name: str) -> School:
    """The school of this name in the folder. Raises: CommandError, SettingsError."""
    for school in read_schools(folder, env, load):
        if school.name == name:
            return school
    raise CommandError(f"{folder} has no school {name}")
