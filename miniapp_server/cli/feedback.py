from __future__ import annotations

from typing import Final

from handlers.http.keys import REFERENCE, service_key
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.keys import RESOURCES
from models.feedback.entities import AnswerPush, Feedback
from models.feedback.service import FeedbackService
from models.kernel.errors import NotFound, WrongState
from models.kernel.zone import Zone
from models.text_checks.entities import TextVerdict
from notify.conversations import Conversations
from notify.in_app import InAppNotifier
from notify.publisher import MessagePublisher

_LISTED_AT_ONCE: Final = 100
NOT_SENT: Final = "the reply is stored, but WeChat did not accept it: the console says why"


async def list_waiting(env: Env, risky: bool) -> None:
    """Print the feedback without a reply, oldest first."""
    async with application(env) as app:
        stored = app[RESOURCES].repositories
        waiting = await app[service_key(FeedbackService)].waiting(_LISTED_AT_ONCE)
        readers = [await stored.readers.get(f.reader_id) if f.reader_id else None for f in waiting]
    for feedback, reader in zip(waiting, readers, strict=True):
        who = reader.student_no_masked if reader else ""
        print(listed(app[REFERENCE].zone, feedback, who, risky))
    print(f"{len(waiting)} without a reply" if waiting else "no feedback without a reply")


def listed(zone: Zone, feedback: Feedback, who: str, risky: bool) -> str:
    """The lines to print for a piece of feedback. ``who``: the reader who wrote it, masked.
    ``risky``: also show a text that WeChat's check calls risky."""
    head = f"{feedback.id}  {zone.local(feedback.at):%Y-%m-%d %H:%M}  {feedback.channel}  {who}"
    if feedback.verdict is TextVerdict.RISKY and not risky:
        return f"{head}\n    hidden: WeChat's check calls this text risky; --risky prints it"
    return f"{head}\n    " + feedback.text.replace("\n", "\n    ")


async def reply(env: Env, id: str, text: str) -> None:
    """Reply to the feedback and notify its author. Raises: CommandError."""
    async with application(env) as app:
        try:
            now = app[RESOURCES].clock.now()
            feedback = await app[service_key(FeedbackService)].get(id)
            if feedback.reader_id is None and not app[service_key(Conversations)].is_open(
                feedback, now
            ):
                raise CommandError(
                    "its author can no longer be reached: the conversation has ended"
                )
            feedback = await app[service_key(FeedbackService)].answer(id, text, now)
            notifier = InAppNotifier(
                app[service_key(MessagePublisher)], app[service_key(Conversations)], app[REFERENCE]
            )
            await notifier.feedback_answered(feedback, now)
            answered = await app[service_key(FeedbackService)].get(id)
        except NotFound:
            raise CommandError(f"there is no feedback {id!r}") from None
        except WrongState:
            raise CommandError("it already has another reply") from None
    print("answered" if answered.reader_id or answered.push is AnswerPush.SENT else NOT_SENT)
