// What a reader can do with a live reservation: on its card, and in its row of 我的预约.

import { Refused, get, post, tap } from "../api/client";
import type { EndsOut, NearSeat, ReportOut, ReservationOut } from "../api/types";
import { agreed, chosen, scanned } from "./ask";
import { clock, now } from "./clock";
import { scannedHere } from "./schools";
import { clockFromNow, named, t } from "./texts";
import { ASKED, consent } from "./subscriptions";
import type { Text } from "./texts";

/** `note` is what stands below its name: why it is not possible yet, where `off`. */
export interface ActionButton { verb: string; text: string; icon: string; note: string; off: boolean }
/** The reservation as it is now, null where the reader has thought better of it; and what there is to say. */
export interface Outcome { r: ReservationOut | null; said: string; near: NearSeat[] }

/** In the order of their likelihood, with their short names in a row. */
const ACTIONS: ReadonlyArray<readonly [string, Text, Text, string]> = [
  ["accept", "accept", "accept", "tick"],
  ["check_in", "check_in", "row_check_in", "scan"],
  ["return", "return_from_leave", "row_return", "return"],
  ["confirm", "confirm", "confirm", "tick"],
  ["leave", "leave", "leave", "away"],
  ["extend", "extend", "extend", "extend"],
  ["finish", "finish", "finish", "finish"],
  ["decline", "decline", "decline", "cross"],
  ["cancel", "cancel", "cancel", "cross"],
  ["report", "report", "report", "taken"],
  ["shorten", "shorten", "shorten", "earlier"],
];
/** What a reader has come for; the others stand beside it. */
const MAIN = new Set(["accept", "check_in", "return", "confirm", "leave"]);
/** What only the card has room for. */
const ON_CARD = new Set(["accept", "decline", "report", "shorten"]);
const KINDS = ["occupied", "belongings"] as const;

/** When a stay can be renewed that cannot be renewed now. */
function renewal(r: ReservationOut): string {
  if (r.extend_from === null) return t("extend_limit");
  if (Date.parse(r.extend_from) > now()) return t("extend_at", { at: clock(r.extend_from) });
  return t(r.state === "away" ? "extend_after_return" : "extend_after_check_in");
}

/** Renewing is always there, with the time from which it is possible. A service before 0.3 does not say that. */
function possible(r: ReservationOut, short: boolean): ActionButton[] {
  const waits = r.actions.length > 0 && r.state !== "offered" && (r.extend_from as string | null | undefined) !== undefined;
  return ACTIONS.filter(([verb]) => r.actions.includes(verb) || (verb === "extend" && waits)).map(([verb, long, brief, icon]) => {
    const off = !r.actions.includes(verb);
    return { verb, text: t(short ? brief : long), icon, note: off ? renewal(r) : "", off };
  });
}

/** All that can be done: the one thing that stands out, or null, and the others. */
export function buttonsOf(r: ReservationOut): { main: ActionButton | null; others: ActionButton[] } {
  const all = possible(r, false);
  // Nobody has seen them since time alone checked them in, or somebody says the seat is empty.
  const prove = r.presence_wanted ? { verb: "check_in", text: t("prove"), icon: "scan", note: "", off: false } : null;
  const main = prove ?? all.find(({ verb }) => MAIN.has(verb)) ?? null;
  return { main, others: all.filter((one) => one !== main) };
}

export function rowButtonsOf(r: ReservationOut): ActionButton[] {
  return possible(r, true).filter(({ verb }) => !ON_CARD.has(verb));
}

/** Whether that is not possible yet, which is said then. */
export function isOff(verb: string, buttons: readonly ActionButton[]): boolean {
  const waits = buttons.find((one) => one.verb === verb && one.off);
  if (waits) wx.showToast({ title: `${waits.text} · ${waits.note}`, icon: "none" });
  return waits !== undefined;
}

/** Must be called from a tap. Raises: Refused. */
export async function perform(verb: string, r: ReservationOut): Promise<Outcome> {
  if (verb === "report") return report(r);
  return { r: await change(verb, r), said: "", near: [] };
}

async function change(verb: string, r: ReservationOut): Promise<ReservationOut | null> {
  const path = `/reservations/${r.id}`;
  const key = tap();
  const sure = async (question: Text, idempotent = key): Promise<ReservationOut | null> =>
    (await agreed(t(question))) ? post<ReservationOut>(`${path}/${verb}`, {}, idempotent) : null;
  switch (verb) {
    case "check_in":
    case "return":
      await consent(ASKED.check_in);
      return scan(r, key);
    case "leave":
      await consent(ASKED.leave);
      return post<ReservationOut>(`${path}/leave`, {}, key);
    case "extend":
      return until(r, "extensions", key, ["extend_none", "extend_to"]);
    case "shorten":
      return until(r, "earlier-ends", key, ["shorten_none", "shorten_to"]);
    case "finish":
      return sure("ask_finish");
    case "cancel":
      return sure("ask_cancel");
    case "decline":
      return sure("ask_decline", "");
    case "accept":
      await consent(ASKED.reserve);
      return post<ReservationOut>(`${path}/accept`);
    default:
      return post<ReservationOut>(`${path}/${verb}`, {}, key);
  }
}

/** Another end, of those that are possible. */
async function until(r: ReservationOut, from: "extensions" | "earlier-ends", key: string, [none, to]: [Text, Text]): Promise<ReservationOut | null> {
  const { ends } = await get<EndsOut>(`/reservations/${r.id}/${from}`);
  if (!ends.length) throw new Refused(0, "none", t(none));
  const end = ends[await chosen(ends.map((choice) => t(to, { at: clockFromNow(choice.value) })))];
  const verb = from === "extensions" ? "extend" : "shorten";
  return end ? post<ReservationOut>(`/reservations/${r.id}/${verb}`, { end: end.value }, key) : null;
}

async function scan(r: ReservationOut, key: string): Promise<ReservationOut | null> {
  const qr = await scannedHere(t("scan_failed", { at: named("scan_at", r.check_in_by) }));
  return qr ? post<ReservationOut>(`/reservations/${r.id}/check-in`, { qr }, key) : null;
}

async function report(r: ReservationOut): Promise<Outcome> {
  const key = tap();
  const [by, at] = [named("scan_by", r.check_in_by), named("scan_at", r.check_in_by)];
  const kind = KINDS[await chosen([t("report_occupied"), t("report_belongings")])];
  if (kind === undefined) return { r: null, said: "", near: [] };
  // Who has not checked in shows by a code that they are there, or the time runs on.
  const qr = r.state !== "in_use" && (await agreed(t("ask_report_scan", { by }))) ? await scanned(t("scan_failed", { at })) : null;
  const told = await post<ReportOut>(`/reservations/${r.id}/report`, qr ? { kind, qr } : { kind }, key);
  const near = told.deadline_stopped ? told.nearest : [];
  return { r: told.reservation, near, said: t(!told.deadline_stopped ? "report_desk" : near.length ? "report_near" : "report_no_near", { by }) };
}
