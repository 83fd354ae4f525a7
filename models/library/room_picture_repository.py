from __future__ import annotations

from bson import Binary

from models.library.plan_picture import PictureFile
from models.library.rooms import RoomId, RoomPicture
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors


class RoomPictureRepository:
    """The contents of rooms' pictures by their ids. The room names the one that it has."""

    def __init__(self, db: Database) -> None:
        self._all = db["room_pictures"]

    async def add(self, id: str, room_id: RoomId, file: PictureFile) -> None:
        with translate_errors():
            await self._all.insert_one(room_picture_to_document(id, room_id, file))

    async def remove(self, id: str) -> None:
        with translate_errors():
            await self._all.delete_one({"_id": id})

    async def content(self, id: str) -> tuple[bytes, str] | None:
        """The bytes and media type of the picture; None if there is none."""
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return (bytes(document["content"]), document["kind"]) if document else None

    async def file(self, picture: RoomPicture) -> PictureFile | None:
        content = await self.content(picture.id)
        return PictureFile(*content, picture.width, picture.height, picture.id) if content else None


def room_picture_to_document(id: str, room_id: RoomId, file: PictureFile) -> Document:
    return {"_id": id, "room": room_id, "content": Binary(file.content), "kind": file.kind}
