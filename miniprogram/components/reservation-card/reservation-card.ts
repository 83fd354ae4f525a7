// One live reservation: its state in words, the time that matters now, and what can be done.

import { Refused, get, post, tap } from "../../api/client";
import type { EndsOut, NearSeat, ReportOut, ReservationOut } from "../../api/types";
import { agreed, chosen, scanned } from "../../lib/ask";
import { clock, clockAt, now, span } from "../../lib/clock";
import { consent } from "../../lib/subscriptions";
import type { Text } from "../../lib/texts";
import { clockFromNow, named, period, stateOf, t, words } from "../../lib/texts";

interface ActionButton { verb: string; text: string }

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

const TICK_MS = 1000;
const KINDS = ["occupied", "belongings"] as const;

function leftOf(r: ReservationOut): string {
  const until = (instant: string): string => span(Date.parse(instant) - now());
  if (r.state === "in_use") return t("left_to_end", { t: until(r.end) });
  if (r.state === "away") return t("left_to_return", { at: clock(r.return_by ?? r.end) });
  if (r.state === "offered") return t("left_to_accept", { t: until(r.held_until ?? r.end) });
  if (Date.parse(r.check_in_from) > now()) return t("left_to_start", { t: until(r.start) });
  return t("left_to_check_in", { t: until(r.check_in_until) });
}

/** Until when the reader may stay away who leaves now. */
function returnBy(r: ReservationOut, minutes: number): string {
  return clockAt(Math.min(now() + minutes * 60000, Date.parse(r.end)));
}

