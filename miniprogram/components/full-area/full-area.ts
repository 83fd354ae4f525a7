// No seat of an area is free: the line for one, or one message when there is one.

import { Refused, get, post } from "../../api/client";
import type { VenuesOut, WaitlistEntryOut } from "../../api/types";
import { dayAt, now } from "../../lib/clock";
import { hours, startsIn } from "../../lib/hours";
import { ASKED, consent } from "../../lib/subscriptions";
import { clockAfter, t, words } from "../../lib/texts";

/** How long one usually wants to stay, in steps of the choice. */
const USUALLY = 1;

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    area: { type: String, value: "" },
    venue: { type: String, value: "" },
    date: { type: String, value: "" },
    /** The time that is looked for; empty where none is. */
    from: { type: String, value: "" },
    to: { type: String, value: "" },
    /** When a seat is free again; empty where nobody knows. */
    next: { type: String, value: "" },
    /** Features that are looked for. */
    features: { type: Array, value: [] as string[] },
  },
  data: {
    words: {} as Record<string, string>,
    text: "",
    /** What can be chosen, and in what words, where no time is looked for. */
    starts: [] as string[],
    startTexts: [] as string[],
    ends: [] as string[],
    times: [] as string[],
    start: "",
    end: "",
    said: "",
    wrong: "",
    busy: false,
  },
  lifetimes: {
    attached() { void this.prepare(); },
  },
  methods: {
    async prepare() {
      const { from, to, next, date } = this.data;
      const text = from ? t("full_then", { from, to: clockAfter(from, to) }) : next ? t("full_until", { at: next }) : t("full_now");
      this.setData({ words: words("wait", "tell", "filter_from", "filter_to", "now"), text, start: from, end: to });
      if (from) return;
      try {
        const { items } = await get<VenuesOut>("/venues");
        const day = items.find((v) => v.name === this.data.venue)?.dates.find((d) => d.date === date);
        const times = day ? hours(day) : [];
        const today = date === dayAt(now());
        const starts = [...(today && times.length ? ["now"] : []), ...times.slice(0, startsIn(times))];
        this.setData({ starts, startTexts: starts.map((start) => (start === "now" ? t("now") : start)), times });
        this.begin(0);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ wrong: error.message });
      }
    },
    /** The ends after that start, the usual one chosen. */
    begin(n: number) {
      const { times } = this.data;
      const start = this.data.starts[n] ?? "";
      const ends = start === "now" ? times : times.slice(times.indexOf(start) + 1);
      this.setData({ start, ends, end: ends[Math.min(USUALLY, ends.length - 1)] ?? "" });
    },
    from(event: WechatMiniprogram.PickerChange) {
      this.begin(Number(event.detail.value));
    },
    to(event: WechatMiniprogram.PickerChange) {
      this.setData({ end: this.data.ends[Number(event.detail.value)] ?? this.data.end });
    },
    wait() {
      return this.join(false);
    },
    tell() {
      return this.join(true);
    },
    async join(only_tell: boolean) {
      const { area, date, start, end, busy, features } = this.data;
      if (busy || !end) return;
      this.setData({ busy: true, wrong: "" });
      try {
        await consent(ASKED.wait);
        const place = await post<WaitlistEntryOut>("/waitlist", { area_id: area, date, start, end, seats: [], only_tell, ...(features.length ? { features } : {}) });
        this.setData({ said: only_tell ? t("telling") : t("waiting", { n: place.ahead ?? 0 }) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ wrong: error.message });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
