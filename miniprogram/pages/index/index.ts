import { Refused, get, isBound, noted, ofReader, post, tap } from "../../api/client";
import type { AreasOut, DateOut, MessageOut, NoticeOut, Page as PageOf, ProposalOut, ReservationOut, SeatMapOut, WaitlistEntryOut } from "../../api/types";
import type { Floor } from "../../lib/areas";
import { byFloor } from "../../lib/areas";
import { LOADING, attempt, beside } from "../../lib/attempt";
import { clock, clockAt, day, dayAt, now } from "../../lib/clock";
import { noteOn } from "../../lib/hours";
import type { Glimpse } from "../../lib/plan";
import { glimpseOf } from "../../lib/plan";
import type { Proposed } from "../../lib/proposal";
import { proposedOf } from "../../lib/proposal";
import type { Known } from "../../lib/favourites";
import { knownSeats } from "../../lib/favourites";
import { hasRooms, learnLibrary } from "../../lib/library";
import { poll, still } from "../../lib/polling";
import { currentReader, lastSeen } from "../../lib/reader";
import type { RoomLine } from "../../lib/rooms";
import { canCheckIn, comingRooms, roomOfLabel, roomToCheckIn } from "../../lib/rooms";
import { activationIn, arrive, decoded, keep, look, take } from "../../lib/scan";
import { offerSchool } from "../../lib/schools";
import { shared } from "../../lib/share";
import type { Untold } from "../../lib/subscriptions";
import { ASKED, consent, explainOff, untold } from "../../lib/subscriptions";
import { nameTabs } from "../../lib/tabs";
import { named, t, words } from "../../lib/texts";
import { keepUnread } from "../../lib/unread";

const SHOWN = 3;
/** One poll in so many asks for everything: the others for the reader's own seats. */
const ALL_EACH = 4;
const MOST_SKIPPED = 12;
const DAY_MS = 24 * 3600000;

/** `tomorrow`: null or, from a service before 0.3, missing where it can never be booked. */
function turned(tomorrow: DateOut | null | undefined, ahead: boolean): { label: string; note: string; off: boolean } | null {
  if (!tomorrow) return null;
  if (ahead) return { label: t("today"), note: t("turn_back"), off: false };
  return { label: t("tomorrow"), note: noteOn(tomorrow) || t("day_bookable"), off: !tomorrow.bookable };
}

