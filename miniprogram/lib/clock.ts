// The service's time: a phone's clock may be off, and its time zone anywhere.

const DAY_MINUTES = 24 * 60;

let ahead = 0;
let libraryAhead = 8 * 3600000; // until the service has told

/** From an answer's X-Server-Time, which is written on the library's clock: ...+08:00. */
export function align(serverTime: string | undefined): void {
  const at = serverTime ? Date.parse(serverTime) : NaN;
  if (!serverTime || Number.isNaN(at)) return;
  ahead = at - Date.now();
  const offset = /([+-])(\d\d):(\d\d)$/.exec(serverTime);
  if (offset) libraryAhead = (Number(offset[2]) * 60 + Number(offset[3])) * (offset[1] === "-" ? -60000 : 60000);
}

export function now(): number {
  return Date.now() + ahead;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** 1:02:03 or 2:03. */
export function span(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** 16:38 of an instant as the API writes it, on the library's clock. */
export function clock(instant: string): string {
  return instant.slice(11, 16);
}

/** 16:38 of milliseconds since 1970, on the library's clock. */
export function clockAt(ms: number): string {
  return new Date(ms + libraryAhead).toISOString().slice(11, 16);
}

/** 2026-09-07 of milliseconds since 1970, in the library. */
export function dayAt(ms: number): string {
  return new Date(ms + libraryAhead).toISOString().slice(0, 10);
}

/** 09-07 16:38. */
export function day(instant: string): string {
  return `${instant.slice(5, 10)} ${clock(instant)}`;
}

/** Minutes from a clock time to a later one: 24 hours where they are the same. */
export function minutesBetween(from: string, to: string): number {
  const [begin = 0, end = 0] = [from, to].map((at) => Number(at.slice(0, 2)) * 60 + Number(at.slice(3)));
  return ((end - begin + DAY_MINUTES - 1) % DAY_MINUTES) + 1;
}
