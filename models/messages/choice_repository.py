"""Which kinds of messages readers want by a channel that asks for no consent of its own."""

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
    """Keeps one document for each reader and channel that the reader has chosen anything for."""

    def __init__(self, db: Database) -> None:
        self._all = db["message_choices"]

    async def many(
        self, channel: Channel, reader_ids: Collection[ReaderId]
    ) -> dict[ReaderId, KindChoices]:
        """The choices of all of these readers; the usual ones of those who have made none."""
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
        """The reader switches kinds on or off; the others stay."""
        if not choices:
            return
        fields = {f"choices.{template}": wanted for template, wanted in choices.items()}
        with translate_errors():
            await self._all.update_one(
                {"_id": _id(reader_id, channel)},
                {"$set": {**fields, "reader": reader_id, "channel": channel.value}},
                upsert=True,
            )


def _id(reader_id: ReaderId, channel: Channel) -> str:
    return f"{reader_id}@{channel}"
