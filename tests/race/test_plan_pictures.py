"""Concurrent changes of the picture under one plan: one is saved."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from io import BytesIO

from PIL import Image

from models.library.picture_reading import read_picture
from models.library.picture_repository import PlanPictureRepository
from models.library.plan_picture import PictureFile, PicturePlace, PlanPicture
from models.storage.mongo import Document
from tests.race.stage import Stage, guarded


class Overwriting(PlanPictureRepository):
    """The control: compares the revision, then writes."""

    looked: asyncio.Barrier

    async def _change(self, old: PlanPicture, fields: Document) -> bool:
        stands = await self.get(old.area_id)
        await self.looked.wait()
        await self._all.update_one({"_id": old.area_id}, {"$set": fields})
        return stands is not None and stands.version == old.version


@guarded
async def test_of_concurrent_changes_of_a_plan_picture_one_is_saved(
    stage: Stage, guard: bool
) -> None:
    (area, *_) = stage.inside.reference.catalog.areas
    image = BytesIO()
    Image.new("RGB", (30, 20), "white").save(image, "PNG")
    file: PictureFile = read_picture(image.getvalue())
    first = PicturePlace(0, 0, 30, 50)
    stores = [(PlanPictureRepository if guard else Overwriting)(stage.db) for _ in range(4)]
    Overwriting.looked = asyncio.Barrier(len(stores))
    added = await asyncio.gather(*(store.add(area, file, first) for store in stores))
    assert added.count(True) == 1, "an area has one picture"

    old = await stores[0].get(area)
    assert old is not None
    places = [replace(first, x=n) for n in range(1, 5)]
    moved = await asyncio.gather(
        *(store.move(old, place) for store, place in zip(stores, places, strict=True))
    )
    new = await stores[0].get(area)
    assert new is not None
    if not guard:
        assert moved.count(True) > 1, "one of them was overwritten without a word"
        return
    assert moved.count(True) == 1 and new.place == places[moved.index(True)]
    assert not await stores[1].remove(old) and not await stores[1].replace(old, file)
    assert await stores[0].get(area) == new
    assert await stores[1].remove(new) and await stores[0].get(area) is None
