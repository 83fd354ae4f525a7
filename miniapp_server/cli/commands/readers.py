from __future__ import annotations

from typing import Annotated, Final

import typer

from miniapp_server.cli.commands.options import EnvFile, File, group, run

StudentNo = Annotated[str, typer.Argument(metavar="STUDENT_NO")]
commands: Final = group()
_feedback: Final = group("List readers' feedback, and reply to it.")
commands.add_typer(_feedback, name="feedback")


@commands.command()
def export_reader(student_no: StudentNo, env_file: EnvFile = None) -> None:
    """Print all stored data of a reader. The output is JSON, with decrypted data."""
    from miniapp_server.cli.readers import export_reader

    run(lambda env: export_reader(env, student_no), env_file)


@commands.command()
def erase_reader(
    student_no: StudentNo,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="do not ask for confirmation (required without a terminal)"),
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Erase a reader. Live reservations end, personal data is deleted, and past reservations stay
    in the statistics without a name. It cannot be undone."""
    from miniapp_server.cli.readers import erase_reader

    run(lambda env: erase_reader(env, student_no, yes), env_file)


@commands.command()
def reset_second_factor(student_no: StudentNo, env_file: EnvFile = None) -> None:
    """Delete a second factor that was lost. The staff member is signed out, and sets up a new
    one at the next sign-in."""
    from miniapp_server.cli.readers import reset_second_factor

    run(lambda env: reset_second_factor(env, student_no), env_file)


@commands.command()
def card_import(file: File, env_file: EnvFile = None) -> None:
    """Import readers' cards from a CSV file. Its columns are card_no, student_no, name. Safe to
    repeat. A card that is already stored goes to the reader whom the file names."""
    from miniapp_server.cli.readers import card_import

    run(lambda env: card_import(env, file), env_file)


@_feedback.command("list")
def feedback_list(
    risky: Annotated[
        bool,
        typer.Option("--risky", help="also print texts that WeChat's check calls risky"),
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """List feedback without a reply, oldest first."""
    from miniapp_server.cli.feedback import list_waiting

    run(lambda env: list_waiting(env, risky), env_file)


@_feedback.command("reply")
def feedback_reply(
    id: Annotated[str, typer.Argument(metavar="ID", help="id of the feedback, as printed by list")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="the reply")],
    env_file: EnvFile = None,
) -> None:
    """Reply to feedback; its author finds a message in the app."""
    from miniapp_server.cli.feedback import reply
    from models.feedback.entities import MAX_LENGTH

    said = text.strip()
    if not 0 < len(said) <= MAX_LENGTH:
        raise typer.BadParameter(f"must have 1 to {MAX_LENGTH} characters", param_hint="TEXT")
    run(lambda env: reply(env, id, said), env_file)
