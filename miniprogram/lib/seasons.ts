// A season: seats or lockers that are given for a term by a draw.

import type { SeasonDetail, SeasonOut, SeatMapOut, SeatOut, ThingOut } from "../api/types";
import { now } from "./clock";
import { type Tile, tilesOf } from "./plan";
import { t } from "./texts";

/** The last wish of those who take whatever is free. */
export const ANY = "any";

/** What it gives, from which day to which, and when one can apply. */
export function aboutSeason({ kind, gives: n, first, last, opens_at: opens, closes_at: closes }: SeasonOut): string[] {
  return [t(kind === "seats" ? "season_seats" : "season_lockers", { n }), t("season_days", { first, last }), t("season_times", { opens, closes })];
}

/** All that its rule says to those who want to apply. */
export function rulesOf(s: SeasonDetail): string[] {
  return [
    ...aboutSeason(s),
    ...(s.start && s.end ? [t("season_daily", { start: s.start, end: s.end })] : []),
    ...(s.come_by ? [t("season_come_by", { at: s.come_by })] : []),
    ...(s.come_by && s.unused_days ? [t("season_unused_days", { n: s.unused_days })] : []),
    ...(s.come_by ? [] : [t("season_grace", { n: s.grace_days })]),
    t("season_first", { ...s.first_value }),
    t("season_alternative", { ...s.alternative_value }),
    t("season_reveal", { at: s.reveal_by }),
  ];
}

/** The instant, in milliseconds since 1970, at which applications open or close next; 0 for none. */
export function nextTurn({ stage, opens_at, closes_at }: SeasonOut): number {
  if (stage !== "announced" && stage !== "applying") return 0;
  return Date.parse(stage === "announced" ? opens_at : closes_at);
}

/** Whether applications have opened or closed since the service was asked. */
export const hasTurned = (turn: number): boolean => turn > 0 && now() >= turn;

const plain = (text: string): string => text.toLowerCase().replace(/\s+/g, "");

/** Those of the things whose label or size has that text. */
export function matching(things: ThingOut[], text: string): ThingOut[] {
  const wanted = plain(text);
  return things.filter(({ label, size }) => plain(`${label} ${size}`).includes(wanted));
}

/** The places where the lockers stand, in the order of the list; empty for those of which it is not known. */
export const placesOf = (lockers: readonly ThingOut[]): string[] => [...new Set(lockers.map(({ place = "" }) => place))];

/** A locker from the front. `order`: that of the wish, 0 for none. */
export interface Front { id: string; size: string; order: number; said: string }
/** A row of lockers, counted from the top; 0 for those of which it is not known. */
export interface FrontRow { row: number; lockers: Front[] }

/** The lockers of a place, the highest row first; those of no known row come last. `wishes`: ids in their order. */
export function frontsOf(lockers: readonly ThingOut[], at: string, wishes: readonly string[]): FrontRow[] {
  const here = lockers.filter(({ place = "" }) => place === at);
  const rows = [...new Set(here.map(({ row = 0 }) => row))].sort((a, b) => (a || Infinity) - (b || Infinity));
  const frontOf = ({ id, size }: ThingOut): Front => {
    const order = wishes.indexOf(id) + 1;
    const seat = [id, size].filter(Boolean).join(" · ");
    return { id, size, order, said: order ? t("season_picked", { seat, n: order }) : t("season_pick", { seat }) };
  };
  return rows.map((row) => ({ row, lockers: here.filter((one) => (one.row ?? 0) === row).map(frontOf) }));
}

/** The seats of a plan with the wishes numbered; what the season does not give is flat and says nothing. `wishes`: ids in their order. */
export function wishTiles(map: SeatMapOut, things: readonly ThingOut[], wishes: readonly string[]): Tile[] {
  const given = new Set(things.map(({ id }) => id));
  const statusOf = (id: string): SeatOut["status"] => (wishes.includes(id) ? "mine" : given.has(id) ? "free" : "occupied");
  return tilesOf({ ...map, seats: map.seats.map((seat) => ({ ...seat, status: statusOf(seat.id) })) }, []).map((tile) => {
    if (tile.status === "occupied") return { ...tile, no: "", said: tile.name };
    const order = wishes.indexOf(tile.id) + 1;
    const seat = [tile.name, ...tile.features].join(" · ");
    return { ...tile, order, said: order ? t("season_picked", { seat, n: order }) : t("season_pick", { seat }) };
  });
}
