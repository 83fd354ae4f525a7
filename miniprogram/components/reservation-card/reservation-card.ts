// One live reservation as a pass in the colour of its state: the seat, the time that matters now, and what can be done.

import { Refused, post, tap } from "../../api/client";
import type { NearSeat, ReservationOut } from "../../api/types";
import type { ActionButton, Outcome } from "../../lib/actions";
import { buttonsOf, isOff, perform } from "../../lib/actions";
import { clock, clockAt, now, span } from "../../lib/clock";
import { areaOf, named, period, stateOf, t, words } from "../../lib/texts";

const TICK_MS = 1000;

function leftOf(r: ReservationOut): string {
  const until = (instant: string): string => span(Date.parse(instant) - now());
  if (r.state === "in_use") return t("left_to_end", { t: until(r.end) });
  if (r.state === "away") return t("left_to_return", { at: clock(r.return_by ?? r.end) });
  if (r.state === "offered") return t("left_to_accept", { t: until(r.held_until ?? r.end) });
  if (Date.parse(r.check_in_from) > now()) return t("left_to_start", { t: until(r.start) });
  return t("left_to_check_in", { t: until(r.check_in_until) });
}

/** The time that is left of a stay, a leave or a check-in: `part` in a hundred, `text` in hours and minutes. */
interface Ring { part: number; text: string }

function ringOf(r: ReservationOut): Ring | null {
  const due = r.state === "reserved" && !r.reported && Date.parse(r.check_in_from) <= now();
  const [from, to] = r.state === "in_use" ? [r.start, r.end] : r.state === "away" ? [r.left_at, r.return_by] : due ? [r.check_in_from, r.check_in_until] : [];
  const left = Date.parse(to ?? "") - now();
  if (!from || !to || left <= 0) return null;
  const minutes = Math.floor(Math.ceil(left / 1000) / 60);
  return { part: Math.min(100, Math.round((100 * left) / (Date.parse(to) - Date.parse(from)))), text: span(minutes * 1000) };
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
  const check_in = t("note_reserved", { from: clock(r.check_in_from), until: clock(r.check_in_until), by: named("scan_by", r.check_in_by) });
  return r.excused ? check_in : check_in + t("note_counts");
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
    seat: "",
    place: "",
    left: "",
    ring: null as Ring | null,
    when: "",
    note: "",
    main: null as ActionButton | null,
    others: [] as ActionButton[],
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
        ring: ringOf(r),
        seat: t("seat_no", { no: r.seat.no }),
        place: areaOf(r.seat),
        when: period(r),
        note: noteOf(r),
        ...buttonsOf(r),
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
        if (left !== this.data.left) this.setData({ left, ring: ringOf(r), note: noteOf(r) });
      }, TICK_MS);
      this.setData({ timer: timer as unknown as number });
    },
    /** One tap at a time: a second one while the first is under way does nothing. */
    async act(event: WechatMiniprogram.TouchEvent) {
      const verb = String(event.currentTarget.dataset.verb);
      if (!isOff(verb, this.data.others)) await this.only((r) => perform(verb, r));
    },
    async move(event: WechatMiniprogram.TouchEvent) {
      const seat_id = String(event.currentTarget.dataset.id);
      await this.only(async (r) => ({ r: await post<ReservationOut>(`/reservations/${r.id}/change`, { seat_id }, tap()), said: "", near: [] }));
    },
    async only(work: (r: ReservationOut) => Promise<Outcome>) {
      if (this.data.busy) return;
      this.setData({ busy: true, said: "" });
      const r = this.data.r as ReservationOut;
      try {
        const done = await work(r);
        if (done.said) this.setData({ ...(done.r ? { r: done.r } : {}), said: done.said, near: done.near });
        else if (done.r !== null) this.changed(done.r);
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
    look() {
      wx.navigateTo({ url: `/pages/reservation/detail?id=${(this.data.r as ReservationOut).id}` });
    },
  },
});
