// 研修间: the rooms of a day, or one of them (`room`) with its booking's form.

import { Refused, get, open, post, tap } from "../../api/client";
import type { BookRoom, RoomBookingOut, RoomRulesOut, RoomsOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { dayAt, now } from "../../lib/clock";
import { currentReader } from "../../lib/reader";
import type { Choice, RoomRow, Start } from "../../lib/rooms";
import { daysFrom, lasting, rowOf, startsOf } from "../../lib/rooms";
import { suspension, t, words } from "../../lib/texts";

const USUAL_MINUTES = 60;

function rulesOf(r: RoomRulesOut, least: number): string[] {
  const lines = [t("room_rule_length", { shortest: lasting(r.min_minutes), longest: lasting(r.max_minutes), week: r.bookings_a_week })];
  if (r.buffer_minutes) lines.push(t("room_rule_buffer", { buffer: lasting(r.buffer_minutes) }));
  if (r.confirm_minutes !== null && least > 1) lines.push(t("room_rule_people", { before: lasting(r.confirm_minutes), least }));
  if (r.approval) lines.push(t("room_rule_approval"));
  return [...lines, t("room_rule_check_in")];
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    room: "",
    date: "",
    days: [] as Choice[],
    rows: [] as RoomRow[],

    /** Of the one room: */
    starts: [] as Start[],
    start: null as Start | null,
    end: null as Choice | null,
    purposeWanted: false,
    purpose: "",
    book: "",
    rules: [] as string[],
    suspended: "",
    refused: "",
    busy: false,
    key: "",
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("rooms_page") });
      this.setData({
        words: words("rooms_none", "room_no_times", "room_purpose", "start", "end"),
        room: query.room ?? "", date: query.date ?? "", key: tap(),
      });
    },
    onShow() {
      if (!this.data.busy) void this.load();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    load() {
      return attempt(this, async () => {
        const { room, date: chosen } = this.data;
        const today = dayAt(now());
        const date = chosen > today ? chosen : today;
        const [{ items }, me] = await Promise.all([get<RoomsOut>(`/rooms?date=${date}`), room ? currentReader() : null]);
        if (this.data.date !== chosen) return; // another day was chosen meanwhile
        const there = items.filter((one) => !room || one.room.id === room);
        if (room && !there.length) throw new Refused(404, "not_found", t("rooms_none"));
        const several = new Set(items.map((one) => one.room.venue_id)).size > 1;
        const days = daysFrom(today, Math.max(0, ...there.map(({ rules }) => rules.days_ahead)));
        this.setData({ date, days, rows: there.map((one) => rowOf(one, date, several)) });
        const [only] = there;
        if (!room || !only) return;
        this.setData({
          starts: startsOf(only, date),
          purposeWanted: only.rules.purpose_wanted,
          book: t(only.rules.approval ? "room_request" : "room_book"),
          rules: rulesOf(only.rules, only.room.least),
          suspended: me?.suspension ? suspension({ ...me.suspension }) : "",
        });
        this.take(this.data.start?.value, this.data.end?.value);
      });
    },
    /** These times, or the nearest to the usual where they are not possible. */
    take(start?: string, end?: string) {
      const { starts } = this.data;
      const chosen = starts.find(({ value }) => value === start) ?? starts[0] ?? null;
      const ends = chosen?.ends ?? [];
      const usual = ends.filter(({ at }) => at <= (chosen?.at ?? 0) + USUAL_MINUTES).pop() ?? ends[0] ?? null;
      this.setData({ start: chosen, end: ends.find(({ value }) => value === end) ?? usual });
    },
    day(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      this.setData({ date: String(event.currentTarget.dataset.date), refused: "", key: tap() });
      void this.load();
    },
    one(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/rooms/rooms?room=${String(event.currentTarget.dataset.id)}&date=${this.data.date}` });
    },
    from(event: WechatMiniprogram.CustomEvent<{ value: string | number }>) {
      if (this.data.busy) return;
      this.setData({ refused: "", key: tap() });
      this.take(this.data.starts[Number(event.detail.value)]?.value, this.data.end?.value);
    },
    to(event: WechatMiniprogram.CustomEvent<{ value: string | number }>) {
      if (this.data.busy) return;
      this.setData({ refused: "", key: tap() });
      this.take(this.data.start?.value, this.data.start?.ends[Number(event.detail.value)]?.value);
    },
    type(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.data.purpose = event.detail.value;
      this.data.key = tap();
    },
    /** What is refused keeps what was chosen and typed; the key makes one of what is sent again. */
    async send() {
      const { room, date, start, end, purpose, key, busy } = this.data;
      if (busy || start === null || end === null) return;
      this.setData({ busy: true, refused: "" });
      try {
        const body: BookRoom = { room_id: room, date, start: start.value, end: end.value, purpose: purpose.trim() };
        const { id } = await post<RoomBookingOut>("/room-bookings", body, key);
        wx.redirectTo({ url: `/pages/rooms/booking?id=${id}&made=1` });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.code === "malformed" ? t("room_purpose_missing") : error.message, purpose });
        // Only what is refused for certain makes the next tap another one, of what is free now.
        if (!open(error)) {
          this.setData({ key: tap() });
          await this.load();
        }
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
