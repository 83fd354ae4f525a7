// An area's seats as a plan draws them and a list names them.

import type { SeatMapOut, SeatOut } from "../api/types";
import { clock } from "./clock";
import type { Text } from "./texts";
import { t } from "./texts";

export interface Tile { id: string; no: string; x: number; y: number; status: string; mark: string; tags: string; name: string; facts: string; said: string }

/** A state is a shape and a mark before it is a colour. */
const MARKS: Readonly<Record<string, string>> = { free: "", occupied: "●", away: "◷", disabled: "✕", mine: "★" };
export const STATES: ReadonlyArray<readonly [string, Text]> = [
  ["free", "seat_free"],
  ["occupied", "seat_occupied"],
  ["away", "seat_away"],
  ["disabled", "seat_disabled"],
  ["mine", "seat_mine"],
];
export const TAGS: ReadonlyArray<readonly ["power" | "window" | "computer" | "accessible", string, Text]> = [
  ["power", "⚡", "mark_power"],
  ["window", "▥", "mark_window"],
  ["computer", "▭", "mark_computer"],
  ["accessible", "♿", "mark_accessible"],
];

/** The signs of the states and marks, with their words. */
export function legend(): { status: string; mark: string; text: string }[] {
  return STATES.map(([status, text]) => ({ status, mark: MARKS[status] ?? "", text: t(text) }));
}

function until(seat: SeatOut): string {
  if (seat.status === "free" && seat.free_until) return t("free_until", { at: clock(seat.free_until) });
  if (seat.status !== "free" && seat.next_free) return t("next_free", { at: clock(seat.next_free) });
  return "";
}

export function tileOf(seat: SeatOut): Tile {
  const has = TAGS.filter(([name]) => seat[name]);
  const state = STATES.find(([status]) => status === seat.status);
  const name = t("seat_no", { no: seat.no });
  const groups = seat.reserved_for?.join(t("list_comma"));
  const facts = [groups && seat.status === "disabled" ? t("reserved_for", { groups }) : state ? t(state[1]) : seat.status, until(seat), ...has.map(([, , text]) => t(text))].filter((part) => part !== "").join(" · ");
  return {
    id: seat.id,
    no: seat.no,
    x: seat.x,
    y: seat.y,
    status: seat.status,
    mark: MARKS[seat.status] ?? "",
    tags: has.map(([, sign]) => sign).join(""),
    name,
    facts,
    said: `${name} · ${facts}`,
  };
}

/** What a new plan changes of what is shown, seat by seat: hundreds stay as they are. */
export function changed(shown: readonly Tile[], map: SeatMapOut): Record<string, unknown> {
  if (shown.length !== map.seats.length) return { seats: map.seats.map(tileOf) };
  const change: Record<string, unknown> = {};
  map.seats.forEach((seat, n) => {
    const tile = tileOf(seat);
    if (tile.said !== shown[n]?.said || tile.id !== shown[n]?.id) change[`seats[${n}]`] = tile;
  });
  return change;
}
