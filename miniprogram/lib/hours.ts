// The clock times of a day that can be looked for.

import type { DateOut } from "../api/types";
import { clock, clockAt, dayAt, now, span } from "./clock";
import { t } from "./texts";

const COUNTDOWN_MS = 10 * 60000;
const HOURS = Array.from({ length: 24 }, (_, h) => `${String(h).padStart(2, "0")}:00`);

/** The full hours between opening and closing that are to come, and closing itself; those after midnight come last. */
export function hours(d: DateOut): string[] {
  if (d.open === null) return [];
  const passed = d.date === dayAt(now()) ? clockAt(now()) : "";
  const { from, to } = d.open;
  const late = to <= from;
  const found = HOURS.filter((hour) => hour >= from && (late || hour < to) && hour > passed);
  return found.length ? [...found, ...HOURS.filter((hour) => late && hour < to), to] : [];
}

/** How many of the hours can be a start: those of the day itself, but for the last. */
export function startsIn(times: string[]): number {
  const midnight = times.findIndex((hour, n) => n > 0 && hour <= (times[n - 1] ?? ""));
  return midnight < 0 ? times.length - 1 : midnight;
}

/** What stands below a day that cannot be booked yet; a countdown in the last ten minutes. */
export function noteOn(d: DateOut): string {
  if (d.open === null) return t("day_closed");
  if (d.opens_at === null) return "";
  const left = Date.parse(d.opens_at) - now();
  if (left <= 0) return "";
  return left <= COUNTDOWN_MS ? t("day_opens_in", { t: span(left) }) : t("day_opens", { at: clock(d.opens_at) });
}
