// A study room's day: its hours as a bar, and the times that can be booked; and what the reader has booked. Minutes count from the day's midnight.

import { get } from "../api/client";
import type { Page, RoomBookingOut, RoomBookingsOut, RoomDayOut, RoomInvitationOut, RoomOut } from "../api/types";
import { beside } from "./attempt";
import { clock, clockAt, dayAt, now } from "./clock";
import { hasRooms, learnLibrary } from "./library";
import { baseUrl } from "./school";
import { clockAfter, floorName, nameIn, named, period, t } from "./texts";

const DAY = 24 * 60;

/** Part of a bar, in per cent of its width. */
export interface Piece { left: number; width: number; kind: "free" | "taken" | "past" }
/** A room with what its day says. `only`: for whom it is, if not for the reader. `hours`: when it is open and taken, in words; `events`: the library's own stays; `picture`: its address, with words for it. */
export interface RoomRow { id: string; name: string; about: string; only: string; hours: string; free: boolean; events: string[]; bar: Piece[]; picture: { src: string; alt: string } | null }
export interface Choice { value: string; text: string }
/** A start at which the room is free, with the ends that are possible then. */
export interface Start extends Choice { at: number; ends: End[] }

type Span = readonly [number, number];

function minuteOf(date: string, instant: string): number {
  const days = (Date.parse(instant.slice(0, 10)) - Date.parse(date)) / (DAY * 60000);
  return days * DAY + Number(instant.slice(11, 13)) * 60 + Number(instant.slice(14, 16));
}

const spans = (date: string, times: RoomDayOut["open"]): Span[] => times.map(({ start, end }) => [minuteOf(date, start), minuteOf(date, end)]);

const current = (date: string): number => minuteOf(date, `${dayAt(now())}T${clockAt(now())}`);

const two = (n: number): string => String(n).padStart(2, "0");
const clockOf = (minute: number): string => `${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}`;

/** 2 小时, 1 小时 30 分, 45 分钟. */
export function lasting(minutes: number): string {
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  if (h === 0) return t("minutes", { m });
  return m ? t("hours_minutes", { h, m }) : t("hours", { hours: h });
}

/** 二层 · 2–4 人 · 白板, with the venue before it where that needs saying. */
function aboutRoom(room: RoomOut, several: boolean): string {
  const people = t(room.least === room.most ? "room_people" : "room_people_between", { ...room });
  return [...(several ? [room.venue] : []), floorName(room), people, ...room.equipment].join(" · ");
}

function inWords(times: RoomDayOut["open"]): string {
  return times.map(({ start, end }) => `${clock(start)}–${clockAfter(clock(start), clock(end))}`).join(t("list_comma"));
}

function hoursOf({ open, taken, closed_reason: reason }: RoomDayOut): string {
  if (!open.length) return t(reason ? "area_closed_for" : "area_closed", { reason });
  return `${inWords(open)} · ${taken.length ? t("room_taken", { taken: inWords(taken) }) : t("room_all_free")}`;
}

function barOf(d: RoomDayOut, date: string): Piece[] {
  const open = spans(date, d.open);
  const [first, last] = [Math.min(...open.map(([from]) => from)), Math.max(...open.map(([, to]) => to))];
  const piece = (kind: Piece["kind"]) => ([from, to]: Span): Piece[] => {
    const [begin, end] = [Math.max(from, first), Math.min(to, last)];
    const percent = (minutes: number): number => Math.round((minutes * 1000) / (last - first)) / 10;
    return end > begin ? [{ kind, left: percent(begin - first), width: percent(end - begin) }] : [];
  };
  if (!open.length) return [];
  return [...open.flatMap(piece("free")), ...spans(date, d.taken).flatMap(piece("taken")), ...piece("past")([first, current(date)])];
}

/** `several`: rooms of several venues are shown. */
export function rowOf(d: RoomDayOut, date: string, several: boolean): RoomRow {
  const free = d.open.length > 0 && d.taken.length === 0;
  const only = d.reserved_for.length ? t("reserved_for", { groups: d.reserved_for.join(t("list_comma")) }) : "";
  const events = d.events.map((event) => `${inWords([event])} ${event.title}`);
  const picture = d.room.picture && { src: baseUrl() + d.room.picture.path, alt: d.room.picture.alt };
  return { id: d.room.id, name: nameIn(d.room.name, d.room.names), about: aboutRoom(d.room, several), only, hours: hoursOf(d), free, events, bar: barOf(d, date), picture };
}

type End = Choice & { at: number };

function stepsOf(step: number, [open, close]: Span): number[] {
  const steps: number[] = [];
  for (let at = Math.ceil(open / step) * step; at < close; at += step) steps.push(at);
  return steps;
}

/** The ends that are possible for a start: after an end the room stays empty for its buffer. */
function endsOf({ rules }: RoomDayOut, at: number, hours: Span, taken: Span[]): End[] {
  const fits = (end: number): boolean =>
    end >= at + rules.min_minutes && end <= at + rules.max_minutes && !taken.some(([from, to]) => from < end + rules.buffer_minutes && to > at);
  return [...stepsOf(rules.step_minutes, hours), hours[1]].filter(fits).map((end) => ({ at: end, value: clockOf(end), text: clockAfter(clockOf(at), clockOf(end)) }));
}

