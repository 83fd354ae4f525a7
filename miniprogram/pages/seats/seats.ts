import { get } from "../../api/client";
import type { AreasOut, DateOut, ForecastOut, VenueOut, VenuesOut } from "../../api/types";
import type { Floor } from "../../lib/areas";
import { byFloor } from "../../lib/areas";
import { LOADING, attempt } from "../../lib/attempt";
import { clock, dayAt, now } from "../../lib/clock";
import { isDrawn } from "../../lib/draw";
import type { Known } from "../../lib/favourites";
import { knownSeats } from "../../lib/favourites";
import { poll, still } from "../../lib/polling";
import { allFeatures, learnFeatures } from "../../lib/seat_features";
import { shared } from "../../lib/share";
import { hours, noteOn, startsIn } from "../../lib/hours";
import { nameTabs } from "../../lib/tabs";
import { nameIn, t, words } from "../../lib/texts";
import { unreadMessages } from "../../lib/unread";

const HOUR_MS = 3600000;
const WEEK = 7;

interface Day { date: string; weekday: string; number: number; label: string; on: boolean; there: boolean; note: string }
interface Filter { name: string; text: string; on: boolean }

function strip(venue: VenueOut, chosen: string): Day[] {
  const first = Date.parse(`${venue.dates[0]?.date ?? ""}T00:00:00Z`);
  return Array.from({ length: WEEK }, (_, n) => {
    const at = new Date(first + n * 24 * HOUR_MS);
    const date = at.toISOString().slice(0, 10);
    const known = venue.dates.find((d) => d.date === date);
    const weekday = t("weekdays")[at.getUTCDay()] ?? "";
    const name = [t("today"), t("tomorrow")][n] ?? weekday;
    return { date, weekday, number: at.getUTCDate(), label: name, on: date === chosen, there: known !== undefined, note: known ? noteOn(known) : "" };
  });
}

