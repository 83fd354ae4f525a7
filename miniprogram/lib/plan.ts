// An area's seats as a plan draws them and a list names them.

import type { DeskOut, MarkOut, PlanRoomOut, SeatMapOut, SeatOut } from "../api/types";
import { clock } from "./clock";
import type { Feature } from "./seat_features";
import { allFeatures, has } from "./seat_features";
import type { Text } from "./texts";
import { nameIn, named, t } from "./texts";

/** `aside`: the seat lacks a feature that is looked for. `back` is the side of its back. `features`: what it has, in words. `order`: its place among wishes. */
export interface Tile {
  id: string; no: string; number: string; x: number; y: number; back: Back; status: string; marks: string[]; features: string[]; name: string; facts: string; said: string; aside: boolean; order?: number;
}
type Back = "top" | "bottom" | "left" | "right";
/** A seat's back is on the side away from its desk. */
const BACKS: Readonly<Record<string, Back>> = { d: "top", u: "bottom", r: "left", l: "right" };
/** What stands in the plan. `tall` is written from top to bottom; `side` is where the word of a thin one stands: in the room. */
export interface Fixture extends MarkOut { text: string; tall: boolean; side: string }

/** A plan without its seats and rooms, and the scale and the place of its corner at which it is shown first. */
export interface Drawing { width: number; height: number; desks: DeskOut[]; marks: Fixture[]; scale: number; smallest: number; x: number; y: number }

/** A study room on the plan. `text`: its state; empty for a whole day, or where it is not known. `lines`: so many of its name fit above that. */
export interface RoomTile extends PlanRoomOut { text: string; lines: number }

/** A state is a shape before it is a colour: plan.wxss. */
const STATES: ReadonlyArray<readonly [string, Text]> = [
  ["free", "seat_free"],
  ["occupied", "seat_occupied"],
  ["away", "seat_away"],
  ["disabled", "seat_disabled"],
  ["mine", "seat_mine"],
];
const STANDING: ReadonlyArray<readonly [string, Text]> = [["wall", "mark_wall"], ["shelf", "mark_shelf"]];
/** So many signs fit on a seat. */
const SIGNS = 3;
/** What a word needs. */
const ROOM_PX = 14;
const SEAT_PX = 40;
const LINE_PX = 16;
const ROOM_EDGES_PX = 8;
/** As wide as the column of app.wxss, what stands beside its cards, and the heights of a glimpse: to look at, and to pick in. */
export const COLUMN_PX = 560;
const ASIDE_PX = 32;
const GLIMPSE_PX = 138;
export const PICKS_PX = 298;

/** The signs of what seats have and what stands between them, with their words. */
export function tagLegend(): { sign: string; text: string }[] {
  return [
    ...allFeatures(),
    ...STANDING.map(([sign, text]) => ({ sign, text: t(text) })),
  ];
}

/** In a place of that size: full of seats that a finger can hit, smaller down to the whole of it. With `around`, in full size with these seats in the middle. */
export function drawingOf(map: SeatMapOut, wide: number, high: number, around: readonly string[] = []): Drawing {
  const { width, height, desks } = map;
  const [across, along] = [wide / width, high / height];
  const middle = middleOf(map.seats.filter(({ id }) => around.includes(id)));
  return {
    width, height, desks,
    marks: map.marks.map((mark) => fixtureOf(mark, map)),
    scale: middle ? 1 : Math.min(1, Math.max(across, along)),
    smallest: Math.min(1, across, along),
    x: middle ? Math.round(wide / 2 - within(middle.x, wide / 2, width)) : 0,
    y: middle ? Math.round(high / 2 - within(middle.y, high / 2, height)) : 0,
  };
}

/** With its word, where there is room for one: a wall's windows have none, and a door's stands beside it. */
function fixtureOf(mark: MarkOut, map: { width: number; height: number }): Fixture {
  const word = named("fixture", mark.kind);
  const tall = mark.h > 2 * mark.w;
  const thin = Math.min(mark.w, mark.h) < ROOM_PX;
  const across = mark.x + mark.w / 2 < map.width / 2 ? "right" : "left";
  const along = mark.y + mark.h / 2 < map.height / 2 ? "below" : "above";
  const said = word !== mark.kind && (!thin || mark.kind === "door");
  return { ...mark, text: said ? word : "", tall, side: thin && said ? (tall ? across : along) : "" };
}

/** The states with their words. */
export function legend(): { status: string; text: string }[] {
  return STATES.map(([status, text]) => ({ status, text: t(text) }));
}

/** An older service names no rooms. */
export function roomsOf({ rooms = [] }: SeatMapOut): RoomTile[] {
  return rooms.map((room) => ({
    ...room,
    name: nameIn(room.name, room.names),
    text: room.status ? named("plan_room", room.status) : "",
    lines: Math.max(1, Math.floor((room.h - ROOM_EDGES_PX) / LINE_PX) - 1),
  }));
}

