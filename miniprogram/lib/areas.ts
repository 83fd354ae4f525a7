// Areas by floors, as rows that say what is free.

import type { AreaOut, ExpectedOut } from "../api/types";
import { clock, minutesBetween } from "./clock";
import { floorName, nameIn, t } from "./texts";

const FEW = 0.15;

/** `free`: the number that can be had, with `level`; empty where there is none to show. `fact`: what stands below the name. */
export interface AreaRow extends AreaOut { free: string; level: "free" | "few" | "full" | "shut"; fact: string }
export interface Floor { floor: number; name: string; areas: AreaRow[] }

/** Why no number is shown; for a time longer than anybody may stay, how long that is. */
function shut(area: AreaOut, minutes: number): string {
  if (area.reserved_for) return t("reserved_for", { groups: area.reserved_for.join(t("list_comma")) });
  if (area.closed !== undefined) return t(area.closed ? "area_closed_for" : "area_closed", { reason: area.closed });
  return minutes > area.max_minutes ? t("at_most", { n: area.max_minutes / 60 }) : "";
}

/** How many are usually left, never without the usual error. */
function foretold({ at, free, error }: ExpectedOut, fullest: boolean): string {
  return t(fullest ? "expected_fullest" : "expected", { at: clock(at), free, error });
}

function row(area: AreaOut, minutes: number, expected: string): AreaRow {
  const why = shut(area, minutes);
  const few = area.seats_free < area.seats_total * FEW ? "few" : "free";
  const full = area.seats_free === 0;
  const total = t("total", { n: area.seats_total });
  return {
    ...area,
    name: nameIn(area.name, area.names),
    free: why || full ? "" : String(area.seats_free),
    level: why ? "shut" : full ? "full" : few,
    fact: [why || (full ? t("free_none") : ""), total, why ? "" : expected].filter((part) => part !== "").join(" · "),
  };
}

/** `from` and `to`: the time that is looked for; empty where none is. `fullest`: what is foretold is the day's fullest hour. */
export function byFloor(areas: readonly AreaOut[], { from = "", to = "", forecast = [] as readonly ExpectedOut[], fullest = false } = {}): Floor[] {
  const minutes = from ? minutesBetween(from, to) : 0;
  const floors = new Map<string, Floor>();
  for (const area of areas) {
    const name = floorName(area);
    const floor = floors.get(`${area.floor} ${name}`) ?? { floor: area.floor, name, areas: [] };
    const expected = forecast.find((one) => one.area_id === area.id);
    floor.areas.push(row(area, minutes, expected ? foretold(expected, fullest) : ""));
    floors.set(`${area.floor} ${name}`, floor);
  }
  return [...floors.values()];
}
