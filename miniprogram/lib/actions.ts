// What a reader can do with a live reservation: on its card, and in its row of 我的预约.

import { Refused, get, post, tap } from "../api/client";
import type { EndsOut, NearSeat, ReportOut, ReservationOut } from "../api/types";
import { agreed, chosen, scanned } from "./ask";
import { clockFromNow, named, t } from "./texts";
import { ASKED, consent } from "./subscriptions";
import type { Text } from "./texts";

export interface ActionButton { verb: string; text: string; icon: string }
/** The reservation as it is now, null where the reader has thought better of it; and what there is to say. */
export interface Outcome { r: ReservationOut | null; said: string; near: NearSeat[] }

/** In the order of their likelihood; the first one that is possible stands out. */
const ACTIONS: ReadonlyArray<readonly [string, Text]> = [
  ["accept", "accept"],
  ["check_in", "check_in"],
  ["return", "return_from_leave"],
  ["confirm", "confirm"],
  ["leave", "leave"],
  ["extend", "extend"],
  ["finish", "finish"],
  ["decline", "decline"],
  ["cancel", "cancel"],
  ["report", "report"],
  ["shorten", "shorten"],
];
/** Those that a row has room for, with their short names and drawings. */
const IN_ROW: ReadonlyArray<readonly [string, Text, string]> = [
  ["check_in", "row_check_in", "scan"],
  ["return", "row_return", "return"],
  ["confirm", "confirm", "tick"],
  ["leave", "leave", "away"],
  ["extend", "extend", "extend"],
  ["finish", "finish", "finish"],
  ["cancel", "cancel", "cross"],
];
const KINDS = ["occupied", "belongings"] as const;

/** All that can be done. */
export function buttonsOf(r: ReservationOut): ActionButton[] {
  return [
    // Nobody has seen them since time alone checked them in, or somebody says the seat is empty.
    ...(r.presence_wanted ? [{ verb: "check_in", text: t("prove"), icon: "" }] : []),
    ...ACTIONS.filter(([verb]) => r.actions.includes(verb)).map(([verb, text]) => ({ verb, text: t(text), icon: "" })),
  ];
}

export function rowButtonsOf(r: ReservationOut): ActionButton[] {
  return IN_ROW.filter(([verb]) => r.actions.includes(verb)).map(([verb, text, icon]) => ({ verb, text: t(text), icon }));
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
  const qr = await scanned(t("scan_failed", { at: named("scan_at", r.check_in_by) }));
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