function until(seat: SeatOut): string {
  if (seat.status === "free" && seat.free_until) return t("free_until", { at: clock(seat.free_until) });
  if (seat.status !== "free" && seat.next_free) return t("next_free", { at: clock(seat.next_free) });
  return "";
}

/** A long name without its middle: the end tells neighbours apart. */
function onTile(no: string): string {
  return no.length > 12 ? `${no.slice(0, 5)}…${no.slice(-6)}` : no;
}

function tileOf(seat: SeatOut, back: Back, features: readonly Feature[], wanted: readonly string[]): Tile {
  const there = features.filter((feature) => has(seat, feature.name));
  const texts = there.map((feature) => feature.text);
  const aside = !wanted.every((name) => has(seat, name));
  const state = STATES.find(([status]) => status === seat.status);
  const name = t("seat_no", { no: seat.no });
  const groups = seat.reserved_for?.join(t("list_comma"));
  const facts = [groups && seat.status === "disabled" ? t("reserved_for", { groups }) : state ? t(state[1]) : seat.status, until(seat), ...texts, aside ? t("not_fitting") : ""].filter((part) => part !== "").join(" · ");
  return {
    id: seat.id,
    no: onTile(seat.no),
    number: seat.no,
    x: seat.x,
    y: seat.y,
    back,
    status: seat.status,
    marks: seat.status === "free" ? there.slice(0, SIGNS).map((feature) => feature.sign) : [],
    features: texts,
    name,
    facts,
    said: `${name} · ${facts}`,
    aside,
  };
}

/** `wanted`: features that are looked for. */
export function tilesOf(map: SeatMapOut, wanted: readonly string[]): Tile[] {
  const features = allFeatures();
  return map.seats.map((seat, n) => tileOf(seat, BACKS[map.faces.charAt(n)] ?? "bottom", features, wanted));
}

/** The part of a plan around some seats, which alone are drawn as the reader's own. `id` is the first one's; `x` and `y` are its middle. */
export interface Glimpse { id: string; x: number; y: number; desks: DeskOut[]; marks: MarkOut[]; seats: Tile[] }

/** `alone`: nothing is said of the other seats. `high`: the height, in pixels. */
export function glimpseOf(map: SeatMapOut, ids: readonly string[], alone = false, high = GLIMPSE_PX): Glimpse | null {
  const tiles = tilesOf(map, []);
  const own = tiles.filter((tile) => ids.includes(tile.id));
  const middle = middleOf(own);
  if (middle === null) return null;
  const wide = cardPx() / 2;
  const x = within(middle.x, wide, map.width);
  const y = within(middle.y, high / 2, map.height);
  const isSeen = (at: { x: number; y: number }, w: number, h: number): boolean =>
    Math.abs(at.x + w / 2 - x) < wide + w / 2 && Math.abs(at.y + h / 2 - y) < (high + h) / 2;
  return {
    id: ids[0] ?? "", x, y,
    desks: map.desks.filter((desk) => isSeen(desk, desk.w, desk.h)),
    marks: map.marks.filter((mark) => isSeen(mark, mark.w, mark.h)),
    seats: tiles.filter((tile) => isSeen(tile, SEAT_PX, SEAT_PX)).map((tile) => {
      const status = own.includes(tile) ? "mine" : alone || tile.status === "mine" ? "occupied" : tile.status;
      return { ...tile, status, no: status === "mine" || status === "free" ? tile.no : "" };
    }),
  };
}

/** The width of a card in the column of app.wxss. */
export const cardPx = (): number => Math.min(wx.getWindowInfo().windowWidth, COLUMN_PX) - ASIDE_PX;

/** The middle of those seats; null for none. */
function middleOf(seats: readonly { x: number; y: number }[]): { x: number; y: number } | null {
  const middle = (at: "x" | "y"): number => seats.reduce((sum, seat) => sum + seat[at], 0) / seats.length + SEAT_PX / 2;
  return seats.length ? { x: middle("x"), y: middle("y") } : null;
}

/** The middle of a part of a plan, moved so that the part stays on the plan. */
function within(middle: number, half: number, size: number): number {
  return size <= 2 * half ? size / 2 : Math.min(Math.max(middle, half), size - half);
}

/** What new tiles change of those that are shown, seat by seat: hundreds stay as they are. */
export function changed(shown: readonly Tile[], tiles: Tile[]): Record<string, unknown> {
  if (shown.length !== tiles.length) return { seats: tiles };
  const change: Record<string, unknown> = {};
  tiles.forEach((tile, n) => {
    if (tile.said !== shown[n]?.said || tile.id !== shown[n]?.id) change[`seats[${n}]`] = tile;
  });
  return change;
}
