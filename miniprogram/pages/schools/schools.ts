import { Refused } from "../../api/client";
import { LOADING } from "../../lib/attempt";
import { chosenSchool } from "../../lib/school";
import type { School } from "../../lib/schools";
import { choose, directory } from "../../lib/schools";
import { t, words } from "../../lib/texts";

/** A list that is longer has a field to search it. */
const LONG = 8;

type Row = School & { on: boolean };

const plain = (text: string): string => text.toLowerCase().replace(/\s+/g, "");

Component({
  data: {
    ...LOADING,
    words: {} as Record<string, string>,
    all: [] as Row[],
    rows: [] as Row[],
    wanted: "",
    searches: false,
    /** Why the reader's school cannot be used. */
    lost: "",
  },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("schools_page") });
      this.setData({ words: words("schools_lead", "schools_search", "schools_empty", "schools_none", "school_paused", "school_back") });
      void this.load();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    async load() {
      this.setData({ loading: !this.data.ready, wrong: "", wait: 0 });
      try {
        const own = chosenSchool();
        const all = (await directory()).map((one) => ({ ...one, on: one.url === own?.url }));
        const there = all.find((one) => one.on);
        const lost = own && (!there || there.suspended) ? t(there ? "school_suspended" : "school_left", { name: own.name }) : "";
        this.setData({ all, searches: all.length > LONG, ready: true, loading: false, lost });
        this.filter();
      } catch (error) {
        this.setData({ loading: false });
        if (!(error instanceof Refused)) throw error;
        this.setData({ wrong: error.message });
      }
    },
    search(event: WechatMiniprogram.Input) {
      this.setData({ wanted: event.detail.value });
      this.filter();
    },
    filter() {
      const wanted = plain(this.data.wanted);
      this.setData({ rows: this.data.all.filter(({ name, title, url }) => plain(`${name} ${title} ${url}`).includes(wanted)) });
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const row = this.data.rows.find(({ url }) => url === event.currentTarget.dataset.url);
      if (row === undefined) return;
      if (row.suspended) wx.showToast({ title: t("school_suspended", { name: row.name }), icon: "none" });
      else choose(row);
    },
    /** The directory may be wrong for a while: whoever wants to may try. */
    stay() {
      wx.reLaunch({ url: "/pages/index/index" });
    },
  },
});
