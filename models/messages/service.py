"""A reader's messages, and the reader's consents to messages (订阅次数)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.choice_repository import ChoiceRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.entities import Channel, KindChoices, Message, Template
from models.messages.repository import MessageRepository

_CODE: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_LONGEST_WORDS: Final = 200


class MessageService:
    def __init__(
        self,
        messages: MessageRepository,
        consents: ConsentRepository,
        wechat_deliveries: ChannelDeliveries,
        choices: ChoiceRepository,
        long_term: Collection[Template] = (),
    ) -> None:
        """``long_term``: the templates that readers accept once (长期订阅)."""
        self._messages, self._consents, self._choices = messages, consents, choices
        self._wechat_deliveries, self.long_term = wechat_deliveries, long_term

    async def page_of(
        self, reader_id: ReaderId, unread_only: bool, skip: int, limit: int
    ) -> tuple[list[Message], int]:
        """A page of the reader's messages, latest first, and the total number of them."""
        return await self._messages.page_of(reader_id, unread_only, skip, limit)

    async def unread(self, reader_id: ReaderId) -> int:
        """The number of the reader's messages that are not marked as read."""
        return await self._messages.unread(reader_id)

    async def mark_all_read(self, reader_id: ReaderId) -> None:
        await self._messages.mark_all_read(reader_id)

    async def mark_read(self, reader_id: ReaderId, ids: Sequence[str]) -> None:
        """Marks the reader's messages with these ids as read; ignores other readers' ids."""
        await self._messages.mark_read(reader_id, ids)

    async def choices(self, channel: Channel, reader_id: ReaderId) -> KindChoices:
        return (await self._choices.many(channel, [reader_id]))[reader_id]

    async def choose(
        self, channel: Channel, reader_id: ReaderId, choices: Mapping[Template, bool]
    ) -> None:
        await self._choices.choose(channel, reader_id, choices)

    async def remaining_consents(self, reader_id: ReaderId) -> Mapping[Template, int]:
        """The number of messages still allowed, by template (long-term ones: 1 if accepted)."""
        return await self._consents.remaining(reader_id, self.long_term)

    async def add_consents(self, reader_id: ReaderId, templates: Sequence[Template]) -> None:
        """Records the templates that the reader has accepted, as reported by the client. A
        long-term template is accepted for good; an acceptance of any other allows one message."""
        for template in templates:
            if template in self.long_term:
                await self._consents.accept_for_good(reader_id, template)
            else:
                await self._consents.add(reader_id, template)

    async def consent_reported(
        self, reader_id: ReaderId, template: Template, event: str, answer: str
    ) -> None:
        """Records a change of consent that WeChat reports (``event``). An acceptance makes sure
        that at least one message is allowed; it adds none, since the client reports the same
        acceptance. A refusal deletes the consent."""
        if answer == "reject":
            await self._consents.refuse(reader_id, template)
        elif event == "subscribe_msg_popup_event" and answer == "accept":
            if template in self.long_term:
                await self._consents.accept_for_good(reader_id, template)
            else:
                await self._consents.ensure_one(reader_id, template)

    async def delivery_failed_late(
        self, reader_id: ReaderId, template: Template, entry: Mapping[str, str]
    ) -> tuple[int, bool] | None:
        """Records a failure that WeChat reports after it accepted the message. Returns WeChat's
        error code, and True if a delivery matches; None if ``entry`` is a success or unreadable."""
        code = entry.get("ErrorCode", "0")
        if code == "0" or _CODE.fullmatch(code) is None:
            return None
        words = entry.get("ErrorStatus", "")[:_LONGEST_WORDS]
        matched = await self._wechat_deliveries.failed_late(
            reader_id, template, entry.get("MsgID", ""), int(code), words
        )
        return int(code), matched
