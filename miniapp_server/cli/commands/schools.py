from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from miniapp_server.cli.commands.options import File, group, run

Schools = Annotated[
    Path, typer.Option(metavar="DIR", help="folder with a file of settings for each school")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the school's file, without end")]
commands: Final = group()
_school: Final = group("Manage the schools of serve --schools. A reload applies each change.")
commands.add_typer(_school, name="school")


@_school.command()
def add(file: File, schools: Schools) -> None:
    """Add a school: check its file of settings, NAME.env, and copy it into the folder."""
    from miniapp_server.cli.school import school_add

    run(lambda env: school_add(env, schools, file))


@_school.command("list")
def list_schools(schools: Schools) -> None:
    """Print each school's name, host, port and state, or what is wrong with its file."""
    from miniapp_server.cli.school import school_list

    run(lambda env: school_list(env, schools))


@_school.command()
def directory(
    schools: Schools,
    nginx: Annotated[
        bool, typer.Option("--nginx", help="print nginx's map of hosts to ports instead")
    ] = False,
) -> None:
    """Print the directory of schools as JSON: each one's names and address. A school with a fault
    is left out, with a line on stderr."""
    from miniapp_server.cli.school_directory import nginx_ports, school_directory

    run(lambda env: (nginx_ports if nginx else school_directory)(env, schools))


@_school.command()
def suspend(name: Name, schools: Schools) -> None:
    """Close a school: its host answers 503 with a page, until it is resumed."""
    from miniapp_server.cli.school import school_rename
    from miniapp_server.schools import SUSPENDED

    run(lambda env: school_rename(env, schools, name, SUSPENDED))


@_school.command()
def resume(name: Name, schools: Schools) -> None:
    """Open a suspended school."""
    from miniapp_server.cli.school import school_rename
    from miniapp_server.schools import SERVED

    run(lambda env: school_rename(env, schools, name, SERVED))


@_school.command()
def remove(name: Name, schools: Schools) -> None:
    """Remove a suspended school. Its host is unknown then; its file is kept as NAME.removed, with
    the encryption keys, and its database stays."""
    from miniapp_server.cli.school import school_rename
    from miniapp_server.schools import REMOVED

    run(lambda env: school_rename(env, schools, name, REMOVED))


@_school.command()
def move(
    name: Name,
    schools: Schools,
    abort: Annotated[
        bool, typer.Option("--abort", help="end an interrupted move: the school opens again")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Move a school's database to another replica set. The environment has two addresses:
    NEW_MONGO_URL, the school's at the new set, and MONGO_ADMIN_URL, at the old set, of a user who
    may change users. The school is closed while its documents are copied."""
    from miniapp_server.cli.school_move import abort_move, school_move

    if abort:
        run(lambda env: abort_move(env, schools, name))
    run(lambda env: school_move(env, schools, name, ask=not yes))
