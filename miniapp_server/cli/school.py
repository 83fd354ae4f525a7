"""``seats school``: the files of a folder of schools. A reload of the service applies them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.schools import REMOVED, SERVED, SUSPENDED, School, read_school, read_schools

_RELOAD: Final = "reload the service (systemctl reload seats)"


async def school_add(env: Env, folder: Path, file: Path) -> None:
    """Copy the file into the folder under its own name. Raises: CommandError, SettingsError."""
    if file.suffix != SERVED:
        raise CommandError(f"{file} must be named after the school: NAME{SERVED}")
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
        part = written_beside(target, file.read_bytes(), -1, folder.stat().st_gid)
        os.link(part, target)
        part.unlink()
    except OSError as error:
        raise CommandError(f"cannot write {target}: {error.strerror}") from error


def written_beside(file: Path, content: bytes, user: int, group: int) -> Path:
    """A new file beside the school's with this content on the disk, which its owner writes and the
    group reads; a service does not read it. ``user``: -1 for this process's. Raises: OSError."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb") as out:
        os.fchown(descriptor, user, group)
        out.write(content)
        out.flush()
        os.fsync(descriptor)
    return part


async def school_list(env: Env, folder: Path) -> None:
    """Print each school's name, host, port and state, or what is wrong with its file."""
    for school in read_schools(folder, env, load):
        state = "suspended" if school.suspended else "served"
        row = school.name, school.host or "-", str(school.port), school.fault or state
        print("\t".join(row))


async def school_rename(env: Env, folder: Path, name: str, state: str) -> None:
    """Suspend, resume or remove a school: rename its file. Raises: CommandError."""
    school = named_school(env, folder, name)
    if state == REMOVED and not school.suspended:
        raise CommandError(f"{name} is open: suspend it first")
    target = school.file.with_suffix(state)
    if target != school.file:
        if target.exists():
            raise CommandError(f"{target} exists already")
        school.file.rename(target)
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
