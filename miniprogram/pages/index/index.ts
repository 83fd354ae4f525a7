import { Refused, get, post, tap } from "../../api/client";
import type { AreasOut, CurrentReaderOut, MessageOut, NoticeOut, Page as PageOf, ReservationOut, WaitlistEntryOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, day } from "../../lib/clock";
import type { Known } from "../../lib/favourites";
import { knownSeats } from "../../lib/favourites";
import { poll, still } from "../../lib/polling";
import { activationIn, decoded, keep, take } from "../../lib/scan";
import { nameTabs } from "../../lib/tabs";
import { floorName, named, t, words } from "../../lib/texts";

const SHOWN = 3;
/** One poll in so many asks for everything: the others for the reader's own seats. */
const ALL_EACH = 4;

interface Floor { floor: number; name: string; free: number; total: number }

function byFloor(areas: AreasOut): Floor[] {
  const floors = new Map<number, Floor>();
  for (const area of areas.items) {
    const name = floorName(area.floor);
    const floor = floors.get(area.floor) ?? { floor: area.floor, name, free: 0, total: 0 };
    floor.free += area.seats_free;
    floor.total += area.seats_total;
    floors.set(area.floor, floor);
  }
  return [...floors.values()];
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    live: [] as ReservationOut[],
    kiosk: false,
    said: "",
    polls: 0,
    floors: [] as Floor[],
    messages: [] as MessageOut[],
    notices: [] as (NoticeOut & { at: string })[],
    unread: "",
    again: null as Known | null,
    liked: [] as Known[],
    timer: 0,
  },
  methods: {
    /** From a message (`id`), a kiosk's code (`scene`), WeChat's own scanner (`q`), a link or the menu. */
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("app") });
      const scene = decoded(query.scene);
      if (query.q) keep(decoded(query.q));
      this.setData({
        words: words("loading", "home_free", "home_none", "home_reserve", "home_messages", "home_notices", "home_all", "home_kiosk", "empty", "favourites"),
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
      return attempt(this, async () => {
        const active = await this.mine();
        const qr = take();
        if (activationIn(qr)) this.setData({ said: t("bind_already") });
        else if (qr) {
          await this.checkIn(qr, active);
          await this.mine();
        }
        const [known, areas, unread, messages, notices] = await Promise.all([
          knownSeats(),
          get<AreasOut>("/areas"),
          get<PageOf<MessageOut>>("/messages?unread=true&page_size=1"),
          get<PageOf<MessageOut>>(`/messages?page_size=${SHOWN}`),
          get<PageOf<NoticeOut>>(`/notices?page_size=${SHOWN}`),
        ]);
        this.setData({
          ...known,
          floors: byFloor(areas),
          messages: messages.items,
          notices: notices.items.map((notice) => ({ ...notice, at: day(notice.published_at) })),
          unread: unread.total ? t("home_unread", { n: unread.total }) : "",
        });
      });
    },
    /** What is shown stays where the network does not answer. */
    async look() {
      const polls = this.data.polls + 1;
      this.setData({ polls });
      if (polls % ALL_EACH === 0) return this.load();
      return this.mine().then(() => undefined, (error: unknown) => { if (!(error instanceof Refused)) throw error; });
    },
    changed() {
      this.setData({ said: "" });
      void this.load();
    },
    /** The reader's own seats; those that the line offers first. */
    async mine() {
      const [{ active }, waits] = await Promise.all([get<CurrentReaderOut>("/me"), get<PageOf<WaitlistEntryOut>>("/waitlist")]);
      const offers = waits.items.flatMap((wait) => (wait.offer ? [wait.offer] : []));
      this.setData({ live: [...offers, ...active] });
      return active;
    },
    /** The code that brought the reader here is used at once, and only once. */
    async checkIn(qr: string, active: ReservationOut[]) {
      const due = active.find((r) => r.actions.includes("check_in") || r.actions.includes("return"));
      if (due === undefined) {
        const next = active[0];
        const when = next?.state === "reserved" ? t("note_reserved", { from: clock(next.check_in_from), until: clock(next.check_in_until), by: named("scan_by", next.check_in_by) }) : "";
        this.setData({ said: when || t("scan_none") });
        return;
      }
      try {
        await post<ReservationOut>(`/reservations/${due.id}/check-in`, { qr }, tap());
        wx.showToast({ title: t(due.actions.includes("return") ? "scan_back" : "scan_done") });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ said: error.message });
      }
    },
    /** The plan opens with the seat and its times: one more tap books it. */
    seat(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/plan/plan?${String(event.currentTarget.dataset.query)}` });
    },
    seats() {
      wx.switchTab({ url: "/pages/seats/seats" });
    },
    allMessages() {
      wx.navigateTo({ url: "/pages/messages/messages" });
    },
    allNotices() {
      wx.navigateTo({ url: "/pages/notices/notices" });
    },
    notice(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/notices/notice?id=${String(event.currentTarget.dataset.id)}` });
    },
  },
});
