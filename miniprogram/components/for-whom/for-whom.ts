// Who looks around without being bound reads here for whom the service is, and how to get in.

import { Refused } from "../../api/client";
import { library } from "../../lib/library";
import { t, words } from "../../lib/texts";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    /** The page to come back to, with its query; the first one where it is empty. */
    back: { type: String, value: "" },
  },
  data: { words: {} as Record<string, string>, audience: "" },
  lifetimes: {
    attached() {
      this.setData({ words: words("bind_page", "look_around") });
      void this.ask();
    },
  },
  methods: {
    async ask() {
      try {
        const { audience, name } = await library();
        this.setData({ audience: audience || t("audience", { name }) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error; // the page says it
      }
    },
    bind() {
      wx.navigateTo({ url: `/pages/bind/bind?back=${encodeURIComponent(this.data.back)}` });
    },
  },
});
