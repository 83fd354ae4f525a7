"""The schools of one service: a folder with a file of settings for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from miniapp_server.settings import DEFAULT_PORT, Settings, SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.environment import EnvironmentReader
from miniapp_server.settings.misspelt import SettingsFile, in_words, misspelt
from models.storage.connectivity import read_mongo_url

SERVED: Final = ".env"
SUSPENDED: Final = ".suspended"
REMOVED: Final = ".removed"
"""The endings of a school's file. The service reads the first two."""
_OF_THE_SERVICE: Final = ("HOST", "PORT", "LOG_LEVEL")
"""The variables of the service's own environment that count for all schools. A school's file may
name another PORT: the school then has processes of its own there."""

Load = Callable[[Mapping[str, str]], Settings]
"""Reads a school's settings. Raises: SettingsError."""


@dataclass(frozen=True, slots=True)
class School:
    """A school's file. ``host`` is the name in its PUBLIC_BASE_URL, empty if that is unreadable or
    another school's. If ``fault`` is not empty, it says in a line why the file cannot be used.
    ``doubts``: a line for each variable that looks misspelt."""

    name: str
    file: Path
    suspended: bool
    port: int
    host: str = ""
    settings: Settings | None = None
    fault: str = ""
    doubts: tuple[str, ...] = ()


def read_schools(folder: Path, env: Mapping[str, str], load: Load) -> list[School]:
    """The schools of the folder by name. ``env``: the service's environment, of which a school gets
    host, port and log level alone. Of two files with one host or database the later in the alphabet
    has a fault. Raises: SettingsError if the folder cannot be read, or for PORT."""
    try:
        files = sorted(path for path in folder.iterdir() if _is_of_school(path))
    except OSError as error:
        raise SettingsError(f"--schools {folder}: {error.strerror}") from error
    schools: list[School] = []
    for file in files:
        schools.append(read_school(file, env, load, schools))
    return schools


def _is_of_school(path: Path) -> bool:
    """False for hidden files too, which editors and copying programs leave beside a school's."""
    return path.suffix in (SERVED, SUSPENDED) and not path.name.startswith(".")


def read_school(file: Path, env: Mapping[str, str], load: Load, others: Sequence[School]) -> School:
    """The school of a file. ``env``: the service's environment. ``others``: the schools whose
    names, hosts and databases are taken. Raises: SettingsError for the service's own PORT."""
    name, suspended = file.stem, file.suffix == SUSPENDED
    common = {name: env[name] for name in _OF_THE_SERVICE if env.get(name)}
    port = own_port(env)
    own: Mapping[str, str] = {}
    host, settings, fault = "", None, ""
    try:
        own = read_env_file(file)
        host = _host_in(own)
        settings = load({**common, **own})
        host = urlsplit(settings.public_base_url).hostname or ""
        fault = _taken(name, host, settings, others)
    except OSError as error:
        fault = error.strerror or str(error)
    except ValueError as error:
        fault = str(error)
    except SettingsError as error:
        fault = "; ".join(str(error).splitlines())
    if host in {other.host for other in others}:
        host = ""
    return School(
        name,
        file,
        suspended,
        settings.port if settings is not None else port,
        host,
        settings,
        fault,
        tuple(in_words(*pair) for pair in misspelt(SettingsFile(dict(own), {})).items()),
    )


def own_port(env: Mapping[str, str]) -> int:
    """The port of the service. Raises: SettingsError."""
    read = EnvironmentReader(env)
    port = read.number("PORT", DEFAULT_PORT, 1, 65535)
    read.raise_faults()
    return port


def _host_in(variables: Mapping[str, str]) -> str:
    try:
        return urlsplit(variables.get("PUBLIC_BASE_URL", "")).hostname or ""
    except ValueError:
        return ""


def _taken(name: str, host: str, settings: Settings, others: Sequence[School]) -> str:
    """The fault of a school that has another's name, host or database; empty if it has none."""
    for other in others:
        if name == other.name:
            return f"the school {name} has another file, {other.file.name}"
        if host == other.host:
            return f"the host {host} of PUBLIC_BASE_URL is that of the school {other.name}"
        if other.settings is not None and _database_of(settings) & _database_of(other.settings):
            return f"the database {settings.database} is that of the school {other.name}"
    return ""


def _database_of(settings: Settings) -> set[tuple[str, str]]:
    return {(host, settings.database) for host in read_mongo_url(settings.mongo_url).hosts}
