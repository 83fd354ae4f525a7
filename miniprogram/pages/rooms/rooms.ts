// 研修间: the rooms of a day, or one of them (`room`) with its booking's form; with `change` for another place of that booking.

import { Refused, get, open, post, tap } from "../../api/client";
import type { BookRoom, ChangeRoomBooking, RoomBookingOut, RoomDayOut, RoomsOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, dayAt, now } from "../../lib/clock";
import { currentReader } from "../../lib/reader";
import type { Choice, RoomRow, Start } from "../../lib/rooms";
import { daysFrom, isApproved, lasting, rowOf, startsOf } from "../../lib/rooms";
import { nameIn, named, period, suspension, t, words } from "../../lib/texts";

const USUAL_MINUTES = 60;
/** The earliest start that is proposed. */
const MORNING = 9 * 60;

function rulesOf({ rules: r, room: { least, check_in_by } }: RoomDayOut): string[] {
  const lines = [t("room_rule_length", { shortest: lasting(r.min_minutes), longest: lasting(r.max_minutes), week: r.bookings_a_week })];
  if (r.buffer_minutes) lines.push(t("room_rule_buffer", { buffer: lasting(r.buffer_minutes) }));
  if (r.confirm_minutes !== null && least > 1) lines.push(t("room_rule_people", { before: lasting(r.confirm_minutes), least }));
  if (r.approval) lines.push(t("room_rule_approval"));
  return [...lines, t("room_rule_check_in", { by: named("room_scan_by", check_in_by) })];
}

/** Whether the booking can move to that room: it is not too small, and the library need not approve it anew. */
function takesIn(d: RoomDayOut, b: RoomBookingOut): boolean {
  return d.room.id === b.room.id || (d.room.most >= b.people && !isApproved(b, d));
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    room: "",
    date: "",
    /** The time that was looked for. */
    from: "",
    to: "",
    /** The booking that is given another room or time; empty for a new one. */
    change: "",
    changing: "",
    shorter: "",
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
    onlyFor: "",
    refused: "",
    /** What is refused of the purpose, below its field. */
    wrongPurpose: "",
    busy: false,
    key: "",
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("rooms_page") });
      this.setData({
        words: words("rooms_none", "room_no_times", "room_purpose", "start", "end", "rooms_other"),
        room: query.room ?? "", date: query.date ?? "", from: query.start ?? "", to: query.end ?? "", change: query.change ?? "", key: tap(),
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
        const { room, date: chosen, change } = this.data;
        const today = dayAt(now());
        const date = chosen > today ? chosen : today;
        const [{ items }, me, b] = await Promise.all([
          get<RoomsOut>(`/rooms?date=${date}`),
          room ? currentReader() : null,
          change ? get<RoomBookingOut>(`/room-bookings/${change}`) : undefined,
        ]);
        if (this.data.date !== chosen) return; // another day was chosen meanwhile
        const there = items.filter((one) => (room ? one.room.id === room : !b || takesIn(one, b)));
        if (room && !there.length) throw new Refused(404, "not_found", t("rooms_none"));
        const several = new Set(items.map((one) => one.room.venue_id)).size > 1;
        const days = daysFrom(today, Math.max(0, ...there.map(({ rules }) => rules.days_ahead)));
        const shorter = Boolean(b && there[0] && room && isApproved(b, there[0]));
        this.setData({
          date,
          days: shorter ? days.filter(({ value }) => value === b?.date) : days,
          rows: there.map((one) => rowOf(one, date, several)),
          changing: b ? t("room_changing", { name: nameIn(b.room.name, b.room.names), when: period(b) }) : "",
          shorter: shorter ? t("room_change_shorter") : "",
        });
        const [only] = there;
        if (!room || !only) return;
        this.setData({
          starts: startsOf(only, date, b),
          purposeWanted: only.rules.purpose_wanted,
          book: t(b ? "room_change_send" : only.rules.approval ? "room_request" : "room_book"),
          rules: rulesOf(only),
          onlyFor: only.reserved_for.length ? t("room_only_for", { groups: only.reserved_for.join(t("list_comma")) }) : "",
          suspended: me?.suspension ? suspension({ ...me.suspension }) : "",
        });
        if (b && this.data.start === null) {
          this.setData({ purpose: b.purpose });
          this.take(clock(b.start), clock(b.end));
        } else this.take(this.data.start?.value ?? this.data.from, this.data.end?.value ?? this.data.to);
      });
    },
    /** These times, or the nearest to the usual where they are not possible. */
    take(start?: string, end?: string) {
      const { starts } = this.data;
      const chosen = starts.find(({ value }) => value === start) ?? starts.find(({ value, at }) => value === "now" || at >= MORNING) ?? starts[0] ?? null;
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
      const { date, change } = this.data;
      wx.navigateTo({ url: `/pages/rooms/rooms?room=${String(event.currentTarget.dataset.id)}&date=${date}&change=${change}` });
    },
    others() {
      wx.redirectTo({ url: `/pages/rooms/rooms?date=${this.data.date}&change=${this.data.change}` });
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
      const { room, date, start, end, purpose, key, busy, change, purposeWanted } = this.data;
      if (busy || start === null || end === null) return;
      this.setData({ busy: true, refused: "", wrongPurpose: "" });
      try {
        const body: BookRoom & ChangeRoomBooking = { room_id: room, date, start: start.value, end: end.value };
        if (purposeWanted) body.purpose = purpose.trim();
        const path = change ? `/room-bookings/${change}/change` : "/room-bookings";
        const { id } = await post<RoomBookingOut>(path, body, key);
        wx.redirectTo({ url: `/pages/rooms/booking?id=${id}&made=${change ? "change" : 1}` });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const ofPurpose = error.details.field === "purpose";
        this.setData({ refused: ofPurpose ? "" : error.message, wrongPurpose: ofPurpose ? error.message : "", purpose });
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
