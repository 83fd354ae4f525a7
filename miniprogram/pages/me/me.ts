import { Refused, drop, get, isBound, post, remember, signOut } from "../../api/client";
import type { GateRecordOut, Page as PageOf, ReservationOut, RoomBookingOut, ViolationOut, ViolationsOut } from "../../api/types";
import { VERSION } from "../../config";
import type { ActionButton } from "../../lib/actions";
import { isOff, perform, rowButtonsOf } from "../../lib/actions";
import { agreed, shown, written } from "../../lib/ask";
import { LOADING, attempt } from "../../lib/attempt";
import { day } from "../../lib/clock";
import { hasSeasons, learnLibrary } from "../../lib/library";
import { currentReader, forgetLast } from "../../lib/reader";
import type { RoomLine } from "../../lib/rooms";
import { comingRooms, pastRooms } from "../../lib/rooms";
import { chosenSchool } from "../../lib/school";
import { unreadMessages } from "../../lib/unread";
import { nameTabs } from "../../lib/tabs";
import { keepLanguage, languages, nameIn, named, period, placeOf, speak, stateOf, suspension, t, words } from "../../lib/texts";

const PAGE = 20;
type Tab = "mine" | "violations" | "gates";

/** What a row of any of the three shows; `r` where something can be done with it; `at`: when it began. */
interface Row { id: string; at: number; room: boolean; title: string; text: string; state: string; more: boolean; appeal: boolean; buttons: ActionButton[]; r: ReservationOut | null }

function reservation(r: ReservationOut): Row {
  const buttons = rowButtonsOf(r);
  return {
    id: r.id, at: Date.parse(r.start), room: false, title: placeOf(r.seat), text: period(r), state: stateOf(r), more: true, appeal: false, buttons,
    r: buttons.length ? r : null,
  };
}

function pastRoom(b: RoomBookingOut): Row {
  const state = named("state", b.state);
  return { id: b.id, at: Date.parse(b.start), room: true, title: nameIn(b.room.name, b.room.names), text: period(b), state, more: true, appeal: false, buttons: [], r: null };
}

