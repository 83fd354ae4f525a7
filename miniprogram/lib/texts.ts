// What is said to a reader, in the language that the reader or the phone has chosen.

import type { AreaOut, ReservedSeat } from "../api/types";
import { clock, clockAt, day, now } from "./clock";
import { LANGUAGES } from "./languages";
import { CHINESE } from "./texts_chinese";

export type Text = keyof typeof CHINESE;

const CHOSEN = "language";
const SOURCE = "zh";

let table: Record<Text, string> = CHINESE;
let tag = SOURCE;

/** The language that the reader has chosen or, without a choice, the phone's (`zh_CN`, `en`); Chinese where it is none of ours. */
export function speak(phones: string): void {
  const wanted = (wx.getStorageSync(CHOSEN) as string) || phones.split(/[-_]/)[0] || "";
  tag = wanted in LANGUAGES ? wanted : SOURCE;
  table = LANGUAGES[tag]?.texts ?? CHINESE;
}

/** The tag of the language that is spoken. */
export function languageTag(): string {
  return tag;
}

/** Keeps the reader's choice, which holds from the next `speak` on. */
export function keepLanguage(chosen: string): void {
  wx.setStorageSync(CHOSEN, chosen);
}

/** The languages to choose from, as each calls itself. */
export function languages(): { tag: string; name: string; on: boolean }[] {
  return Object.entries(LANGUAGES).map(([one, { name }]) => ({ tag: one, name, on: one === tag }));
}

type Facts = Readonly<Record<string, unknown>>;

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

function filled(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const fact = String(facts[name] ?? "");
    return INSTANT.test(fact) ? day(fact) : fact;
  });
}

export function t(name: Text, facts: Facts = {}): string {
  return filled(table[name], facts);
}

/** A word that is there by language tag; in a language without it the Chinese one. */
export function wordOf(said: Readonly<Record<string, string>>): string {
  return said[tag] ?? said[SOURCE] ?? "";
}

/** A text whose name is partly data (`state_` + state); what is not in the table shows as it came. */
export function named(prefix: string, name: string): string {
  return (table as Record<string, string>)[`${prefix}_${name}`] ?? name;
}

/** A clock time after another one: 16:38, or the next day's 02:00. */
export function clockAfter(since: string, at: string): string {
  return at > since ? at : t("next_day", { at });
}

/** A time of a booking in words, which may begin now. */
export function fromTo(start: string, end: string): { from: string; to: string } {
  return { from: start === "now" ? t("now") : start, to: start === "now" ? clockFromNow(end) : clockAfter(start, end) };
}

/** The same after this moment. */
export function clockFromNow(at: string): string {
  return clockAfter(clockAt(now()), at);
}

/** 09-07 16:38–17:00, or 09-07 22:00 until the next day's 02:00. */
export function period(r: { start: string; end: string }): string {
  const end = clock(r.end);
  return `${day(r.start)}–${r.start.slice(0, 10) === r.end.slice(0, 10) ? end : t("next_day", { at: end })}`;
}

const DIGITS = "零一二三四五六七八九";

/** As people write the number of a floor: 二, 十, 二十一. */
function counted(n: number): string {
  if (tag !== SOURCE || n > 99) return String(n);
  const [tens, ones] = [Math.floor(n / 10), n % 10];
  const before = tens > 1 ? DIGITS.charAt(tens) : "";
  return (tens ? `${before}十` : "") + (ones || !tens ? DIGITS.charAt(ones) : "");
}

/** A name in the phone's language, or else the first one. */
export function nameIn(name: string, names?: Readonly<Record<string, string>>): string {
  return names?.[tag] ?? name;
}

/** A floor's own name, or 二层, below the ground 地下一层. */
export function floorName({ floor, floor_name, floor_names }: Pick<AreaOut, "floor" | "floor_name" | "floor_names">): string {
  const own = nameIn(floor_name ?? "", floor_names);
  return own || (floor < 0 ? t("basement", { n: counted(-floor) }) : t("floor", { n: counted(floor) }));
}

const SEPARATOR = " · ";

/** Where a seat's area is that is named beside it: floor where the area's name does not begin with it, venue. */
export function aroundArea(seat: ReservedSeat): string {
  const floor = floorName(seat);
  const venue = nameIn(seat.venue, seat.venue_names);
  return nameIn(seat.area, seat.area_names).startsWith(floor) ? venue : floor + SEPARATOR + venue;
}

/** Where a seat is that is named beside it: area, floor, venue. */
export function areaOf(seat: ReservedSeat): string {
  return nameIn(seat.area, seat.area_names) + SEPARATOR + aroundArea(seat);
}

/** A seat with its area: 二层中厅 065 号. */
export function seatInArea(seat: ReservedSeat): string {
  return `${nameIn(seat.area, seat.area_names)} ${t("seat_no", { no: seat.no })}`;
}

/** A seat and where it is. A booking that an earlier version has kept has no labels. */
export function placeOf(seat: ReservedSeat): string {
  return (seat.labels as ReservedSeat["labels"] | undefined)?.[tag] ?? seat.label;
}

/** For WXML, which cannot call functions. */
export function words(...names: Text[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, t(name)]));
}

/** Until when and why a reader may not book. */
export function suspension(facts: Facts): string {
  const suspended = facts.until ? t("suspended", facts) : t("suspended_forever");
  const reason = facts.violations ? t("suspended_by_violations", facts) : facts.reason;
  return reason ? t("suspended_for", { suspended, reason }) : suspended;
}

/** A reservation's state in words. */
export function stateOf(r: { state: string; assisted: { confirmed_at: string | null } | null }): string {
  const open = r.assisted !== null && r.assisted.confirmed_at === null && (r.state === "in_use" || r.state === "away");
  return named("state", r.state) + (open ? ` · ${t("state_unconfirmed")}` : "");
}
