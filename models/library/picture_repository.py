from __future__ import annotations

from dataclasses import asdict
from typing import Final

from bson import Binary
from pymongo import ASCENDING

from models.library.entities import AreaId
from models.library.plan_picture import PictureFile, PicturePlace, PlanPicture
from models.storage.mongo import Database, Document, insert_if_new, new_id
from models.storage.mongo_errors import translate_errors

_WITHOUT_CONTENT: Final = {"content": 0}


class PlanPictureRepository:
    """The pictures under areas' plans, at most one for each area. A change is written only if
    the picture still has the version on which the change is based, and sets a new version."""

    def __init__(self, db: Database) -> None:
        self._all = db["plan_pictures"]

    async def get(self, area_id: AreaId) -> PlanPicture | None:
        with translate_errors():
            document = await self._all.find_one({"_id": area_id}, _WITHOUT_CONTENT)
        return _picture(document) if document else None

    async def all_with_content(self) -> list[tuple[PlanPicture, PictureFile]]:
        """All pictures with their files, sorted by area."""
        with translate_errors():
            rows = await self._all.find().sort([("_id", ASCENDING)]).to_list()
        return [(_picture(row), _file(row)) for row in rows]

    async def content(self, area_id: AreaId, digest: str) -> tuple[bytes, str] | None:
        """The bytes and media type of the area's picture; None unless it has this ``digest``."""
        with translate_errors():
            document = await self._all.find_one({"_id": area_id, "digest": digest})
        return (bytes(document["content"]), document["kind"]) if document else None

    async def add(self, area_id: AreaId, file: PictureFile, place: PicturePlace) -> bool:
        """Adds a picture to an area that has none. False if the area has one."""
        return await insert_if_new(self._all, picture_to_document(area_id, file, place))

    async def replace(self, old: PlanPicture, file: PictureFile) -> bool:
        """Replaces the area's picture in its place. False if the picture was changed meanwhile."""
        return await self._change(old, _written(file))

    async def move(self, old: PlanPicture, place: PicturePlace) -> bool:
        """Sets the place of the picture on the plan. False if the picture was changed meanwhile."""
        return await self._change(old, {"place": asdict(place)})

    async def _change(self, old: PlanPicture, fields: Document) -> bool:
        with translate_errors():
            result = await self._all.update_one(
                {"_id": old.area_id, "version": old.version},
                {"$set": {**fields, "version": new_id()}},
            )
        return bool(result.matched_count)

    async def remove(self, old: PlanPicture) -> bool:
        """Deletes the picture. False if it was changed meanwhile."""
        with translate_errors():
            result = await self._all.delete_one({"_id": old.area_id, "version": old.version})
        return bool(result.deleted_count)


def picture_to_document(area_id: AreaId, file: PictureFile, place: PicturePlace) -> Document:
    return {"_id": area_id, **_written(file), "place": asdict(place), "version": new_id()}


def _written(file: PictureFile) -> Document:
    return {**asdict(file), "content": Binary(file.content)}


def _file(d: Document) -> PictureFile:
    return PictureFile(bytes(d["content"]), d["kind"], d["width"], d["height"], d["digest"])


def _picture(d: Document) -> PlanPicture:
    return PlanPicture(
        area_id=AreaId(d["_id"]),
        version=d["version"],
        digest=d["digest"],
        width=d["width"],
        height=d["height"],
        place=PicturePlace(**d["place"]),
    )
