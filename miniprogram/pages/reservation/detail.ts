import { Refused, get, post } from "../../api/client";
import type { PartyOut, ReservationDetail, SeatMapOut } from "../../api/types";
import { intoCalendar } from "../../lib/ask";
import { LOADING, attempt, beside } from "../../lib/attempt";
import { clock, clockAt, day, now } from "../../lib/clock";
import { templates } from "../../lib/library";
import type { Glimpse } from "../../lib/plan";
import { glimpseOf } from "../../lib/plan";
import { poll, still } from "../../lib/polling";
import { shared } from "../../lib/share";
import { ASKED, consent, explainOff, leftOf } from "../../lib/subscriptions";
import { clockAfter, clockFromNow, nameIn, named, period, placeOf, stateOf, t, words } from "../../lib/texts";

interface Line { at: string; text: string }

/** Until when to check in, at the nearest screen, and how else that can be done. A service before 0.3 names no screens. */
function whereTo(r: ReservationDetail): { where: string; also: string[] } {
  const [nearest, ...others] = (r.kiosks as string[] | undefined) ?? [];
  const until = clockAfter(clockAt(now()), clock(r.check_in_until));
  const also = nearest ? [others.length ? t("where_also", { kiosks: others.join(t("list_comma")) }) : "", r.check_in_by === "kiosk_or_label" ? t("where_label") : ""] : [];
  const where = nearest ? t("where_kiosk", { until, kiosk: nearest }) : t("where_other", { until, by: named("scan_by", r.check_in_by) });
  return r.state === "reserved" ? { where, also: also.filter((part) => part !== "") } : { where: "", also: [] };
}

/** The seats that are held for friends. `title` is what they read above the invitation. */
interface Held { invitation: string; title: string; ended: boolean; said: string; seats: { no: string; state: string }[] }

function heldOf(party: PartyOut): Held {
  const seat = party.seats[0]?.seat;
  return {
    invitation: party.invitation,
    title: t("party_title", { date: party.date.slice(5), place: seat ? nameIn(seat.area, seat.area_names) : "" }),
    ended: party.ended,
    said: party.ended ? t("party_ended") : t("party_until", { until: clockFromNow(clock(party.until)) }),
    seats: party.seats.map((one) => ({
      no: t("seat_no", { no: one.seat.no }),
      state: named("party", one.accepted ? "accepted" : !one.held ? "free" : one.named ? "named" : "held"),
    })),
  };
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    id: "",
    r: null as ReservationDetail | null,
    live: false,
    /** The booking has just been made; its seat is shown in its place then. */
    fresh: false,
    glimpse: null as Glimpse | null,
    where: "",
    also: [] as string[],
    /** Whether WeChat has messages to consent to. */
    reminds: false,
    busy: false,
    state: "",
    place: "",
    when: "",
    receipt: "",
    made: "",
    lines: [] as Line[],
    party: null as Held | null,
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("detail_page") });
      wx.hideShareMenu(); // only an invitation is passed on, by its button
      this.setData({ words: words("history", "fault", "reserved", "calendar_add", "remind", "together", "party_send", "party_end"), id: query.id ?? "", fresh: query.made === "1" });
    },
    onShow() {
      void this.load();
      poll(this, () => { if (this.data.live) void this.load(); });
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
    fault() {
      const seat = this.data.r?.seat;
      if (seat) wx.navigateTo({ url: `/pages/fault/fault?seat=${seat.id}&label=${encodeURIComponent(placeOf(seat))}` });
    },
    calendar() {
      const { r, where } = this.data;
      if (r) intoCalendar(t("calendar_title", { seat: placeOf(r.seat) }), placeOf(r.seat), r, where);
    },
    /** Consent for one more of each message. */
    async remind() {
      const { r, busy } = this.data;
      if (busy || r === null) return;
      this.setData({ busy: true });
      const asking = await consent(ASKED[r.state === "reserved" ? "reserve" : "check_in"]);
      if (asking === "off") await explainOff();
      else wx.showToast({ title: t("remind_left", { n: leftOf("CHECK_IN_REMINDER") }), icon: "none" });
      this.setData({ busy: false });
    },
    onShareAppMessage() {
      const { party } = this.data;
      return shared(`pages/together/together?invitation=${party?.invitation ?? ""}`, party?.title);
    },
    /** Gives back what no friend has accepted. */
    async endParty() {
      const { id, busy } = this.data;
      if (busy) return;
      this.setData({ busy: true });
      try {
        this.setData({ party: heldOf(await post<PartyOut>(`/reservations/${id}/party/end`)) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
      } finally {
        this.setData({ busy: false });
      }
    },
    async load() {
      await attempt(this, async () => {
        const r = await get<ReservationDetail>(`/reservations/${this.data.id}`);
        this.setData({
          r,
          ...whereTo(r),
          reminds: templates().length > 0,
          live: ["reserved", "in_use", "away", "offered"].includes(r.state),
          state: stateOf(r),
          place: placeOf(r.seat),
          when: period(r),
          receipt: t("receipt", { n: r.receipt }),
          made: t("made_at", { at: day(r.created_at) }),
          lines: r.history.map((entry) => ({ at: day(entry.at), text: named("event", entry.event) })),
        });
        this.setData({ party: r.party ? await beside(get<PartyOut>(`/reservations/${r.id}/party`).then(heldOf), this.data.party) : null });
      });
      const { r, fresh, glimpse } = this.data;
      if (r === null || !fresh || glimpse) return;
      const map = await beside<SeatMapOut | null>(get(`/areas/${r.seat.area_id}/map?date=${r.date}`), null);
      if (map) this.setData({ glimpse: glimpseOf(map, [r.seat.id], true) });
    },
  },
});
