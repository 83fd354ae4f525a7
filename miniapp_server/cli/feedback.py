"""What readers wrote to the library: list it, reply to it."""

from __future__ import annotations

import argparse
from typing import Final

from handlers.keys import FEEDBACK
from miniapp_server.app import PUBLISHER, RESOURCES
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Commands, Env, add_command
from models.feedback.entities import MAX_LENGTH, Feedback
from models.kernel.errors import InvalidState, NotFound
from models.kernel.time_range import to_local
from models.text_checks.entities import TextVerdict
from notify.in_app import InAppNotifier

_LISTED_AT_ONCE: Final = 100


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``feedback list`` and ``feedback reply``."""
    help = "What readers wrote to the library: list it, reply to it."
    feedback = commands.add_parser("feedback", help=help, description=help)
    actions = feedback.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = add_command(actions, "list", _list, "Feedback without a reply, oldest first.")
    listed.add_argument(
        "--risky",
        action="store_true",
        help="print also the texts that may break the rules by WeChat's word",
    )
    reply = add_command(
        actions, "reply", _reply, "Reply to feedback; its reader finds a message in the app."
    )
    reply.add_argument("id", metavar="ID", help="of the feedback, as list shows it")
    reply.add_argument("text", metavar="TEXT", type=_reply_text, help="the reply")


async def _list(env: Env, args: argparse.Namespace) -> None:
    async with application(env) as app:
        stored = app[RESOURCES].repositories
        waiting = await app[FEEDBACK].waiting(_LISTED_AT_ONCE)
        readers = [await stored.readers.get(f.reader_id) if f.reader_id else None for f in waiting]
    for feedback, reader in zip(waiting, readers, strict=True):
        who = reader.student_no_masked if reader else ""
        print(listed(feedback, who, args.risky))
    print(f"{len(waiting)} waiting" if waiting else "none is waiting")


def listed(feedback: Feedback, who: str, risky: bool) -> str:
    """The lines about one piece of feedback. A text that may break the rules is left out, unless
    ``risky``."""
    head = f"{feedback.id}  {to_local(feedback.at):%Y-%m-%d %H:%M}  {feedback.channel}  {who}"
    if feedback.verdict is TextVerdict.RISKY and not risky:
        return f"{head}\n    WeChat says that this may break the rules; --risky prints it"
    return f"{head}\n    " + feedback.text.replace("\n", "\n    ")


async def _reply(env: Env, args: argparse.Namespace) -> None:
    async with application(env) as app:
        try:
            found = await app[FEEDBACK].answer(args.id, args.text, app[RESOURCES].clock.now())
            await InAppNotifier(app[PUBLISHER]).feedback_answered(found)
        except NotFound:
            raise CommandError(f"there is no feedback {args.id!r}") from None
        except InvalidState:
            raise CommandError("it has been answered already, in other words") from None
    print("answered")


def _reply_text(text: str) -> str:
    if not 0 < len(text.strip()) <= MAX_LENGTH:
        raise argparse.ArgumentTypeError(f"must have 1 to {MAX_LENGTH} characters")
    return text.strip()
