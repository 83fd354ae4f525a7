// A study room's booking, for those who take part; and the invitation to take part (`invitation`), for others.

import { Refused, get, ofReader, post, tap } from "../../api/client";
import type { RoomBookingOut, RoomBookingsOut, RoomInvitationOut } from "../../api/types";
import { agreed } from "../../lib/ask";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, day } from "../../lib/clock";
import { poll, still } from "../../lib/polling";
import { currentReader } from "../../lib/reader";
import { canCheckIn, isLive } from "../../lib/rooms";
import { scannedHere } from "../../lib/schools";
import { shared } from "../../lib/share";
import type { Text } from "../../lib/texts";
import { nameIn, named, period, suspension, t, words } from "../../lib/texts";

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
    const when = t("note_reserved", { from: clock(b.check_in_from), until: clock(b.check_in_until), by: named("scan_by", "kiosk") });
    lines.push(when + (b.own && !b.excused ? t("note_counts") : ""));
  }
  return lines;
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
    warning: "",
    live: false,
    invites: false,
    checksIn: false,
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
      const done = made === "1" ? t("room_made") : made === "confirm" ? t("room_takes_part") : "";
      this.setData({
        words: words("room_invite", "check_in", "room_invitation", "room_confirm", "room_confirm_note", "room_over", "rooms_see"),
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
      const b = await get<RoomBookingOut>(`/room-bookings/${this.data.id}`);
      const live = isLive(b);
      this.setData({
        name: nameIn(b.room.name, b.room.names),
        when: period(b),
        date: b.date,
        state: named("state", b.state),
        facts: factsOf(b),
        warning: lacksPeople(b) && b.confirm_by ? t("room_confirm_by", { until: day(b.confirm_by) }) : "",
        live,
        invitation: b.invitation,
        invites: live && b.own && b.people < b.room.most,
        checksIn: canCheckIn(b),
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
        const qr = await scannedHere(t("scan_failed", { at: named("scan_at", "kiosk") }));
        if (!qr) return;
        await post<RoomBookingOut>(`/room-bookings/${this.data.id}/check-in`, { qr }, tap());
        this.setData({ done: t("scan_done") });
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
    async only(work: () => Promise<void>) {
      if (this.data.busy) return;
      this.setData({ busy: true, refused: "", done: "" });
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
        if (error.status) await this.load();
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
