import { Refused, drop, get } from "../../api/client";
import type { SessionOut, SessionsOut } from "../../api/types";
import { agreed } from "../../lib/ask";
import { LOADING, attempt } from "../../lib/attempt";
import { named, t, words } from "../../lib/texts";

interface Row { id: string; title: string; text: string; current: boolean }

function row(session: SessionOut): Row {
  return {
    id: session.id,
    // A browser says what it is; the others are of one kind each.
    title: session.kind === "web" ? session.name : named("session", session.kind),
    text: t("devices_since", { opened: session.opened_at, expires: session.expires_at }),
    current: session.current,
  };
}

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[], busy: false },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("devices") });
      this.setData({ words: words("devices_here", "devices_end", "devices_end_others", "devices_alone") });
    },
    onShow() {
      void this.load();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    load() {
      return attempt(this, async () => {
        const { items } = await get<SessionsOut>("/sessions");
        const rows = items.map(row);
        this.setData({ rows: [...rows.filter((one) => one.current), ...rows.filter((one) => !one.current)] });
      });
    },
    async end(event: WechatMiniprogram.TouchEvent) {
      await this.ended(t("ask_devices_end"), `/sessions/${String(event.currentTarget.dataset.id)}`);
    },
    async endOthers() {
      await this.ended(t("ask_devices_end_others"), "/sessions");
    },
    /** What was asked for is done where the reader agrees; whatever came of it, the list is as it is now. */
    async ended(question: string, path: string) {
      if (this.data.busy || !(await agreed(question))) return;
      this.setData({ busy: true });
      try {
        await drop(path);
        wx.showToast({ title: t("devices_ended"), icon: "none" });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wx.showToast({ title: error.message, icon: "none" });
      } finally {
        this.setData({ busy: false });
      }
      await this.load();
    },
  },
});
