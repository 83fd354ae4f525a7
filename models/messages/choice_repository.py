"""The kinds of messages that readers switched on or off, for channels without WeChat's consents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.messages.entities import Channel, KindChoices, Template
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "message_choices": [IndexModel([("reader", ASCENDING)], name="reader")]
}


class ChoiceRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["message_choices"]

    async def many(
        self, channel: Channel, reader_ids: Collection[ReaderId]
    ) -> dict[ReaderId, KindChoices]:
        """The choices of each reader; a reader who has made none has the defaults."""
        ids = {_id(reader_id, channel): reader_id for reader_id in reader_ids}
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        made = {
            ids[row["_id"]]: KindChoices({Template(k): on for k, on in row["choices"].items()})
            for row in rows
        }
        return {reader_id: made.get(reader_id, KindChoices()) for reader_id in reader_ids}

    async def choose(
        self, channel: Channel, reader_id: ReaderId, choices: Mapping[Template, bool]
    ) -> None:
        """Switches these kinds of messages on or off for the channel; other kinds stay as set."""
        if not choices:
            return
        fields = {f"choices.{template}": on for template, on in choices.items()}
        with translate_errors():
            await self._all.update_one(
                {"_id": _id(reader_id, channel)},
                {"$set": {**fields, "reader": reader_id, "channel": channel.value}},
                upsert=True,
            )


def _id(reader_id: ReaderId, channel: Channel) -> str:
    return f"{reader_id}@{channel}"
