from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, Final

from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId
from models.seasons.calculation import Entry
from models.seasons.entities import (
    Application,
    FrozenList,
    Loss,
    LossReason,
    News,
    NewsKind,
    RankedEntry,
    Season,
    SeasonDraw,
    SeasonId,
    SeasonKind,
    SeasonPlan,
    SeasonState,
    Started,
    Step,
    Thing,
    Which,
)
from models.seasons.rule_text import Source
from models.storage.free_text import FreeTexts

Document = dict[str, Any]
_DAY: Final = timedelta(days=1)


def season_document(texts: FreeTexts, season: Season) -> Document:
    plan = season.plan
    hours = [f"{at:%H:%M}" for at in plan.hours] if plan.hours is not None else None
    return {
        "_id": season.id,
        "title": plan.title,
        "kind": plan.kind.value,
        "given": [
            {"id": thing.id, "size": thing.size, "place": thing.place, "row": thing.row}
            for thing in plan.given
        ],
        "first": plan.first.isoformat(),
        "last": plan.last.isoformat(),
        "until": plan.until.isoformat(),
        "hours": hours,
        "default_weight": plan.default_weight,
        "weights": [{"group": id, "weight": weight} for id, weight in plan.weights.items()],
        "most_wishes": plan.most_wishes,
        "opens_at": plan.opens_at,
        "closes_at": plan.closes_at,
        "sources": {w.value: {"text": s.text, "at": s.at} for w, s in plan.sources.items()},
        "reveal_by": plan.reveal_by,
        "come_by": f"{plan.come_by:%H:%M}" if plan.come_by is not None else None,
        "unused_days": plan.unused_days,
        "grace_days": plan.grace_days,
        "rule": season.rule,
        "commitment": season.commitment,
        "secret": texts.seal("secret", season.secret),
        "state": season.state.value,
        "applications": 0,
        "writes": 0,
        "started": None,
        "list": None,
        "draw": None,
        "reason": "",
        "written": (plan.first - _DAY).isoformat(),
        "changes": 0,
    }


def season_of(texts: FreeTexts, d: Document) -> Season:
    hours = [time.fromisoformat(text) for text in d["hours"] or ()]
    started, frozen, draw = d["started"], d["list"], d["draw"]
    return Season(
        id=SeasonId(d["_id"]),
        plan=SeasonPlan(
            title=d["title"],
            kind=SeasonKind(d["kind"]),
            given=tuple(Thing(**one) for one in d["given"]),
            first=date.fromisoformat(d["first"]),
            last=date.fromisoformat(d["last"]),
            hours=(hours[0], hours[1]) if hours else None,
            default_weight=d["default_weight"],
            weights={GroupId(one["group"]): one["weight"] for one in d["weights"]},
            most_wishes=d["most_wishes"],
            opens_at=d["opens_at"],
            closes_at=d["closes_at"],
            sources={Which(w): Source(s["text"], s["at"]) for w, s in d["sources"].items()},
            reveal_by=d["reveal_by"],
            come_by=time.fromisoformat(d["come_by"]) if d["come_by"] else None,
            unused_days=d["unused_days"],
            grace_days=d["grace_days"],
        ),
        rule=d["rule"],
        commitment=d["commitment"],
        secret=texts.open("secret", d.get("secret")),
        state=SeasonState(d["state"]),
        applications=d["applications"],
        started=_started(started) if started else None,
        list=FrozenList(frozen["root"], frozen["count"], frozen["at"]) if frozen else None,
        draw=SeasonDraw(Which(draw["which"]), draw["value"], draw["at"]) if draw else None,
        reason=d["reason"],
        written=date.fromisoformat(d["written"]),
        changes=d["changes"],
    )


def started_document(started: Started) -> Document:
    return {
        "step": started.step.value,
        "by": started.by,
        "at": started.at,
        "which": started.which.value,
        "value": started.value,
    }


def _started(d: Document) -> Started:
    step, which = Step(d["step"]), Which(d["which"])
    return Started(step, ReaderId(d["by"]), d["at"], which, d["value"])


def application_of(texts: FreeTexts, d: Document) -> Application:
    lost = d.get("lost")
    return Application(
        season_id=SeasonId(d["season"]),
        reader_id=ReaderId(d["reader"]),
        wishes=tuple(d["wishes"]),
        salt=texts.open("salt", d.get("salt")),
        made_at=d["made_at"],
        changed_at=d["changed_at"],
        weight=d.get("weight"),
        rank=d.get("rank"),
        thing=d.get("thing"),
        lost=Loss(lost["thing"], lost["at"], LossReason(lost["reason"])) if lost else None,
        warned=d.get("warned", 0),
        swap=d.get("swap"),
        news=tuple(News(n["id"], n["at"], NewsKind(n["kind"])) for n in d.get("news", ())),
    )


def entry_document(season_id: SeasonId, entry: Entry) -> Document:
    return {
        "season": season_id,
        "token": entry.token,
        "weight": entry.weight,
        "wishes": [*entry.wishes],
        "leaf": entry.leaf,
    }


def entry_of(d: Document) -> RankedEntry:
    entry = Entry(d["token"], d["weight"], tuple(d["wishes"]))
    return RankedEntry(entry, d.get("rank"), d.get("thing"))
