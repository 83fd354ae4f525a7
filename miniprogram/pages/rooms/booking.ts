// A study room's booking, for those who take part; and the invitation to take part (`invitation`), for others.

import { get, ofReader, post, tap } from "../../api/client";
import type { ChangeRoomBooking, HistoryEntryOut, RoomBookingDetail, RoomBookingOut, RoomBookingsOut, RoomInvitationOut, RoomsOut } from "../../api/types";
import { agreed, chosen, intoCalendar } from "../../lib/ask";
import { LOADING, attempt, oneTap } from "../../lib/attempt";
import { clock, day } from "../../lib/clock";
import { poll, still } from "../../lib/polling";
import { currentReader } from "../../lib/reader";
import { canChange, canCheckIn, isLive, laterEnds } from "../../lib/rooms";
import { scannedHere } from "../../lib/schools";
import { shared } from "../../lib/share";
import type { Text } from "../../lib/texts";
import { floorName, nameIn, named, period, suspension, t, words } from "../../lib/texts";

/** What ends it for the reader: the request's verb, its name, the question before it, and what is said afterwards. */
interface Ending { verb: string; text: string; ask: Text; done: Text }

function endingOf({ own, state }: RoomBookingOut): Ending | null {
  if (!own) return { verb: "withdraw", text: t("room_leave"), ask: "room_ask_leave", done: "wait_left" };
  if (state === "in_use") return { verb: "finish", text: t("room_finish"), ask: "room_ask_finish", done: "room_finished" };
  return { verb: "cancel", text: t(state === "requested" ? "room_withdraw_request" : "room_cancel"), ask: "room_ask_cancel", done: "room_cancelled" };
}

const lacksPeople = (b: RoomBookingOut): boolean =>
  (b.state === "requested" || b.state === "reserved") && b.confirm_by !== null && b.people < b.room.least;

function factsOf(b: RoomBookingOut): string[] {
  const lines = [t(lacksPeople(b) ? "room_lacks" : "room_confirmed", { people: b.people, least: b.room.least })];
  if (b.purpose) lines.push(t("room_purpose_line", { purpose: b.purpose }));
  if (b.answer) lines.push(t("room_answer", { answer: b.answer }));
  if (b.state === "requested" && b.answer_by) lines.push(t("room_answer_by", { until: day(b.answer_by) }));
  if (b.state === "reserved") {
    const when = t("note_reserved", { from: clock(b.check_in_from), until: clock(b.check_in_until), by: named("room_scan_by", b.room.check_in_by) });
    lines.push(when + (b.own && !b.excused ? t("note_counts") : ""));
  }
  return lines;
}