/** The taken times without that of the booking. */
function takenBeside(d: RoomDayOut, date: string, { start, end }: RoomBookingOut): Span[] {
  const [begin, until] = [minuteOf(date, start), minuteOf(date, end) + d.rules.buffer_minutes];
  return spans(date, d.taken).flatMap(([from, to]): Span[] => {
    if (to <= begin || from >= until) return [[from, to]];
    return [...(from < begin ? [[from, begin] as const] : []), ...(to > until ? [[until, to] as const] : [])];
  });
}

/** Whether the library has approved the booking, or would have to approve it in that room: only a part of its time can be chosen. */
export const isApproved = (b: RoomBookingOut, { rules }: RoomDayOut): boolean => b.state === "reserved" && (b.answer_by !== null || rules.approval);

/** The times that can be booked, or chosen in place of those of `changed`. */
export function startsOf(d: RoomDayOut, date: string, changed?: RoomBookingOut): Start[] {
  const own = changed?.room.id === d.room.id ? changed : undefined;
  const approved = own && isApproved(own, d) ? own : undefined;
  const taken = own ? takenBeside(d, date, own) : spans(date, d.taken);
  const present = current(date);
  return spans(date, approved ? [approved] : d.open).flatMap((hours) => {
    const [open, close] = hours;
    const starts = stepsOf(d.rules.step_minutes, hours).filter((at) => at > present && at < DAY);
    if (present >= open && present < Math.min(close, DAY)) starts.unshift(present);
    return starts.flatMap((at) => {
      const ends = endsOf(d, at, hours, taken);
      const begins = at === present ? { value: "now", text: t("now") } : { value: clockOf(at), text: clockOf(at) };
      return ends.length ? [{ ...begins, at, ends }] : [];
    });
  });
}

/** The later ends until which the room of a stay in use is free. */
export function laterEnds(d: RoomDayOut, b: RoomBookingOut): Choice[] {
  const [at, end] = [minuteOf(b.date, b.start), minuteOf(b.date, b.end)];
  const hours = spans(b.date, d.open).find(([open, close]) => open <= at && at < close);
  if (!hours || d.rules.approval) return [];
  return endsOf(d, at, hours, takenBeside(d, b.date, b)).filter((one) => one.at > end);
}

/** Whether the booking can be given another room or time. */
export function canChange({ own, state, start }: RoomBookingOut): boolean {
  return own && (state === "requested" || state === "reserved") && now() < Date.parse(start);
}

/** Whether the booking is still to come or under way. */
export function isLive({ state, end }: RoomInvitationOut): boolean {
  return ["requested", "reserved", "in_use"].includes(state) && Date.parse(end) > now();
}

/** A booking of a room as a line. */
export interface RoomLine { id: string; title: string; text: string }

/** The rooms that the reader has or takes part in, to come or under way; `before` where nobody answers. A library without rooms
 * is not asked. */
export async function comingRooms(before: RoomLine[]): Promise<RoomLine[]> {
  if (!hasRooms()) return [];
  const found = await beside<RoomBookingsOut | null>(get("/room-bookings"), null);
  if (found === null) return before;
  return found.items.filter(isLive).map((b) => ({ id: b.id, title: nameIn(b.room.name, b.room.names), text: `${period(b)} · ${named("state", b.state)}` }));
}

/** A page of the rooms that the reader had, newest first; an empty one where nobody answers. A library without rooms is not asked. */
export async function pastRooms(query: string): Promise<Page<RoomBookingOut>> {
  const none = { items: [], page: 1, page_size: 0, total: 0 };
  await learnLibrary();
  return hasRooms() ? beside(get<Page<RoomBookingOut>>(`/past-room-bookings${query}`), none) : none;
}

/** Whether a scan checks in now. */
export function canCheckIn(b: RoomBookingOut): boolean {
  return b.state === "reserved" && Date.parse(b.check_in_from) <= now() && now() < Date.parse(b.check_in_until);
}

/** The room on whose label that link is; empty for any other text. */
export function roomOfLabel(qr: string): string {
  const start = `${baseUrl()}/s/room/`;
  return qr.startsWith(start) ? (qr.slice(start.length).split("?")[0] ?? "") : "";
}

/** The reader's room that a kiosk's code checks in now, or their live booking of the room with that `label`; if any. Raises: Refused. */
export async function roomToCheckIn(label: string): Promise<RoomBookingOut | undefined> {
  await learnLibrary();
  if (!hasRooms()) return undefined;
  const { items } = await get<RoomBookingsOut>("/room-bookings");
  return items.find((b) => (label ? isLive(b) && b.room.id === label : canCheckIn(b)));
}

/** The days from today on, with their weekdays. */
export function daysFrom(today: string, ahead: number): Choice[] {
  return Array.from({ length: ahead + 1 }, (_, n) => {
    const at = new Date(Date.parse(today) + n * DAY * 60000);
    const value = at.toISOString().slice(0, 10);
    return { value, text: `${value.slice(5)} ${[t("today"), t("tomorrow")][n] ?? t("weekdays")[at.getUTCDay()] ?? ""}` };
  });
}
