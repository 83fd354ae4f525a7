import { get } from "../../api/client";
import type { ReservationDetail } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { day } from "../../lib/clock";
import { poll, still } from "../../lib/polling";
import { named, period, placeOf, stateOf, t, words } from "../../lib/texts";

interface Line { at: string; text: string }

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    id: "",
    r: null as ReservationDetail | null,
    live: false,
    state: "",
    place: "",
    when: "",
    receipt: "",
    made: "",
    lines: [] as Line[],
    timer: 0,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("detail_page") });
      this.setData({ words: words("history", "fault"), id: query.id ?? "" });
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
    load() {
      return attempt(this, async () => {
        const r = await get<ReservationDetail>(`/reservations/${this.data.id}`);
        this.setData({
          r,
          live: ["reserved", "in_use", "away", "offered"].includes(r.state),
          state: stateOf(r),
          place: placeOf(r.seat),
          when: period(r),
          receipt: t("receipt", { n: r.receipt }),
          made: t("made_at", { at: day(r.created_at) }),
          lines: r.history.map((entry) => ({ at: day(entry.at), text: named("event", entry.event) })),
        });
      });
    },
  },
});