const NONE = { items: [], page: 1, page_size: 0, total: 0 };

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    live: [] as ReservationOut[],
    /** What was last seen, at a start without an answer, and when that was. */
    last: [] as ReservationOut[],
    lastAt: "",
    untold: null as Untold | null,
    /** No channel can send a reminder just now. */
    paused: false,
    kiosk: false,
    binds: false,
    said: "",
    polls: 0,
    floors: [] as Floor[],
    notices: [] as (NoticeOut & { at: string })[],
    unread: 0,
    again: null as Known | null,
    liked: [] as Known[],
    proposed: null as Proposed | null,
    /** The proposed seat in its place; null until its plan is there. */
    glimpse: null as Glimpse | null,
    /** Whether a seat is proposed for tomorrow. */
    ahead: false,
    /** The other one of today and tomorrow, with what stands below it. */
    turn: null as { label: string; note: string; off: boolean } | null,
    /** The seats that were proposed and not wanted. */
    skip: [] as string[],
    /** The library has study rooms, and somebody is bound who may book them. */
    rooms: false,
    /** The rooms that the reader has, to come or under way. */
    booked: [] as RoomLine[],
    busy: false,
    timer: 0,
  },
  methods: {
    /** From a message (`id`), a kiosk's code (`scene`), WeChat's own scanner (`q`), a link or the menu. */
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("app") });
      const scene = decoded(query.scene);
      if (query.q) arrive(decoded(query.q));
      this.setData({
        words: words("proposed_other", "together", "tomorrow", "home_free", "home_none", "home_reserve", "notices", "home_all", "home_kiosk", "rooms_page", "rooms_why", "once_more", "untold_ask", "reminders_paused"),
        binds: scene === "web",
        kiosk: (scene || `k=${query.k ?? ""}`).replace(/^k=/, "") !== "" && scene !== "web",
      });
    },
    onShow() {
      nameTabs();
      this.setData({ said: "" });
      void this.load();
      poll(this, () => { void this.look(); });
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
      return this.all(false);
    },
    /** `kept`: what is proposed stays under the reader's finger. */
    async all(kept: boolean) {
      await attempt(this, async () => {
        const offered = await offerSchool(look());
        if (offered === "changed") return;
        if (offered === "declined") take();
        const active = await this.mine();
        const qr = take();
        if (active === null) return this.around(qr);
        if (activationIn(qr)) this.setData({ said: t("bind_already") });
        else if (qr) {
          await this.checkIn(qr, active);
          await this.mine();
        }
        const [known, unread] = await Promise.all([
          knownSeats(),
          get<PageOf<MessageOut>>("/messages?unread=true&page_size=1"),
          this.library(),
          active.length ? this.setData({ proposed: null, turn: null }) : kept || this.propose(this.data.skip),
        ]);
        keepUnread(unread.total);
        this.setData({ ...known, unread: unread.total });
      });
      void this.picture();
      if (this.data.ready) void this.rooms();
      const last = this.data.ready ? null : lastSeen();
      this.setData({ last: last?.active ?? [], lastAt: last ? t("last_seen", { at: `${dayAt(last.at).slice(5)} ${clockAt(last.at)}` }) : "" });
    },
    /** Consent for a message that would not come, or the switch for all of them. */
    async subscribe() {
      const { untold, busy } = this.data;
      if (busy || untold === null) return;
      this.setData({ busy: true });
      if ((await consent(ASKED[untold.tap])) === "off") await explainOff();
      this.setData({ busy: false });
      void this.load();
    },
    /** What everybody may see. */
    async library() {
      const [areas, notices] = await Promise.all([get<AreasOut>("/areas"), get<PageOf<NoticeOut>>(`/notices?page_size=${SHOWN}`)]);
      this.setData({ floors: byFloor(areas.items), notices: notices.items.map((notice) => ({ ...notice, at: day(notice.published_at) })) });
    },
    /** For somebody who is not bound. A code has brought them to bind, and is not lost by that; so has the code of the page 激活码. */
    async around(qr: string) {
      if (!qr && !this.data.binds) return this.library();
      this.setData({ binds: false });
      keep(qr);
      throw new Refused(403, "not_bound", "");
    },
    async propose(skip: string[], day?: { ahead: boolean }) {
      const { ahead } = day ?? this.data;
      const date = dayAt(now() + (ahead ? DAY_MS : 0));
      const { proposed, tomorrow } = await get<ProposalOut>(`/proposal?date=${date}${skip.length ? `&skip=${skip.join(",")}` : ""}`);
      const glimpse = this.data.glimpse?.id === proposed?.seat.id ? this.data.glimpse : null;
      this.setData({ skip, ahead, glimpse, proposed: proposed && proposedOf(proposed), turn: turned(tomorrow, ahead) });
    },
    /** The plan around the proposed seat, once the page is there. */
    async picture() {
      const { proposed, glimpse } = this.data;
      if (proposed === null || glimpse?.id === proposed.id) return;
      const map = await beside<SeatMapOut | null>(get(proposed.map), null);
      if (map && this.data.proposed?.id === proposed.id) this.setData({ glimpse: glimpseOf(map, [proposed.id]) });
    },
    /** The way to the study rooms and the reader's own, where the library has any. */
    async rooms() {
      await learnLibrary();
      const rooms = hasRooms() && !this.data.guest;
      this.setData({ rooms, booked: rooms ? await comingRooms(this.data.booked) : [] });
    },
    /** 换一个; from the beginning where there is no other. */
    other() {
      return this.instead(async () => {
        const { proposed, skip } = this.data;
        await this.propose([...skip, proposed?.id ?? ""].slice(-MOST_SKIPPED));
        if (this.data.proposed === null) await this.propose([]);
      });
    },
    /** 明天, and back to today. */
    turn() {
      const { ahead, turn } = this.data;
      return this.instead(async () => {
        if (turn?.off) return;
        await this.propose([], { ahead: !ahead });
        if (ahead || this.data.proposed) return;
        wx.showToast({ title: t("free_none"), icon: "none" });
        await this.propose([], { ahead: false });
      });
    },
    async instead(work: () => Promise<void>) {
      if (this.data.busy) return;
      this.setData({ busy: true });
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
      } finally {
        this.setData({ busy: false });
      }
      void this.picture();
    },
    /** What is shown stays where the network does not answer. */
    async look() {
      const polls = this.data.polls + 1;
      this.setData({ polls });
      if (polls % ALL_EACH === 0) return this.all(this.data.proposed !== null);
      return this.mine().then(() => undefined, (error: unknown) => { if (!(error instanceof Refused)) throw error; });
    },
    changed() {
      this.setData({ said: "" });
      void this.load();
    },
    /** The reader's own seats, those that the line offers first; null for somebody who is not bound. */
    async mine() {
      const waiting = isBound() ? ofReader(get<PageOf<WaitlistEntryOut>>("/waitlist"), NONE) : NONE;
      const [{ reader, active, reminders_paused: paused }, waits] = await Promise.all([currentReader(), waiting]);
      if (reader === null) {
        this.setData({ live: [], untold: null, paused, proposed: null, turn: null, liked: [], again: null, unread: 0 });
        return null;
      }
      const offers = waits.items.flatMap((wait) => (wait.offer ? [wait.offer] : []));
      this.setData({ live: [...offers, ...active], paused, untold: untold(active, waits.items) });
      return active;
    },
    /** The code that brought the reader here is used at once, and only once. */
    async checkIn(qr: string, active: ReservationOut[]) {
      const label = roomOfLabel(qr);
      const due = label ? undefined : active.find((r) => r.actions.includes("check_in") || r.actions.includes("return"));
      const room = due === undefined ? await roomToCheckIn(label) : undefined;
      if (label && (room === undefined || !canCheckIn(room))) {
        // There is nothing to check in: the booking, or the room's day.
        wx.navigateTo({ url: room ? `/pages/rooms/booking?id=${room.id}` : `/pages/rooms/rooms?room=${label}` });
        return;
      }
      if (due === undefined && room === undefined) {
        const next = active[0];
        const when = next?.state === "reserved" ? t("note_reserved", { from: clock(next.check_in_from), until: clock(next.check_in_until), by: named("scan_by", next.check_in_by) }) : "";
        this.setData({ said: when || t("scan_none") });
        return;
      }
      try {
        await post(due ? `/reservations/${due.id}/check-in` : `/room-bookings/${room?.id ?? ""}/check-in`, { qr: await noted(qr) }, tap());
        wx.showToast({ title: t(due?.actions.includes("return") ? "scan_back" : "scan_done") });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ said: error.message });
      }
    },
    /** The plan opens with the seat and its times: one more tap books it. */
    seat(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/plan/plan?${String(event.currentTarget.dataset.query)}` });
    },
    together(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/together/together?${String(event.currentTarget.dataset.query)}` });
    },
    room(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/rooms/booking?id=${String(event.currentTarget.dataset.id)}` });
    },
    toRooms() {
      wx.navigateTo({ url: "/pages/rooms/rooms" });
    },
    onShareAppMessage() {
      return shared("pages/index/index");
    },
    seats() {
      wx.switchTab({ url: "/pages/seats/seats" });
    },
    area(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      wx.navigateTo({ url: `/pages/plan/plan?area=${event.detail.id}` });
    },
    allNotices() {
      wx.navigateTo({ url: "/pages/notices/notices" });
    },
    notice(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/notices/notice?id=${String(event.currentTarget.dataset.id)}` });
    },
  },
});
