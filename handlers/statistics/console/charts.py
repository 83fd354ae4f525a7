"""The geometry of bar charts as SVG. A value without data is a gap, not a bar of height 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from languages.text import _
from models.library.names import HAN

_VALUE: Final = _("{name} {value}")
_LEFT: Final = 52
_TOP: Final = 20
_BOTTOM: Final = 28
_PLOT: Final = (668, 180)
"""Width and height, in SVG units, of the area in which a chart draws its bars."""
_LABELS: Final = 12
"""At most this many labels fit on the horizontal axis."""
_VALUES: Final = 24
"""A chart with at most this many bars shows each bar's value above it."""
_ROW: Final = 30
_NAMES: Final = 200
_BARS: Final = 440
RATE_TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a chart. ``value``: None if there is no data. ``text``: the value in words."""

    name: str
    value: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart. ``gap``: there is no data, so a gap is drawn. ``title``: the tooltip,
    also read by screen readers. ``text``: the text beside the bar."""

    x: float
    y: float
    w: float
    h: float
    gap: bool
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its sizes. ``ticks``: the positions and texts on the axis of values.
    ``labels``: the positions and texts on the other axis."""

    width: int
    height: int
    left: int
    top: int
    right: float
    bottom: float
    bars: Sequence[Bar]
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]

    @property
    def has_gaps(self) -> bool:
        return any(bar.gap for bar in self.bars)


def columns(points: Sequence[Point], ticks: Sequence[float], rates: bool) -> Chart:
    """A chart of the points as vertical bars. ``ticks``: the values to mark on the axis; the
    last one is at the top. ``rates``: whether values are shown as percentages."""
    width, height = _PLOT
    step = width / max(1, len(points))
    top, bars, labels = ticks[-1], [], []
    every = ceil(len(points) / _LABELS) or 1
    written = len(points) <= _VALUES
    for n, point in enumerate(points):
        gap = point.value is None
        h = height if gap else height * min(1.0, (point.value or 0.0) / top)
        bars.append(
            Bar(
                x=round(_LEFT + n * step + step * 0.1, 2),
                y=round(_TOP + height - h, 2),
                w=round(step * 0.8, 2),
                h=round(h, 2),
                gap=gap,
                title=_VALUE.format(name=point.name, value=point.text),
                text=point.text.removesuffix("%") if written and not gap else "",
            )
        )
        if n % every == 0:
            labels.append((round(_LEFT + (n + 0.5) * step, 2), point.name))
    return Chart(
        width=_LEFT + width + 8,
        height=_TOP + height + _BOTTOM,
        left=_LEFT,
        top=_TOP,
        right=_LEFT + width,
        bottom=_TOP + height,
        bars=bars,
        ticks=[(round(_TOP + height * (1 - t / top), 2), _tick_text(t, rates)) for t in ticks],
        labels=labels,
    )


def rows(points: Sequence[Point], ticks: Sequence[float], rates: bool) -> Chart:
    """A chart of the points as horizontal bars, with names to the left. ``ticks``: values to
    mark on the axis, the last at the right. ``rates``: whether to show percentages."""
    height, top = _ROW * len(points), ticks[-1]
    bars = [
        Bar(
            x=_NAMES,
            y=_TOP + n * _ROW + 5,
            w=round(_BARS if p.value is None else _BARS * min(1.0, p.value / top), 2),
            h=_ROW - 10,
            gap=p.value is None,
            title=_VALUE.format(name=p.name, value=p.text),
            text="" if p.value is None else p.text,
        )
        for n, p in enumerate(points)
    ]
    return Chart(
        width=_NAMES + _BARS + 72,
        height=_TOP + height + 8,
        left=_NAMES,
        top=_TOP,
        right=_NAMES + _BARS,
        bottom=_TOP + height,
        bars=bars,
        ticks=[(round(_NAMES + _BARS * t / top, 2), _tick_text(t, rates)) for t in ticks],
        labels=[(_TOP + (n + 0.5) * _ROW, _fitting(p.name)) for n, p in enumerate(points)],
    )


def _fitting(name: str) -> str:
    """The name, cut where the space to the left of the bars ends."""
    room = _NAMES - 24
    for place, character in enumerate(name):
        room -= 12 if character >= HAN else 7
        if room < 0:
            return f"{name[:place].rstrip()}…"
    return name


def count_ticks(largest: float) -> tuple[float, ...]:
    """Five round numbers for the axis, from 0 to at least ``largest``: 0, 50, 100, 150, 200."""
    if largest <= 4:
        return (0.0, 1.0, 2.0, 3.0, 4.0)
    step = 10.0 ** floor(log10(largest / 4))
    step *= next(n for n in (1, 2, 5, 10) if 4 * n * step >= largest)
    return tuple(n * step for n in range(5))


def _tick_text(tick: float, rates: bool) -> str:
    return f"{100 * tick:.0f}%" if rates else f"{tick:.0f}"
