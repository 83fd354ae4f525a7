"""``seats school``: what a folder of schools accepts, and what stays of a removed one."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import pytest

from miniapp_server.cli.command import CommandError
from miniapp_server.cli.school import school_add, school_list, school_rename
from miniapp_server.cli.school_directory import nginx_ports
from miniapp_server.cli.settings import load
from miniapp_server.hosting import host_name
from miniapp_server.schools import REMOVED, SERVED, SUSPENDED, read_schools
from miniapp_server.settings import SettingsError
from tests.schools import school_file

SERVERS = "mongodb://127.0.0.1:9/?replicaSet=rs0", "redis://127.0.0.1:9/0"


async def test_a_school_is_added_once_and_removed_only_when_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, desk = tmp_path / "schools", tmp_path / "desk"
    folder.mkdir(0o750)
    desk.mkdir()
    one = school_file(desk, "one", 2, 8080, *SERVERS)
    await school_add({}, folder, desk / "one.env")
    content = (desk / "one.env").read_text()
    assert (folder / "one.env").read_text() == content
    assert (folder / "one.env").stat().st_mode & 0o777 == 0o640

    wrong = {
        "one": ({}, "the school one has another file"),
        "host": ({"PUBLIC_BASE_URL": one["PUBLIC_BASE_URL"]}, "is that of the school one"),
        "twin": ({"MONGO_DATABASE": one["MONGO_DATABASE"]}, "is that of the school one"),
        "keys": ({"ENCRYPTION_KEYS": "1:short"}, "ENCRYPTION_KEYS must look like"),
        "doubt": ({"RATE_LIMIT_SCAL": "2"}, "did you mean RATE_LIMIT_SCALE?"),
    }
    for name, (other, reason) in wrong.items():
        school_file(desk, name, 3, 8080, *SERVERS, **other)
        with pytest.raises(CommandError, match=re.escape(reason)):
            await school_add({}, folder, desk / f"{name}.env")
    (desk / "two").write_text("")
    with pytest.raises(CommandError, match=re.escape("NAME.env")):
        await school_add({}, folder, desk / "two")
    assert [path.name for path in folder.iterdir()] == ["one.env"]

    with pytest.raises(CommandError, match="suspend it first"):
        await school_rename({}, folder, "one", REMOVED)
    with pytest.raises(CommandError, match="has no school two"):
        await school_rename({}, folder, "two", SUSPENDED)
    for state, said in ((SUSPENDED, "suspended"), (SERVED, "served"), (SUSPENDED, "suspended")):
        await school_rename({}, folder, "one", state)
        capsys.readouterr()
        await school_list({}, folder)
        assert capsys.readouterr().out == f"one\t127.0.0.2\t8080\t{said}\n"
    await school_rename({}, folder, "one", REMOVED)
    assert not read_schools(folder, {}, load)
    assert (folder / "one.removed").read_text() == content


async def test_files_that_are_no_schools_and_faults_of_the_disk_change_no_school(
    tmp_path: Path,
) -> None:
    folder, desk = tmp_path / "schools", tmp_path / "desk"
    folder.mkdir()
    desk.mkdir()
    school_file(desk, "one", 2, 8080, *SERVERS)
    await school_add({}, folder, desk / "one.env")
    long = "n" * 250
    for name, reason in (
        (".one", "must be named after the school"),
        ("one two", "must be named after the school"),
        ("-one", "must be named after the school"),
        (long, "File name too long"),
    ):
        school_file(desk, name, 3, 8080, *SERVERS)
        with pytest.raises(CommandError, match=reason):
            await school_add({}, folder, desk / f"{name}.env")
    school_file(desk, "three", 3, 8080, *SERVERS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(CommandError, match=r"cannot write .*three\.env: File too large"):
            await school_add({}, folder, desk / "three.env")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in folder.iterdir()] == ["one.env"], "and no part of a file"

    # A copy with the host and database of a school, as editors and macOS leave them.
    (folder / ".one.env").write_text((folder / "one.env").read_text())
    assert [(school.name, school.fault) for school in read_schools(folder, {}, load)] == [
        ("one", "")
    ]
    await school_rename({}, folder, "one", SUSPENDED)
    school_file(folder, "another", 2, 8080, *SERVERS)
    with pytest.raises(CommandError, match=re.escape("is that of the school another")):
        await school_rename({}, folder, "one", SERVED)
    (folder / f"{long}.env").write_text("")
    with pytest.raises(CommandError, match="File name too long"):
        await school_rename({}, folder, long, SUSPENDED)
    assert sorted(path.suffix for path in folder.iterdir()) == [".env", ".env", ".env", SUSPENDED]
    for command in (school_list, nginx_ports):
        with pytest.raises(SettingsError, match="PORT must be a whole number"):
            await command({"PORT": "http"}, folder)


def test_only_host_port_and_log_level_of_the_service_count_for_a_school(tmp_path: Path) -> None:
    school_file(tmp_path, "one", 2, 8080, *SERVERS)
    own = "".join(
        line
        for line in (tmp_path / "one.env").read_text().splitlines(keepends=True)
        if not line.startswith(("PORT", "MONGO_DATABASE"))
    )
    (tmp_path / "one.env").write_text(own)
    (tmp_path / "unreadable.env").write_bytes(b"\xff")
    service = {"PORT": "8081", "MONGO_DATABASE": "theirs"}
    school, unreadable = read_schools(tmp_path, service, load)
    assert school.settings is not None and not school.fault
    assert (school.port, school.settings.database) == (8081, "seats")
    assert unreadable.fault and unreadable.port == 8081 and not unreadable.host


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Lib.Example.edu", "lib.example.edu"),
        ("lib.example.edu.:8080", "lib.example.edu"),
        ("[::1]:80", "::1"),
        ("", ""),
        (":80", ""),
    ],
)
def test_the_host_of_a_request_has_no_port(header: str, name: str) -> None:
    assert host_name(header) == name
