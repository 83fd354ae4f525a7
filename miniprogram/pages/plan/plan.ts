import { Refused, get, open, post, tap } from "../../api/client";
import type { Choice, DateOut, ForecastOut, NearSeat, ReservationOut, SeatMapOut, TimesOut, VenuesOut, WaitlistEntryOut } from "../../api/types";
import { LOADING, attempt, beside } from "../../lib/attempt";
import { clock, clockAt, dayAt, minutesBetween, now } from "../../lib/clock";
import { drawNote, drawsNow, isToCome } from "../../lib/draw";
import { knownSeats, like } from "../../lib/favourites";
import type { Drawing, RoomTile, Tile } from "../../lib/plan";
import { COLUMN_PX, changed, drawingOf, legend, roomsOf, tagLegend, tilesOf } from "../../lib/plan";
import { poll, still } from "../../lib/polling";
import { has, learnFeatures } from "../../lib/seat_features";
import { shared } from "../../lib/share";
import { ASKED, consent } from "../../lib/subscriptions";
import { clockAfter, fromTo, nameIn, named, t, words } from "../../lib/texts";

/** 2 小时 15 分; full hours and what is less than one have one word. */
function lengthOf(minutes: number): string {
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  if (!h) return t("minutes", { m });
  return m ? t("hours_minutes", { h, m }) : t("hours", { hours: h });
}

/** What stands above the plan. */
const HEAD_PX = 60;

