// 一起坐 in two modes: a reader chooses seats for friends, or a friend accepts one of the seats that an invitation holds.

import { Refused, get, ofReader, open, post, tap } from "../../api/client";
import type { InvitationOut, PartyMadeOut, ReservationOut, SeatMapOut, TogetherOut } from "../../api/types";
import { LOADING, attempt, beside } from "../../lib/attempt";
import { clock, now } from "../../lib/clock";
import type { Glimpse } from "../../lib/plan";
import { PICKS_PX, glimpseOf } from "../../lib/plan";
import { poll, still } from "../../lib/polling";
import { currentReader } from "../../lib/reader";
import { ASKED, consent } from "../../lib/subscriptions";
import { areaOf, clockFromNow, fromTo, nameIn, named, period, suspension, t, words } from "../../lib/texts";

interface Seat { id: string; no: string }
/** Free seats, the reader's own first. */
interface Group { key: string; seating: string; numbers: string; seats: Seat[] }

function numbersOf(seats: readonly Seat[]): string {
  return seats.map((seat) => seat.no).sort((one, other) => one.localeCompare(other, "en", { numeric: true })).join(t("list_comma"));
}

/** The same for the same seats, whoever sits where. */
const keyOf = (seats: readonly Seat[]): string => seats.map((seat) => seat.id).sort().join();

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    /** The word of an invitation, for a friend; empty for who asks. */
    invitation: "",
    area: "",
    date: "",
    place: "",
    when: "",
    glimpse: null as Glimpse | null,
    busy: false,
    refused: "",
    key: "",
    timer: 0,

    /** The asker's: the seat and time that the page was opened with, and how many people want to sit together. */
    seat: "",
    start: "",
    end: "",
    people: 2,
    /** The plan for that time, from which the picture is drawn. */
    map: null as SeatMapOut | null,
    /** So many may; below 2 nobody may. */
    most: 0,
    numbers: [] as number[],
    groups: [] as Group[],
    /** What the next tap books, the reader's own seat first; with the key of the group that it is. */
    seats: [] as Seat[],
    group: "",
    sentence: "",
    book: "",
    none: "",

    /** The friend's: seats that are held, and the chosen one. */
    held: [] as Seat[],
    chosen: "",
    until: "",
    suspended: "",
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("together") });
      const { invitation = "", area = "", seat = "", date = "", start = "", end = "" } = query;
      const { from, to } = fromTo(start, end);
      this.setData({
        words: words(
          "together_people", "together_never", "together_groups", "together_pick", "together_note",
          "invitation", "invitation_seat", "invitation_accept", "invitation_note", "invitation_over", "invitation_near",
        ),
        invitation, area, seat, date, start, end, when: `${date.slice(5)} ${from}–${to}`, key: tap(),
      });
    },
    onShow() {
      if (!this.data.busy) void this.load();
      if (this.data.invitation) poll(this, () => { if (!this.data.busy) void this.load(); });
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
      return attempt(this, () => (this.data.invitation ? this.invited() : this.propose()));
    },

    /** Groups of free seats. What is chosen already stays while it is free. */
    async propose() {
      const { area, seat, date, start, end, people } = this.data;
      const time = `date=${date}&start=${start}&end=${end}`;
      const [{ most, items }, map] = await Promise.all([
        get<TogetherOut>(`/seats/${seat}/together?people=${people}&${time}`),
        get<SeatMapOut>(`/areas/${area}/map?${time}`),
      ]);
      if (people !== this.data.people) return; // another number was chosen meanwhile
      const groups = items.map(({ seating, seats }) => ({ key: keyOf(seats), seating: named("seating", seating), numbers: numbersOf(seats), seats }));
      const isFree = ({ id }: Seat): boolean => map.seats.some((one) => one.id === id && one.status === "free");
      const chosen = this.data.seats.length === people && this.data.seats.every(isFree) ? this.data.seats : groups[0]?.seats ?? [];
      this.setData({
        most,
        numbers: Array.from({ length: Math.max(0, most - 1) }, (_, n) => n + 2),
        groups,
        none: chosen.length ? "" : t("together_none", { people }),
        place: nameIn(map.area.name, map.area.names),
      });
      this.data.map = map; // for the next picture, without handing it to the screen
      this.picture(chosen);
    },
    picture(seats: Seat[]) {
      const { map } = this.data;
      if (map) this.setData({ glimpse: glimpseOf(map, seats.map(({ id }) => id), false, PICKS_PX) });
      this.take(seats);
    },
    /** What the next tap books. */
    take(seats: Seat[]) {
      const [own, ...friends] = seats;
      this.setData({
        seats,
        people: seats.length || this.data.people,
        group: keyOf(seats),
        sentence: own ? t("together_seats", { own: t("seat_no", { no: own.no }), friends: numbersOf(friends) }) : "",
        book: t("together_book", { people: seats.length }),
      });
    },
    count(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      this.setData({ people: Number(event.currentTarget.dataset.n), refused: "", key: tap() });
      void this.load();
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const group = this.data.groups.find(({ key }) => key === event.currentTarget.dataset.key);
      if (this.data.busy || group === undefined) return;
      this.setData({ refused: "", key: tap() });
      this.picture(group.seats);
    },
    /** Takes a free seat in, or leaves one out, without moving the picture under the finger. */
    pick(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      const { seats, most, glimpse, busy } = this.data;
      const tile = glimpse?.seats.find(({ id }) => id === event.detail.id);
      if (busy || !glimpse || !tile || tile.id === seats[0]?.id) return;
      const picked = seats.filter(({ id }) => id !== tile.id);
      if (tile.status === "free") picked.push({ id: tile.id, no: tile.number });
      if (picked.length > most) wx.showToast({ title: t("together_most", { most }), icon: "none" });
      if (picked.length === seats.length || picked.length < 2 || picked.length > most) return;
      const status = tile.status === "free" ? "mine" : "free";
      this.setData({ glimpse: { ...glimpse, seats: glimpse.seats.map((one) => (one === tile ? { ...tile, status } : one)) }, refused: "", key: tap() });
      this.take(picked);
    },
    reserve() {
      const { seats: [own, ...friends], date, start, end } = this.data;
      const body = { seat_id: own?.id, friends: friends.map(({ id }) => id), date, start, end };
      return this.send(async (key) => (await post<PartyMadeOut>("/parties", body, key)).reservation);
    },

    /** What the invitation holds. Who sits there then already, having asked or accepted, sees that booking. */
    async invited() {
      const party = ofReader(get<InvitationOut | null>(`/invitations/${this.data.invitation}`), null);
      const [me, found] = await Promise.all([currentReader(), party]);
      const first = found?.seats[0]?.seat;
      if (me.reader === null || !found || !first) return;
      const own = me.active.find((r) => r.seat.area_id === first.area_id && r.start === found.start && r.end === found.end);
      if (own) {
        wx.redirectTo({ url: `/pages/reservation/detail?id=${own.id}` });
        return;
      }
      const held = Date.parse(found.until) > now() ? found.seats.filter((one) => one.held).map(({ seat: { id, no } }) => ({ id, no: t("seat_no", { no }) })) : [];
      this.setData({
        area: first.area_id,
        date: found.date,
        place: areaOf(first),
        when: period(found),
        held,
        chosen: (held.find(({ id }) => id === this.data.chosen) ?? held[0])?.id ?? "",
        until: t("invitation_until", { until: clockFromNow(clock(found.until)) }),
        suspended: me.suspension ? suspension({ ...me.suspension }) : "",
      });
      if (this.data.glimpse) return;
      const map = await beside<SeatMapOut | null>(get(`/areas/${first.area_id}/map?date=${found.date}`), null);
      if (map) this.setData({ glimpse: glimpseOf(map, found.seats.map(({ seat }) => seat.id), true) });
    },
    chooseHeld(event: WechatMiniprogram.TouchEvent) {
      if (!this.data.busy) this.setData({ chosen: String(event.currentTarget.dataset.id), refused: "", key: tap() });
    },
    accept() {
      const { invitation, chosen } = this.data;
      return this.send((key) => post<ReservationOut>(`/invitations/${invitation}/accept`, { seat_id: chosen }, key));
    },
    near() {
      wx.redirectTo({ url: `/pages/plan/plan?area=${this.data.area}&date=${this.data.date}` });
    },

    /** A second tap while the first is under way does nothing; the key makes one of what is sent again. */
    async send(ask: (key: string) => Promise<ReservationOut>) {
      const { busy, key } = this.data;
      if (busy) return;
      this.setData({ busy: true, refused: "" });
      try {
        await consent(ASKED.reserve);
        const { id } = await ask(key);
        wx.redirectTo({ url: `/pages/reservation/detail?id=${id}&made=1` });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
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
