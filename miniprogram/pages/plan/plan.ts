import { Refused, get, post, tap } from "../../api/client";
import type { Choice, MapOut, MarkOut, NearSeat, ReservationOut, TimesOut, WaitOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, day } from "../../lib/clock";
import { isFavourite, toggle } from "../../lib/favourites";
import type { Tile } from "../../lib/plan";
import { TAGS, changed, legend } from "../../lib/plan";
import { poll } from "../../lib/polling";
import { consent } from "../../lib/subscriptions";
import { t, words } from "../../lib/texts";

const LARGEST = 2.5;
const STEP = 1.4;
/** Of the screen's width and height: what plan.wxss leaves to the plan. */
const MARGIN_PX = 34;
const PART_OF_HEIGHT = 0.6;

interface Done { label: string; when: string; note: string }

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    area: "",
    date: "",
    from: "",
    to: "",
    width: 0,
    height: 0,
    scale: 1,
    smallest: 1,
    largest: LARGEST,
    list: false,
    stale: "",
    seats: [] as Tile[],
    marks: [] as MarkOut[],
    legend: legend(),
    tags: [] as { sign: string; text: string }[],
    seat: null as Tile | null,
    liked: false,
    starts: [] as Choice[],
    ends: [] as Choice[],
    start: "",
    end: "",
    none: false,
    busy: false,
    refused: "",
    near: [] as NearSeat[],
    mayWait: false,
    waiting: "",
    done: null as Done | null,
    key: "",
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      this.setData({
        words: words(
          "loading", "plan", "list", "larger", "smaller", "start", "end", "no_times", "reserve", "reserved", "see_it", "close",
          "near", "wait", "favourite_add", "favourite_remove",
        ),
        legend: legend(),
        tags: [...TAGS.map(([, sign, text]) => ({ sign, text: t(text) })), { sign: "▬", text: t("mark_wall") }, { sign: "▤", text: t("mark_shelf") }],
        area: query.area ?? "",
        date: query.date ?? "",
        from: query.start ?? "",
        to: query.end ?? "",
      });
      void this.load().then(() => (query.seat ? this.pick(query.seat) : undefined));
    },
    onShow() {
      clearInterval(this.data.timer);
      this.setData({ timer: poll(() => { void this.refresh(); }) });
    },
    onHide() {
      clearInterval(this.data.timer);
    },
    onUnload() {
      clearInterval(this.data.timer);
    },
    map(): Promise<MapOut> {
      const window = this.data.from ? `&start=${this.data.from}&end=${this.data.to}` : "";
      return get<MapOut>(`/areas/${this.data.area}/map?date=${this.data.date}${window}`);
    },
    load() {
      return attempt(this, async () => {
        const map = await this.map();
        wx.setNavigationBarTitle({ title: `${map.area.name} ${this.data.date.slice(5)}` });
        // Full of seats that a finger can hit; smaller down to the whole of it.
        const { windowWidth, windowHeight } = wx.getWindowInfo();
        const [wide, high] = [(windowWidth - MARGIN_PX) / map.width, (windowHeight * PART_OF_HEIGHT) / map.height];
        const scale = Math.min(1, Math.max(wide, high));
        const smallest = Math.min(1, wide, high);
        this.setData({ width: map.width, height: map.height, marks: map.marks, scale, smallest, ...changed(this.data.seats, map) });
      });
    },
    /** What is shown stays where the network does not answer. */
    async refresh() {
      try {
        const change = changed(this.data.seats, await this.map());
        this.setData({ ...change, stale: "" });
        const id = this.data.seat?.id;
        if (id) this.setData({ seat: this.data.seats.find((seat) => seat.id === id) ?? null });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ stale: t("stale") });
      }
    },
    larger() { this.setData({ scale: Math.min(LARGEST, this.data.scale * STEP) }); },
    smaller() { this.setData({ scale: Math.max(this.data.smallest, this.data.scale / STEP) }); },
    scaled(event: WechatMiniprogram.CustomEvent<{ scale: number }>) {
      // Pinched: kept for the buttons, without drawing anew.
      this.data.scale = event.detail.scale;
    },
    other() { this.setData({ list: !this.data.list }); },

    choose(event: WechatMiniprogram.TouchEvent) {
      void this.pick(String(event.currentTarget.dataset.id));
    },
    async pick(id: string) {
      const seat = this.data.seats.find((s) => s.id === id);
      if (seat === undefined || seat.status === "disabled" || this.data.busy) return;
      this.setData({
        seat, liked: isFavourite(id), starts: [], ends: [], start: "", end: "", none: false, refused: "", near: [], mayWait: false,
        waiting: "", done: null, key: tap(),
      });
      await this.ask(async () => {
        const { starts = [] } = await get<TimesOut>(`/seats/${id}/times?date=${this.data.date}`);
        if (this.data.seat?.id !== id) return; // another one was chosen meanwhile
        const start = starts.find((s) => s.value === this.data.from) ?? starts[0];
        this.setData({ starts, none: start === undefined, mayWait: start === undefined && this.data.from !== "" });
        if (start) await this.from(start.value);
      });
    },
    /** The ends that are free for a start; the one that was looked for, or the latest. */
    async from(start: string) {
      const id = this.data.seat?.id ?? "";
      const { ends = [] } = await get<TimesOut>(`/seats/${id}/times?date=${this.data.date}&start=${start}`);
      if (this.data.seat?.id !== id) return;
      const kept = ends.find((e) => e.value === (this.data.end || this.data.to)) ?? ends[ends.length - 1];
      this.setData({ start, ends, end: kept?.value ?? "", key: tap() });
    },
    startAt(event: WechatMiniprogram.TouchEvent) {
      void this.ask(() => this.from(String(event.currentTarget.dataset.value)));
    },
    endAt(event: WechatMiniprogram.TouchEvent) {
      this.setData({ end: String(event.currentTarget.dataset.value), key: tap() });
    },
    async ask(work: () => Promise<void>) {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
      }
    },
    close() {
      this.setData({ seat: null, done: null });
    },
    like() {
      const { seat, area } = this.data;
      if (seat === null) return;
      this.setData({ liked: toggle({ id: seat.id, area, label: t("seat_no", { no: seat.no }) }) });
    },

    /** A second tap while the first is under way does nothing; the key makes one of what is sent again. */
    async reserve() {
      const { seat, date, start, end, busy, key } = this.data;
      if (busy || seat === null || !end) return;
      this.setData({ busy: true, refused: "", near: [] });
      try {
        await consent("reserve");
        const r = await post<ReservationOut>("/reservations", { seat_id: seat.id, date, start, end }, key);
        this.setData({
          done: {
            label: r.seat.label,
            when: `${day(r.start)}–${clock(r.end)}`,
            note: t("reserved_note", { from: clock(r.check_in_from), until: clock(r.check_in_until) }),
          },
        });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.refuse(error);
      } finally {
        this.setData({ busy: false });
        void this.refresh();
      }
    },
    refuse(error: Refused) {
      const lost = error.code === "seat_taken";
      const near = lost ? (error.details.nearest as NearSeat[] | undefined) ?? [] : [];
      this.setData({ refused: error.message, near, mayWait: lost, ...(error.status ? { key: tap() } : {}) });
    },
    /** Another seat for the same time. */
    async instead(event: WechatMiniprogram.TouchEvent) {
      const { start, end } = this.data;
      this.setData({ from: start === "now" ? this.data.from : start, to: end });
      await this.pick(String(event.currentTarget.dataset.id));
    },
    async wait() {
      if (this.data.busy) return;
      this.setData({ busy: true, refused: "" });
      const { area, date } = this.data;
      try {
        await consent("wait");
        const start = this.data.start || this.data.from;
        const place = await post<WaitOut>("/waits", { area_id: area, date, start, end: this.data.end || this.data.to });
        this.setData({ waiting: t("waiting", { n: place.ahead ?? 0 }), mayWait: false, near: [] });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
    see() {
      wx.switchTab({ url: "/pages/index/index" });
    },
  },
});
