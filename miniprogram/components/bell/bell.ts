// Messages, for a reader, and notices: one tap from each tab.

import { t, words } from "../../lib/texts";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    unread: { type: Number, value: 0 },
    guest: { type: Boolean, value: false },
  },
  data: { words: {} as Record<string, string>, fresh: "" },
  lifetimes: {
    attached() { this.setData({ words: words("home_messages", "notices") }); },
  },
  observers: {
    unread(n: number) { this.setData({ fresh: n ? t("home_unread", { n }) : "" }); },
  },
  methods: {
    go(event: WechatMiniprogram.TouchEvent) {
      const page = String(event.currentTarget.dataset.page);
      wx.navigateTo({ url: `/pages/${page}/${page}` });
    },
  },
});