function noteOf(r: ReservationOut): string {
  if (r.actions.includes("confirm") && r.assisted) {
    return t("note_gate", { at: clock(r.assisted.at), kind: named("gate", r.assisted.kind) });
  }
  if (r.usable_from && Date.parse(r.usable_from) > now()) return t("note_usable", { at: clock(r.usable_from) });
  if (r.leave_minutes !== null) return t("note_leave", { at: returnBy(r, r.leave_minutes) });
  if (r.state === "away") return t("note_away");
  if (r.state === "offered") return t("note_held", { at: clock(r.held_until ?? r.end) });
  if (r.state !== "reserved") return "";
  return t("note_reserved", { from: clock(r.check_in_from), until: clock(r.check_in_until), by: named("scan_by", r.check_in_by) });
}

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    r: { type: Object, value: {} as ReservationOut },
    /** Where the whole of it is shown anyway. */
    alone: { type: Boolean, value: false },
  },
  data: {
    words: {} as Record<string, string>,
    state: "",
    left: "",
    when: "",
    note: "",
    buttons: [] as ActionButton[],
    near: [] as NearSeat[],
    said: "",
    busy: false,
    timer: 0,
  },
  observers: {
    r(r: ReservationOut) {
      if (!r.id) return;
      this.setData({
        words: words("detail"),
        state: stateOf(r),
        left: leftOf(r),
        when: period(r),
        note: noteOf(r),
        buttons: [
          // Nobody has seen them since time alone checked them in, or somebody says the seat is empty.
          ...(r.presence_wanted ? [{ verb: "check_in", text: t("prove") }] : []),
          ...ACTIONS.filter(([verb]) => r.actions.includes(verb)).map(([verb, text]) => ({ verb, text: t(text) })),
        ],
      });
    },
  },
  lifetimes: {
    attached() { this.run(); },
    detached() { clearInterval(this.data.timer); },
  },
  pageLifetimes: {
    show() { this.run(); },
    hide() { clearInterval(this.data.timer); },
  },
  methods: {
    /** The time that is left, each second. */
    run() {
      clearInterval(this.data.timer);
      const timer = setInterval(() => {
        const r = this.data.r as ReservationOut;
        if (!r.id) return;
        const left = leftOf(r);
        if (left !== this.data.left) this.setData({ left, note: noteOf(r) });
      }, TICK_MS);
      this.setData({ timer: timer as unknown as number });
    },
    /** One tap at a time: a second one while the first is under way does nothing. */
    async act(event: WechatMiniprogram.TouchEvent) {
      const verb = String(event.currentTarget.dataset.verb);
      await this.only((r) => this.perform(verb, r));
    },
    async move(event: WechatMiniprogram.TouchEvent) {
      const seat_id = String(event.currentTarget.dataset.id);
      await this.only((r) => post<ReservationOut>(`/reservations/${r.id}/change`, { seat_id }, tap()));
    },
    async only(work: (r: ReservationOut) => Promise<ReservationOut | null>) {
      if (this.data.busy) return;
      this.setData({ busy: true, said: "" });
      const r = this.data.r as ReservationOut;
      try {
        const done = await work(r);
        if (done !== null) this.changed(done);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ said: error.message });
        // It may have moved on meanwhile: show how it is.
        if (error.status === 409 || error.status === 404) this.triggerEvent("changed", { id: r.id });
      } finally {
        this.setData({ busy: false });
      }
    },
    changed(r: ReservationOut) {
      if (r.id === (this.data.r as ReservationOut).id) this.setData({ r, near: [] });
      this.triggerEvent("changed", { id: r.id });
    },
    /** What the tap does; null where the reader has thought better of it. */
    async perform(verb: string, r: ReservationOut): Promise<ReservationOut | null> {
      const path = `/reservations/${r.id}`;
      const key = tap();
      switch (verb) {
        case "check_in":
        case "return":
          await consent("check_in");
          return this.scan(path, key);
        case "leave":
          await consent("leave");
          return post<ReservationOut>(`${path}/leave`, {}, key);
        case "extend": {
          const { ends } = await get<EndsOut>(`${path}/extensions`);
          if (!ends.length) throw new Refused(0, "none", t("extend_none"));
          const end = ends[await chosen(ends.map((choice) => t("extend_to", { at: clockFromNow(choice.value) })))];
          return end ? post<ReservationOut>(`${path}/extend`, { end: end.value }, key) : null;
        }
        case "shorten": {
          const { ends } = await get<EndsOut>(`${path}/earlier-ends`);
          if (!ends.length) throw new Refused(0, "none", t("shorten_none"));
          const end = ends[await chosen(ends.map((choice) => t("shorten_to", { at: clockFromNow(choice.value) })))];
          return end ? post<ReservationOut>(`${path}/shorten`, { end: end.value }, key) : null;
        }
        case "finish":
          return (await agreed(t("ask_finish"))) ? post<ReservationOut>(`${path}/finish`, {}, key) : null;
        case "cancel":
          return (await agreed(t("ask_cancel"))) ? post<ReservationOut>(`${path}/cancel`, {}, key) : null;
        case "decline":
          return (await agreed(t("ask_decline"))) ? post<ReservationOut>(`${path}/decline`) : null;
        case "accept":
          await consent("reserve");
          return post<ReservationOut>(`${path}/accept`);
        case "report": {
          const [by, at] = [named("scan_by", r.check_in_by), named("scan_at", r.check_in_by)];
          const kind = KINDS[await chosen([t("report_occupied"), t("report_belongings")])];
          if (kind === undefined) return null;
          // Who has not checked in shows by a code that they are there, or the time runs on.
          const qr = r.state !== "in_use" && (await agreed(t("ask_report_scan", { by }))) ? await scanned(t("scan_failed", { at })) : null;
          const told = await post<ReportOut>(`${path}/report`, qr ? { kind, qr } : { kind }, key);
          const near = told.deadline_stopped ? told.nearest : [];
          this.setData({ r: told.reservation, near });
          this.setData({ said: t(!told.deadline_stopped ? "report_desk" : near.length ? "report_near" : "report_no_near", { by }) });
          return null;
        }
        default:
          return post<ReservationOut>(`${path}/${verb}`, {}, key);
      }
    },
    async scan(path: string, key: string): Promise<ReservationOut | null> {
      const { check_in_by } = this.data.r as ReservationOut;
      const qr = await scanned(t("scan_failed", { at: named("scan_at", check_in_by) }));
      return qr ? post<ReservationOut>(`${path}/check-in`, { qr }, key) : null;
    },
    look() {
      wx.navigateTo({ url: `/pages/reservation/detail?id=${(this.data.r as ReservationOut).id}` });
    },
  },
});
