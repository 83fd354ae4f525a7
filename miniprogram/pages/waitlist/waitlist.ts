import { Refused, drop, get } from "../../api/client";
import type { Page as PageOf, ReservationOut, WaitlistEntryOut } from "../../api/types";
import { agreed } from "../../lib/ask";
import { LOADING, attempt } from "../../lib/attempt";
import { poll, still } from "../../lib/polling";
import { nameIn, named, period, t, words } from "../../lib/texts";

interface Row { id: string; title: string; state: string; open: boolean; offer: ReservationOut | null }

function stateOf(wait: WaitlistEntryOut): string {
  if (wait.state !== "waiting") return named("wait", wait.state);
  return wait.only_tell ? t("wait_telling") : t("wait_waiting", { n: wait.ahead ?? 0 });
}

function row(wait: WaitlistEntryOut): Row {
  return {
    id: wait.id,
    title: `${nameIn(wait.area, wait.place?.names)} ${period(wait)}`,
    state: stateOf(wait),
    open: wait.state === "waiting" || wait.state === "offered",
    offer: wait.offer,
  };
}

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[], busy: false, timer: 0 },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("waitlist") });
      this.setData({ words: words("wait_empty", "wait_leave") });
    },
    onShow() {
      void this.load();
      poll(this, () => { void this.load(); });
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
        this.setData({ rows: (await get<PageOf<WaitlistEntryOut>>("/waitlist")).items.map(row) });
      });
    },
    async leave(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy || !(await agreed(t("ask_wait_leave")))) return;
      this.setData({ busy: true });
      try {
        await drop(`/waitlist/${String(event.currentTarget.dataset.id)}`);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
      }
      this.setData({ busy: false });
      await this.load();
    },
  },
});