function sayOf(d: DateOut, label: string): string {
  if (d.open === null) return t(d.reason ? "day_note_closed_for" : "day_note_closed", { day: label, reason: d.reason });
  if (d.opens_at !== null && Date.parse(d.opens_at) > now()) {
    return t(isDrawn(d) ? "day_note_opens_drawn" : "day_note_opens", { day: label, at: clock(d.opens_at) });
  }
  return d.bookable || d.opens_at !== null ? "" : t("day_note_over");
}

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    venues: [] as VenueOut[],
    venue: "",
    date: "",
    days: [] as Day[],
    note: "",
    times: [] as string[],
    from: "",
    to: "",
    /** Names of features that are looked for, and what the chosen day offers. */
    features: [] as string[],
    filters: [] as Filter[],
    floors: [] as Floor[],
    liked: [] as Known[],
    unread: 0,
    timer: 0,
    ticking: 0,
  },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("tab_seats") });
      this.setData({ words: words("filter", "filter_from", "filter_to", "filter_clear") });
    },
    onShow() {
      nameTabs();
      this.setData({ unread: unreadMessages() });
      void this.load();
      clearInterval(this.data.ticking);
      poll(this, () => { void this.load(); });
      this.setData({ ticking: setInterval(() => { this.tick(); }, 1000) as unknown as number });
    },
    onHide() {
      still(this);
      clearInterval(this.data.ticking);
    },
    onUnload() {
      this.onHide();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    load() {
      return attempt(this, async () => {
        const venues = await get<VenuesOut>("/venues");
        learnFeatures(venues);
        const { items } = venues;
        const venue = items.find((v) => v.id === this.data.venue) ?? items[0];
        if (venue === undefined) return;
        const kept = venue.dates.some((d) => d.date === this.data.date);
        const date = kept ? this.data.date : (venue.dates.find((d) => d.bookable) ?? venue.dates[0])?.date ?? "";
        this.setData({ venues: items.map((v) => ({ ...v, name: nameIn(v.name, v.names) })), venue: venue.id, date });
        this.draw();
        const [query, features] = [this.query(), this.looked()];
        const [areas, forecast, { liked }] = await Promise.all([get<AreasOut>(`/areas?${query}${features}`), get<ForecastOut>(`/forecast?${query}`), knownSeats()]);
        if (query !== this.query() || features !== this.looked()) return; // something else was chosen meanwhile
        const { from, to } = this.data;
        this.setData({ floors: byFloor(areas.items, { from, to, forecast: forecast.items, fullest: !from && date !== dayAt(now()) }), liked });
      });
    },
    /** The days, and the hours of the chosen one. */
    draw() {
      const venue = this.data.venues.find((v) => v.id === this.data.venue);
      const chosen = venue?.dates.find((d) => d.date === this.data.date);
      if (venue === undefined || chosen === undefined) return;
      const days = strip(venue, this.data.date);
      const offered = allFeatures().filter(({ name }) => chosen.filters?.includes(name));
      const filters = offered.map(({ name, text }) => ({ name, text, on: this.data.features.includes(name) }));
      this.setData({ filters, days, note: sayOf(chosen, days.find((d) => d.on)?.label ?? chosen.label), times: hours(chosen) });
    },
    /** The countdown runs on the service's clock; at its end the day is asked for anew. */
    tick() {
      const venue = this.data.venues.find((v) => v.id === this.data.venue);
      if (venue === undefined) return;
      const notes = strip(venue, this.data.date).map((d) => d.note);
      if (notes.every((note, n) => note === this.data.days[n]?.note)) return;
      const opened = notes.some((note, n) => note === "" && this.data.days[n]?.note !== "");
      this.draw();
      if (opened) void this.load();
    },
    onShareAppMessage() {
      return shared("pages/seats/seats");
    },
    window(): string {
      const { from, to } = this.data;
      return from ? `&start=${from}&end=${to}` : "";
    },
    /** The features that are looked for and that the day offers. */
    looked(): string {
      const names = this.data.filters.filter((one) => one.on).map((one) => one.name);
      return names.length ? `&features=${names.join(",")}` : "";
    },
    query(): string {
      return `venue=${this.data.venue}&date=${this.data.date}${this.window()}`;
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const { date, there } = event.currentTarget.dataset as { date: string; there: boolean };
      if (!there || date === this.data.date) return;
      this.setData({ date });
      this.clear();
    },
    venueOf(event: WechatMiniprogram.TouchEvent) {
      this.setData({ venue: String(event.currentTarget.dataset.id) });
      this.clear();
    },
    fromHour(event: WechatMiniprogram.PickerChange) {
      const { times, to } = this.data;
      const n = Math.min(Number(event.detail.value), startsIn(times) - 1);
      this.narrow(times[n] ?? "", times.lastIndexOf(to) > n ? to : times[n + 1] ?? "");
    },
    toHour(event: WechatMiniprogram.PickerChange) {
      const { times, from } = this.data;
      const n = Math.max(Number(event.detail.value), 1);
      const begun = times.indexOf(from);
      this.narrow(begun >= 0 && begun < n ? from : times[Math.min(n, startsIn(times)) - 1] ?? "", times[n] ?? "");
    },
    narrow(from: string, to: string) {
      this.setData({ from, to, floors: [] });
      void this.load();
    },
    feature(event: WechatMiniprogram.TouchEvent) {
      const name = String(event.currentTarget.dataset.name);
      const { features } = this.data;
      this.setData({ features: features.includes(name) ? features.filter((one) => one !== name) : [...features, name], floors: [] });
      void this.load();
    },
    clear() {
      this.setData({ from: "", to: "", floors: [] });
      void this.load();
    },
    area(event: WechatMiniprogram.CustomEvent<{ id: string }>) {
      wx.navigateTo({ url: `/pages/plan/plan?area=${event.detail.id}&date=${this.data.date}${this.window()}${this.looked()}` });
    },
    favourite(event: WechatMiniprogram.TouchEvent) {
      const seat = this.data.liked.find((liked) => liked.id === event.currentTarget.dataset.id);
      if (seat) wx.navigateTo({ url: `/pages/plan/plan?area=${seat.area}&date=${this.data.date}&seat=${seat.id}${this.window()}` });
    },
  },
});
