// The clock times of a day that can be looked for.

import type { DateOut } from "../api/types";
import { clockAt, dayAt, now } from "./clock";

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
