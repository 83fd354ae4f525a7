from __future__ import annotations

from typing import Annotated, Final, Literal

import typer

from miniapp_server.cli.commands.options import EnvFile, File, group, run

LONGEST_LINK: Final = 30
"""Longest validity of a link, in days. It repeats the value in notify/wechat/mini_program.py,
which is too large to load for a help text."""
commands: Final = group()


@commands.command()
def gate_import(
    file: File,
    gate: Annotated[
        str, typer.Option(metavar="ID", help="id of the gate that recorded the events")
    ],
    env_file: EnvFile = None,
) -> None:
    """Import gate events from a CSV file. Its columns are id, student_no, direction, method, at.
    Safe to repeat."""
    from miniapp_server.cli.gates import gate_import

    run(lambda env: gate_import(env, gate, file), env_file)


@commands.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def gate_agent(context: typer.Context) -> None:
    """Report a gate's events to the service. The agent reads the gate's file of events."""
    # The agent also runs alone, on machines with only Python, so it parses its own options.
    from miniapp_server.gate_agent import main

    raise typer.Exit(main(context.args))


@commands.command()
def wechat_menu(
    what: Annotated[Literal["show", "diff", "put"], typer.Argument()], env_file: EnvFile = None
) -> None:
    """Show or change the official account's menu. show prints the menu, diff what put would
    change. put adds the entry for booking, below the button that the library's profile names."""
    from miniapp_server.cli.wechat import wechat_menu

    run(lambda env: wechat_menu(env, what), env_file)


@commands.command()
def wechat_links(
    page: Annotated[
        str, typer.Argument(metavar="PAGE", help="path of the page, such as pages/index/index")
    ],
    query: Annotated[
        str, typer.Option(help="query of the page, such as k=2f-south", show_default=False)
    ] = "",
    days: Annotated[
        int, typer.Option(min=1, max=LONGEST_LINK, help="days for which the link is valid")
    ] = LONGEST_LINK,
    env_file: EnvFile = None,
) -> None:
    """Create a link to a page of the mini-program. Prints the link and when it expires."""
    from miniapp_server.cli.wechat import wechat_links

    run(lambda env: wechat_links(env, page, query, days), env_file)