function violation(v: ViolationOut): Row {
  let state = v.counted ? "" : t("not_counted");
  if (v.waived) state = t("waived");
  else if (v.appeal) state = v.appeal.settled_at ? t("appeal_settled", { answer: v.appeal.answer }) : t("appeal_waits");
  return {
    id: v.id,
    at: Date.parse(v.at),
    room: false,
    title: `${named("kind", v.kind)} · ${placeOf(v.reservation.seat)}`,
    text: day(v.at),
    state,
    more: false,
    appeal: !v.waived && v.appeal === null,
    buttons: [],
    r: null,
  };
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    name: "",
    number: "",
    standing: "",
    suspended: "",
    paused: false,
    unread: 0,
    version: "",
    /** The school's row; empty in a library's own program. */
    school: "",
    languages: [] as ReturnType<typeof languages>,
    tab: "mine" as Tab,
    tabs: [] as { name: Tab; text: string }[],
    rows: [] as Row[],
    /** Rows of 我的预约 that came with a page and are older than some of the next one. */
    older: [] as Row[],
    /** The rooms that the reader has, to come or under way. */
    booked: [] as RoomLine[],
    /** Whether the way to the seasons is there. */
    seasons: false,
    asking: true,
    draft: "",
    page: 1,
    total: 0,
    busy: false,
  },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("tab_me") });
      const school = chosenSchool();
      this.setData({
        words: words(
          "detail", "appeal", "empty", "mine_empty", "gates_empty", "more", "waitlist", "contact", "subscriptions", "devices", "privacy_page",
          "switch_account", "unbind", "erase", "reminders_paused", "language", "seasons_page",
        ),
        languages: languages(),
        school: school ? t("school_row", { name: school.name }) : "",
        version: t("version", { v: VERSION }),
        tabs: (["mine", "violations", "gates"] as const).map((name) => ({ name, text: t(name) })),
      });
    },
    onShow() {
      nameTabs();
      this.setData({ unread: unreadMessages() });
      void this.load();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    onReachBottom() {
      void this.next();
    },
    load() {
      return attempt(this, async () => {
        const me = await currentReader();
        if (me.reader === null) {
          this.setData({ name: "", rows: [], booked: [], total: 0 });
          return;
        }
        const { window } = await get<ViolationsOut>("/violations?page_size=1");
        this.setData({
          name: me.reader.name,
          number: me.reader.student_no_masked,
          standing: t("standing", { ...window }),
          suspended: me.suspension ? suspension({ ...me.suspension }) : "",
          paused: me.reminders_paused,
        });
        await Promise.all([this.show(1), this.rooms()]);
      });
    },
    async rooms() {
      await learnLibrary();
      this.setData({ seasons: hasSeasons(), booked: await comingRooms(this.data.booked) });
    },
    async show(page: number) {
      const { tab } = this.data;
      const [rows, total] = await this.asked(tab, page);
      // Another one was chosen meanwhile, or it began anew.
      if (tab !== this.data.tab || (page > 1 && page !== this.data.page + 1)) return;
      this.setData({ rows: page === 1 ? rows : [...this.data.rows, ...rows], page, total, asking: false });
    },
    async asked(tab: Tab, page: number): Promise<[Row[], number]> {
      const query = `?page=${page}&page_size=${PAGE}`;
      if (tab === "mine") {
        return this.mine(page, query);
      }
      if (tab === "violations") {
        const found = await get<ViolationsOut>(`/violations${query}`);
        return [found.items.map(violation), found.total];
      }
      const found = await get<PageOf<GateRecordOut>>(`/gate-records${query}`);
      const rows = found.items.map((p) => ({
        id: p.id,
        at: Date.parse(p.at),
        room: false,
        title: `${named("gate", p.direction)} · ${p.gate}`,
        text: `${day(p.at)} · ${named("method", p.method)}`,
        state: p.effect === "none" ? "" : named("effect", p.effect),
        more: false,
        appeal: false,
        buttons: [],
        r: null,
      }));
      return [rows, found.total];
    },
    /** Seats and past rooms as one list, newest first: two lists of which each has its own pages. */
    async mine(page: number, query: string): Promise<[Row[], number]> {
      const [seats, rooms] = await Promise.all([get<PageOf<ReservationOut>>(`/reservations${query}`), pastRooms(query)]);
      const lists = [{ rows: seats.items.map(reservation), total: seats.total }, { rows: rooms.items.map(pastRoom), total: rooms.total }];
      const unfinished = lists.filter(({ total }) => page * PAGE < total);
      const since = Math.max(0, ...unfinished.map(({ rows }) => rows[rows.length - 1]?.at ?? 0));
      const rows = [...(page > 1 ? this.data.older : []), ...lists.flatMap((list) => list.rows)].sort((a, b) => b.at - a.at);
      this.data.older = rows.filter(({ at }) => at < since);
      return [rows.filter(({ at }) => at >= since), seats.total + rooms.total];
    },
    async next() {
      if (this.data.busy || this.data.rows.length >= this.data.total) return;
      this.setData({ busy: true });
      await attempt(this, () => this.show(this.data.page + 1));
      this.setData({ busy: false });
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ tab: event.currentTarget.dataset.name as Tab, rows: [], page: 1, total: 0, asking: true });
      void attempt(this, () => this.show(1));
    },
    room(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/rooms/booking?id=${String(event.currentTarget.dataset.id)}` });
    },
    detail(event: WechatMiniprogram.TouchEvent) {
      const { id, room } = event.currentTarget.dataset as { id: string; room: boolean };
      wx.navigateTo({ url: `/pages/${room ? "rooms/booking" : "reservation/detail"}?id=${id}` });
    },
    async appeal(event: WechatMiniprogram.TouchEvent) {
      const text = await written(t("appeal"), t("appeal_text"), this.data.draft);
      if (!text) return;
      this.setData({ draft: text }); // until it has arrived
      await this.only(async () => {
        await post(`/violations/${String(event.currentTarget.dataset.id)}/appeal`, { text });
        this.setData({ draft: "" });
        wx.showToast({ title: t("appealed"), icon: "none" });
      });
      await this.load();
    },
    /** What a row offers, as the card of 首页 does it. */
    async act(event: WechatMiniprogram.TouchEvent) {
      const { id, verb } = event.currentTarget.dataset as { id: string; verb: string };
      const row = this.data.rows.find((one) => one.id === id);
      const r = row?.r;
      if (!row || !r || isOff(verb, row.buttons)) return;
      let done = false;
      await this.only(async () => { done = (await perform(verb, r)).r !== null; }, () => { done = true; });
      if (done) await attempt(this, () => this.show(1));
    },
    /** All pages begin anew in that language; the service writes to the reader in it. */
    async chooseLanguage(event: WechatMiniprogram.TouchEvent) {
      const language = String(event.currentTarget.dataset.tag);
      await this.only(async () => {
        if (isBound()) await post("/me/language", { language });
        keepLanguage(language);
        speak(language);
        wx.reLaunch({ url: "/pages/me/me" });
      });
    },
    async unbind() {
      await this.leave(t("ask_unbind"), "/pages/index/index");
    },
    /** Another reader's code binds this phone then. */
    async switchAccount() {
      await this.leave(t("ask_switch"), "/pages/bind/bind");
    },
    async leave(question: string, url: string) {
      if (!(await agreed(question))) return;
      await this.only(async () => {
        await drop("/bindings/current");
        remember(false);
        forgetLast();
        wx.reLaunch({ url });
      });
    },
    /** All that the service keeps of the reader, and the way in. */
    async erase() {
      if (!(await agreed(t("ask_erase")))) return;
      await this.only(async () => {
        try {
          await drop("/me");
        } catch (error) {
          if (!(error instanceof Refused) || error.code !== "erasure_not_now") throw error;
          await shown(named("erase", String(error.details.reason)));
          return;
        }
        signOut();
        forgetLast();
        await shown(t("erased"));
        wx.reLaunch({ url: "/pages/index/index" });
      });
    },
    async only(work: () => Promise<void>, refused: () => void = () => undefined) {
      if (this.data.busy) return;
      this.setData({ busy: true });
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
        refused();
      } finally {
        this.setData({ busy: false });
      }
    },
    go(event: WechatMiniprogram.TouchEvent) {
      const page = String(event.currentTarget.dataset.page);
      wx.navigateTo({ url: `/pages/${page}/${page}` });
    },
  },
});