function entryOf({ at, event }: HistoryEntryOut): { at: string; text: string } {
  const text = named("room_event", event);
  return { at: day(at), text: text === event ? named("event", event) : text };
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    id: "",
    /** The word of the invitation, by which others confirm. */
    invitation: "",
    invited: false,
    name: "",
    when: "",
    date: "",
    state: "",
    facts: [] as string[],
    /** Of the booking, for the phone's calendar: */
    place: "",
    time: { start: "", end: "" },
    room: "",
    history: [] as ReturnType<typeof entryOf>[],
    changes: false,
    extends: false,
    warning: "",
    live: false,
    invites: false,
    checksIn: false,
    /** How the room's people check in. */
    way: "",
    ending: null as Ending | null,
    suspended: "",
    done: "",
    refused: "",
    busy: false,
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("rooms_page") });
      wx.hideShareMenu(); // only the invitation is passed on, by its button
      const { id = "", invitation = "", made } = query;
      const done = made === "1" ? t("room_made") : made === "change" ? t("room_changed") : made === "confirm" ? t("room_takes_part") : "";
      this.setData({
        words: words("room_invite", "check_in", "calendar_add", "room_invitation", "room_confirm", "room_confirm_note", "room_over", "rooms_see", "room_change", "room_extend", "history"),
        id, invitation, invited: invitation !== "", done,
      });
    },
    onShow() {
      if (!this.data.busy) void this.load();
      poll(this, () => { if (this.data.live && !this.data.busy) void this.load(); });
    },
    onHide() {
      still(this);
    },
    onUnload() {
      still(this);
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    load() {
      return attempt(this, () => (this.data.invited ? this.showInvitation() : this.showBooking()));
    },
    async showBooking() {
      const b = await get<RoomBookingDetail>(`/room-bookings/${this.data.id}`);
      const live = isLive(b);
      this.setData({
        name: nameIn(b.room.name, b.room.names),
        when: period(b),
        date: b.date,
        state: named("state", b.state),
        facts: factsOf(b),
        place: `${b.room.venue} · ${floorName(b.room)}`,
        time: { start: b.start, end: b.end },
        warning: lacksPeople(b) && b.confirm_by ? t("room_confirm_by", { until: day(b.confirm_by) }) : "",
        live,
        room: b.room.id,
        history: live ? [] : b.history.map(entryOf),
        changes: canChange(b),
        extends: live && b.own && b.state === "in_use",
        invitation: b.invitation,
        invites: live && b.own && b.people < b.room.most,
        checksIn: canCheckIn(b) && b.room.check_in_by !== "desk",
        way: b.room.check_in_by,
        ending: live ? endingOf(b) : null,
      });
    },
    /** Who takes part already, the booker too, sees the booking instead. */
    async showInvitation() {
      const { invitation } = this.data;
      const asked = ofReader(get<RoomInvitationOut | null>(`/room-invitations/${invitation}`), null);
      const [me, found] = await Promise.all([currentReader(), asked]);
      if (me.reader === null || found === null) return;
      if (found.takes_part) {
        const { items } = await get<RoomBookingsOut>("/room-bookings");
        const own = items.find((one) => one.invitation === invitation);
        if (own) {
          wx.redirectTo({ url: `/pages/rooms/booking?id=${own.id}${own.own ? "" : "&made=confirm"}` });
          return;
        }
      }
      this.setData({
        name: nameIn(found.room.name, found.room.names),
        when: period(found),
        date: found.date,
        facts: [t("room_takes", { people: found.people, most: found.room.most })],
        live: isLive(found),
        suspended: me.suspension ? suspension({ ...me.suspension }) : "",
      });
    },
    onShareAppMessage() {
      const { invitation, date } = this.data;
      return shared(`pages/rooms/booking?invitation=${invitation}`, t("room_invite_title", { date: date.slice(5) }));
    },
    confirm() {
      return this.only(async () => {
        await post<RoomInvitationOut>(`/room-invitations/${this.data.invitation}/confirm`, {}, tap());
        await this.load();
      });
    },
    checkIn() {
      return this.only(async () => {
        const qr = await scannedHere(t("scan_failed", { at: named("room_scan_at", this.data.way) }));
        if (!qr) return;
        await post<RoomBookingOut>(`/room-bookings/${this.data.id}/check-in`, { qr }, tap());
        this.setData({ done: t("scan_done") });
        await this.load();
      });
    },
    calendar() {
      const { name, place, time, facts } = this.data;
      intoCalendar(t("calendar_room", { room: name }), `${place} · ${name}`, time, facts.join("\n"));
    },
    change() {
      const { id, room, date, busy } = this.data;
      if (!busy) wx.redirectTo({ url: `/pages/rooms/rooms?room=${room}&date=${date}&change=${id}` });
    },
    /** One of the later ends until which the room is free. */
    extend() {
      return this.only(async () => {
        const { id, date, room } = this.data;
        const [b, { items }] = await Promise.all([get<RoomBookingOut>(`/room-bookings/${id}`), get<RoomsOut>(`/rooms?date=${date}`)]);
        const of = items.find((one) => one.room.id === room);
        const ends = of ? laterEnds(of, b) : [];
        if (!ends.length) {
          this.setData({ refused: t("room_extend_none") });
          return;
        }
        const end = ends[await chosen(ends.map(({ text }) => text))];
        if (!end) return;
        const body: ChangeRoomBooking = { end: end.value };
        await post<RoomBookingOut>(`/room-bookings/${id}/change`, body, tap());
        this.setData({ done: t("room_changed") });
        await this.load();
      });
    },
    end() {
      return this.only(async () => {
        const { id, invitation, ending } = this.data;
        if (ending === null || !(await agreed(t(ending.ask)))) return;
        const of = ending.verb === "withdraw" ? `/room-invitations/${invitation}` : `/room-bookings/${id}`;
        await post<RoomInvitationOut>(`${of}/${ending.verb}`, {}, tap());
        if (ending.verb === "withdraw") {
          wx.showToast({ title: t(ending.done), icon: "none" });
          wx.redirectTo({ url: `/pages/rooms/booking?invitation=${invitation}` });
          return;
        }
        this.setData({ done: t(ending.done) });
        await this.load();
      });
    },
    rooms() {
      wx.redirectTo({ url: `/pages/rooms/rooms?date=${this.data.date}` });
    },
    /** What is refused is said, beside what is so now. */
    only(work: () => Promise<void>) {
      return oneTap(this, work, async ({ status }) => { if (status) await this.load(); });
    },
  },
});
