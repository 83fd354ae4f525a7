import { get } from "../../api/client";
import type { CurrentReaderOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import type { Tap } from "../../lib/subscriptions";
import { ASKED, consent } from "../../lib/subscriptions";
import { named, t, words } from "../../lib/texts";

interface Row { tap: Tap; text: string; left: string }

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[], busy: false },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("subscriptions") });
      this.setData({ words: words("subs_hint", "subs_more", "subs_settings_open") });
    },
    onShow() {
      void this.load();
    },
    load() {
      return attempt(this, async () => {
        const { subscriptions, long_term } = await get<CurrentReaderOut>("/me");
        const rows = (Object.keys(ASKED) as Tap[]).map((on) => {
          // As many times as all of the group's messages can still come.
          const n = Math.min(...ASKED[on].map((name) => subscriptions[name] ?? 0));
          const lasts = n > 0 && ASKED[on].every((name) => long_term.includes(name));
          return { tap: on, text: named("subs", on), left: lasts ? t("subs_long") : t("subs_left", { n }) };
        });
        this.setData({ rows });
      });
    },
    async more(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      this.setData({ busy: true });
      await consent(event.currentTarget.dataset.tap as Tap);
      this.setData({ busy: false });
      await this.load();
    },
    settings() {
      wx.openSetting({ withSubscriptions: true });
    },
  },
});
