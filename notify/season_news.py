from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from languages.text import short_day_text
from models.library.entities import SeatId
from models.messages.entities import Message, Template
from models.reference_data import ReferenceData
from models.seasons.entities import (
    Application,
    News,
    NewsKind,
    Season,
    SeasonKind,
    SeasonState,
)
from models.seasons.repository import SeasonRepository
from notify.publisher import MessagePublisher
from notify.templates.season_news import (
    ABORTED,
    CHANGES,
    GOT,
    LEFT_OUT,
    NO_DRAW,
    NOT_DRAWN,
    RESULT,
    SEASON,
    VOID,
    WAITS,
)

BATCH: Final = 200
_DAY: Final = timedelta(days=1)


class SeasonNewsJob:
    """Tells the applicants of a season what has become of it and of their applications."""

    def __init__(
        self, seasons: SeasonRepository, publisher: MessagePublisher, reference: ReferenceData
    ) -> None:
        self._seasons, self._publisher = seasons, publisher
        self._reference = reference

    async def run(self, _: datetime, limit: int = BATCH) -> int:
        """Tells at most ``limit`` applicants, each once; returns their number. The messages' ids
        are made from the news and the reader, so a repetition sends nothing. Raises:
        Unavailable."""
        applications = await self._seasons.untold(limit)
        if not applications:
            return 0
        messages = list[Message]()
        for id in sorted({one.season_id for one in applications}):
            season = await self._seasons.get(id)
            assert season is not None
            drawn = season.state is SeasonState.DRAWN
            waiting = await self._seasons.waiting(id) if drawn else []
            messages += [
                self._message(season, one, news, waiting)
                for one in applications
                if one.season_id == id
                for news in one.news
            ]
        await self._publisher.publish(messages)
        await self._seasons.note_told(applications)
        return len(applications)

    def _message(
        self, season: Season, own: Application, news: News, waiting: Sequence[int]
    ) -> Message:
        """The message. ``waiting``: the ranks of all who got nothing."""
        if news.kind is NewsKind.RESULT:
            title, text = self._result(season, own, waiting)
        else:
            title, text = self._change(season, own, news.kind)
        return Message(
            id=f"{news.id}:{own.reader_id}",
            reader_id=own.reader_id,
            template=Template.ANSWER,
            title=title,
            text=text,
            at=news.at,
            facts={SEASON: season.id},
        )

    def _change(self, season: Season, own: Application, kind: NewsKind) -> tuple[str, str]:
        """The title and the text of a message about what has changed since the draw."""
        plan = season.plan
        title, texts = CHANGES[kind]
        thing = own.thing or (own.lost.thing if own.lost is not None else "")
        return title, texts[plan.kind].format(
            season=plan.title,
            thing=self._label(season, thing),
            days=own.warned,
            from_day=short_day_text(max(season.written + _DAY, plan.first)),
            last=short_day_text(plan.last),
            until=short_day_text(plan.until),
        )

    def _label(self, season: Season, thing: str) -> str:
        seats = season.plan.kind is SeasonKind.SEATS
        return self._reference.catalog.label_of(SeatId(thing)) if seats else thing

    def _result(self, season: Season, own: Application, waiting: Sequence[int]) -> tuple[str, str]:
        """The title and the text of the message about the draw, the abort or the list."""
        plan, frozen = season.plan, season.list
        if own.weight == 0:
            return NOT_DRAWN, LEFT_OUT.format(season=plan.title)
        if season.state is SeasonState.ABORTED:
            return NO_DRAW, ABORTED.format(season=plan.title, reason=season.reason)
        if season.state is not SeasonState.DRAWN:
            return NO_DRAW, VOID.format(season=plan.title)
        assert frozen is not None and own.rank is not None
        if own.thing is None and own.lost is None:
            place = bisect_left(waiting, own.rank) + 1
            return RESULT, WAITS.format(
                season=plan.title, place=place, rank=own.rank, count=frozen.count
            )
        thing = own.thing or (own.lost.thing if own.lost is not None else "")
        return RESULT, GOT[plan.kind].format(
            season=plan.title,
            thing=self._label(season, thing),
            first=short_day_text(plan.first),
            last=short_day_text(plan.last),
        )