/** An end in the phone's language, with how long that is. */
interface End extends Choice { to: string; length: string; minutes: number }

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    area: "",
    name: "",
    date: "",
    from: "",
    to: "",
    /** Names of features that are looked for. */
    features: [] as string[],
    drawing: null as Drawing | null,
    list: false,
    window: "",
    stale: "",
    seats: [] as Tile[],
    rooms: [] as RoomTile[],
    /** How many seats can be had. */
    count: 0,
    expected: "",
    day: null as DateOut | null,
    /** What is said of the draw at the opening of the day. */
    draw: "",
    venue: "",
    /** Nothing is free, and the reader may wait for something; `next` is when something is. */
    full: false,
    next: "",
    legend: legend(),
    tags: [] as { sign: string; text: string }[],
    seat: null as Tile | null,
    liked: false,
    starts: [] as Choice[],
    ends: [] as End[],
    start: "",
    end: "",
    endAt: 0,
    /** The booking in one sentence, and where and until when to check in then. */
    sentence: "",
    checkIn: "",
    /** Whether seats beside it may be held for friends. */
    together: false,
    /** For the start that is chosen: the service's times for the longest stay. */
    proof: null as TimesOut | null,
    none: false,
    notThen: "",
    busy: false,
    refused: "",
    near: [] as NearSeat[],
    mayWait: false,
    favourites: [] as string[],
    waiting: "",
    key: "",
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      this.setData({
        words: words(
          "plan", "list", "start", "end", "no_times", "close", "free",
          "near", "wait", "tell", "favourite_add", "favourite_remove", "now", "fault", "reserve_bound", "together", "together_with",
        ),
        legend: legend(),
        area: query.area ?? "",
        date: query.date ?? dayAt(now()),
        from: query.start ?? "",
        to: query.end ?? "",
        features: query.features ? query.features.split(",") : [],
      });
      wx.setNavigationBarTitle({ title: t("plan") });
      if (this.data.from) this.setData({ window: t("plan_window", fromTo(this.data.from, this.data.to)) });
      void this.load().then(() => (query.seat ? this.pick(query.seat) : undefined));
    },
    onShow() {
      if (this.data.ready) void this.refresh();
      poll(this, () => { void this.refresh(); });
    },
    onHide() {
      still(this);
    },
    onUnload() {
      still(this);
    },
    async onPullDownRefresh() {
      await (this.data.ready ? this.refresh() : this.load());
      wx.stopPullDownRefresh();
    },
    onShareAppMessage() {
      return shared(this.here(), t("share_area", { name: this.data.name }));
    },
    here(): string {
      const { area, date, seat } = this.data;
      return `pages/plan/plan?area=${area}&date=${date}${seat ? `&seat=${seat.id}` : ""}`;
    },
    query(): string {
      const { date, from, to } = this.data;
      return `date=${date}${from ? `&start=${from}&end=${to}` : ""}`;
    },
    map(): Promise<SeatMapOut> {
      return get<SeatMapOut>(`/areas/${this.data.area}/map?${this.query()}`);
    },
    /** How many are usually left, never without the usual error. */
    async foretell() {
      const { items } = await beside(get<ForecastOut>(`/forecast?${this.query()}`), { items: [] });
      const found = items.find((one) => one.area_id === this.data.area);
      const fullest = !this.data.from && this.data.date !== dayAt(now());
      const expected = found ? t(fullest ? "expected_fullest" : "expected", { at: clock(found.at), free: found.free, error: found.error }) : "";
      this.setData({ expected });
    },
    load() {
      return attempt(this, async () => {
        const [map, { liked }, venues] = await Promise.all([this.map(), knownSeats(), beside(get<VenuesOut>("/venues"), { items: [] }), this.foretell()]);
        learnFeatures(venues);
        const day = venues.items.find((v) => v.name === map.area.venue)?.dates.find((d) => d.date === this.data.date) ?? null;
        const name = nameIn(map.area.name, map.area.names);
        wx.setNavigationBarTitle({ title: `${name} ${this.data.date.slice(5)}` });
        const { windowWidth, windowHeight } = wx.getWindowInfo();
        const drawing = drawingOf(map, Math.min(windowWidth, COLUMN_PX), windowHeight - HEAD_PX);
        this.judge(map);
        this.setData({ day, draw: drawNote(day), name, venue: map.area.venue, drawing, rooms: roomsOf(map), favourites: liked.map((seat) => seat.id), tags: tagLegend(), ...this.change(map) });
      });
    },
    /** What is shown stays where the network does not answer. */
    async refresh() {
      try {
        const map = await this.map();
        const change = this.change(map);
        const rooms = roomsOf(map);
        if (JSON.stringify(rooms) !== JSON.stringify(this.data.rooms)) this.setData({ rooms });
        this.setData({ ...change, stale: "", ...(this.data.busy ? {} : { draw: drawNote(this.data.day) }) });
        this.judge(map);
        const id = this.data.seat?.id;
        if (id) this.setData({ seat: this.data.seats.find((seat) => seat.id === id) ?? null });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ stale: t("stale") });
      }
    },
    change(map: SeatMapOut): Record<string, unknown> {
      return changed(this.data.seats, tilesOf(map, this.data.features));
    },
    judge(map: SeatMapOut) {
      const there = map.seats.filter((seat) => seat.status !== "disabled" && this.data.features.every((name) => has(seat, name)));
      const full = there.length > 0 && there.every((seat) => seat.status !== "free" && seat.status !== "mine");
      const next = there.map((seat) => seat.next_free ?? "").filter((at) => at !== "").sort()[0];
      const count = there.filter((seat) => seat.status === "free").length;
      if (count !== this.data.count) this.setData({ count });
      if (full !== this.data.full) this.setData({ full, next: next ? clock(next) : "" });
    },
    /** Who is not bound comes back to this seat when they are. */
    bind() {
      wx.navigateTo({ url: `/pages/bind/bind?back=${encodeURIComponent(`/${this.here()}`)}` });
    },
    /** The sheet lies over the plan: what moves under a finger is the sheet. */
    hold() { return undefined; },
    other() { this.setData({ list: !this.data.list }); },

    /** To the room's day, with the time that is looked for. */
    toRoom(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      wx.navigateTo({ url: `/pages/rooms/rooms?room=${event.detail.id}&${this.query()}` });
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      void this.pick(String(event.currentTarget.dataset.id));
    },
    chooseOnPlan(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      void this.pick(event.detail.id);
    },
    /** Shows a seat with its times; those that are looked for are chosen where they are free. */
    async pick(id: string, wanted?: { from: string; to: string }) {
      const { from, to } = wanted ?? this.data;
      const seat = this.data.seats.find((s) => s.id === id);
      if (seat === undefined || this.data.busy) return;
      if (seat.status === "disabled") {
        wx.showToast({ title: seat.said, icon: "none" });
        return;
      }
      this.setData({
        seat, draw: drawNote(this.data.day), liked: this.data.favourites.includes(id), starts: [], ends: [], start: "", end: "", sentence: "", checkIn: "", none: false, notThen: "", refused: "", near: [],
        mayWait: false, waiting: "", key: tap(),
      });
      await this.ask(async () => {
        const { starts = [], proposed } = await get<TimesOut>(`/seats/${id}/times?date=${this.data.date}`);
        if (this.data.seat?.id !== id) return; // another one was chosen meanwhile
        this.setData({ starts, none: starts.length === 0 });
        const start = from === "" ? (starts.find((s) => s.value === proposed) ?? starts[0]) : starts.find((s) => s.value === from);
        const found = start !== undefined && (await this.from(start.value, to));
        // Nothing else is chosen for a reader who wants that time.
        if (from !== "" && !found) {
          this.setData({ start: "", ends: [], end: "", sentence: "", checkIn: "", notThen: t("not_then", fromTo(from, to)), mayWait: true });
        }
      });
    },
    /** The ends that are free for a start; whether the one that was looked for is among them. */
    async from(start: string, wanted: string): Promise<boolean> {
      const id = this.data.seat?.id ?? "";
      this.setData({ start, ends: [], end: "", sentence: "", checkIn: "", notThen: "", refused: "", key: tap() });
      const proof = await get<TimesOut>(`/seats/${id}/times?date=${this.data.date}&start=${start}`);
      if (this.data.seat?.id !== id || this.data.start !== start) return true; // something else was chosen meanwhile
      const { ends = [] } = proof;
      const found = ends.find((e) => e.value === wanted);
      const since = start === "now" ? clockAt(now()) : start;
      const named = ends.map(({ value }) => {
        const minutes = minutesBetween(since, value);
        const label = clockAfter(since, value);
        return { value, label, to: t("until", { at: label }), minutes, length: lengthOf(minutes) };
      });
      this.setData({ ends: named, proof });
      this.until((found ?? ends[ends.length - 1])?.value ?? "");
      return found !== undefined;
    },
    /** Chooses that end, and says what is booked then. */
    until(value: string) {
      const { ends, start, seat, proof } = this.data;
      const end = ends.find((one) => one.value === value);
      if (end === undefined || seat === null) return;
      const since = start === "now" ? clockAt(now()) : start;
      const { check_in_from: from = "", check_in_until: until = "", check_in_by: by = "" } = proof ?? {};
      const last = minutesBetween(since, clock(until)) < end.minutes ? clockAfter(clock(from), clock(until)) : end.label;
      this.setData({
        end: value,
        endAt: ends.indexOf(end),
        sentence: t("reserve_as", { no: seat.number, from: start === "now" ? t("now") : start, to: end.label }),
        checkIn: until ? t("note_reserved", { from: clock(from), until: last, by: named("scan_by", by) }) : "",
        together: proof?.together === true && !isToCome(this.data.day?.opens_at),
      });
    },
    startAt(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      const start = String(event.currentTarget.dataset.value);
      const wanted = this.data.end || this.data.to;
      void this.ask(async () => { await this.from(start, wanted); });
    },
    endAt(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      this.setData({ key: tap() });
      this.until(String(event.currentTarget.dataset.value));
    },
    async ask(work: () => Promise<void>) {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
      }
    },
    /** What is under way tells its end here. */
    close() {
      if (!this.data.busy) this.setData({ seat: null });
    },
    fault() {
      const { seat, name } = this.data;
      if (seat !== null) wx.navigateTo({ url: `/pages/fault/fault?seat=${seat.id}&label=${encodeURIComponent(`${name} ${seat.name}`)}` });
    },
    together() {
      const { area, date, start, end, seat } = this.data;
      if (seat !== null) wx.navigateTo({ url: `/pages/together/together?area=${area}&seat=${seat.id}&date=${date}&start=${start}&end=${end}` });
    },
    async like() {
      const { seat, liked, favourites } = this.data;
      if (seat === null) return;
      await this.ask(async () => {
        const on = await like(seat.id, !liked);
        this.setData({ liked: on, favourites: on ? [...favourites, seat.id] : favourites.filter((id) => id !== seat.id) });
      });
    },

    /** A second tap while the first is under way does nothing; the key makes one of what is sent again. */
    async reserve() {
      const { seat, date, start, end, busy, key } = this.data;
      if (busy || seat === null || !end) return;
      this.setData({ busy: true, refused: "", near: [] });
      try {
        await consent(ASKED.reserve);
        if (drawsNow(this.data.day)) this.setData({ draw: t("drawing") });
        const r = await post<ReservationOut>("/reservations", { seat_id: seat.id, date, start, end }, key);
        wx.redirectTo({ url: `/pages/reservation/detail?id=${r.id}&made=1` });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.refuse(error);
        void this.refresh();
      } finally {
        this.setData({ busy: false, draw: drawNote(this.data.day) });
      }
    },
    refuse(error: Refused) {
      const lost = error.code === "seat_taken";
      const near = lost ? (error.details.nearest as NearSeat[] | undefined) ?? [] : [];
      // Only what is refused for certain makes the next tap another one.
      this.setData({ refused: error.message, near, mayWait: lost, ...(open(error) ? {} : { key: tap() }) });
    },
    /** Another seat for the same time. */
    async instead(event: WechatMiniprogram.TouchEvent) {
      const { start, end } = this.data;
      await this.pick(String(event.currentTarget.dataset.id), { from: start, to: end });
    },
    /** In line for this seat; for any of the area where none is free in that time. */
    wait() {
      return this.join(false);
    },
    /** No place in the line, and no seat is held: one message when there is one. */
    tell() {
      return this.join(true);
    },
    async join(only_tell: boolean) {
      const { seat, area, date, near, busy } = this.data;
      if (busy || seat === null) return;
      this.setData({ busy: true, refused: "" });
      const body = { area_id: area, date, start: this.data.start || this.data.from, end: this.data.end || this.data.to };
      const { features } = this.data;
      const line = (seats: string[]): Promise<WaitlistEntryOut> => post<WaitlistEntryOut>("/waitlist", { ...body, seats, only_tell, ...(features.length && !seats.length ? { features } : {}) });
      try {
        await consent(ASKED.wait);
        const place = await line(near.length ? [seat.id] : []).catch((error: unknown) => {
          // Another seat is free then; the reader may still want this one.
          if (error instanceof Refused && error.code === "seat_free") return line([seat.id]);
          throw error;
        });
        const waiting = only_tell ? t("telling") : t("waiting", { n: place.ahead ?? 0 });
        this.setData({ waiting, mayWait: false, near: [], notThen: "" });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
