import { LOADING, attempt } from "../../lib/attempt";
import { currentReader } from "../../lib/reader";
import type { Tap } from "../../lib/subscriptions";
import { GROUPS, consent, explainOff } from "../../lib/subscriptions";
import { named, t, words } from "../../lib/texts";

/** `lasts`: it is accepted for good, and there is nothing to add. */
interface Row { tap: Tap; text: string; left: string; lasts: boolean }

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
        const { subscriptions, long_term } = await currentReader();
        const rows = (Object.keys(GROUPS) as Tap[]).map((on) => {
          // As many times as all of the group's messages can still come.
          const n = Math.min(...GROUPS[on].map((name) => subscriptions[name] ?? 0));
          const lasts = n > 0 && GROUPS[on].every((name) => long_term.includes(name));
          return { tap: on, text: named("subs", on), left: lasts ? t("subs_long") : t("subs_left", { n }), lasts };
        });
        this.setData({ rows });
      });
    },
    async more(event: WechatMiniprogram.TouchEvent) {
      if (this.data.busy) return;
      this.setData({ busy: true });
      if ((await consent(GROUPS[event.currentTarget.dataset.tap as Tap])) === "off") await explainOff();
      this.setData({ busy: false });
      await this.load();
    },
    settings() {
      wx.openSetting({ withSubscriptions: true });
    },
  },
});
