import { Refused, get, isBound, noted, ofReader, post, tap } from "../../api/client";
import type { AreasOut, MessageOut, NoticeOut, Page as PageOf, ProposalOut, ReservationOut, WaitlistEntryOut } from "../../api/types";
import type { Floor } from "../../lib/areas";
import { byFloor } from "../../lib/areas";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, clockAt, day, dayAt } from "../../lib/clock";
import type { Proposed } from "../../lib/proposal";
import { proposedOf } from "../../lib/proposal";
import type { Known } from "../../lib/favourites";
import { knownSeats } from "../../lib/favourites";
import { poll, still } from "../../lib/polling";
import { currentReader, lastSeen } from "../../lib/reader";
import { activationIn, arrive, decoded, keep, take } from "../../lib/scan";
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
    /** The seats that were proposed and not wanted. */
    skip: [] as string[],
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
        words: words("proposed_other", "home_free", "home_none", "home_reserve", "notices", "home_all", "home_kiosk", "once_more", "untold_ask", "reminders_paused"),
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
          active.length ? this.setData({ proposed: null }) : kept || this.propose(this.data.skip),
        ]);
        keepUnread(unread.total);
        this.setData({ ...known, unread: unread.total });
      });
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
    async propose(skip: string[]) {
      const { proposed } = await get<ProposalOut>(`/proposal${skip.length ? `?skip=${skip.join(",")}` : ""}`);
      this.setData({ skip, proposed: proposed && proposedOf(proposed) });
    },
    /** 换一个; from the beginning where there is no other. */
    async other() {
      const { proposed, skip, busy } = this.data;
      if (busy || proposed === null) return;
      this.setData({ busy: true });
      try {
        await this.propose([...skip, proposed.id].slice(-MOST_SKIPPED));
        if (this.data.proposed === null) await this.propose([]);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
      } finally {
        this.setData({ busy: false });
      }
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
        this.setData({ live: [], untold: null, paused, proposed: null, liked: [], again: null, unread: 0 });
        return null;
      }
      const offers = waits.items.flatMap((wait) => (wait.offer ? [wait.offer] : []));
      this.setData({ live: [...offers, ...active], paused, untold: untold(active, waits.items) });
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
        await post<ReservationOut>(`/reservations/${due.id}/check-in`, { qr: await noted(qr) }, tap());
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
