// The service's time: a phone's clock may be off, and its time zone anywhere.

let ahead = 0;

/** From an answer's X-Server-Time. */
export function align(serverTime: string | undefined): void {
  const at = serverTime ? Date.parse(serverTime) : NaN;
  if (!Number.isNaN(at)) ahead = at - Date.now();
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

const LIBRARY_AHEAD_MS = 8 * 3600000; // China's one time, all year

/** 16:38 of milliseconds since 1970, on the library's clock. */
export function clockAt(ms: number): string {
  return new Date(ms + LIBRARY_AHEAD_MS).toISOString().slice(11, 16);
}

/** 2026-09-07 of milliseconds since 1970, in the library. */
export function dayAt(ms: number): string {
  return new Date(ms + LIBRARY_AHEAD_MS).toISOString().slice(0, 10);
}

/** 09-07 16:38. */
export function day(instant: string): string {
  return `${instant.slice(5, 10)} ${clock(instant)}`;
}
