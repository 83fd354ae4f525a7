// 学期座位与储物柜: the seasons, newest first.

import { get } from "../../api/client";
import type { SeasonOut, SeasonsOut } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { aboutSeason } from "../../lib/seasons";
import { named, t, words } from "../../lib/texts";

interface Row { id: string; title: string; stage: string; about: string[] }

const rowOf = (s: SeasonOut): Row => ({ id: s.id, title: s.title, stage: named("season_stage", s.stage), about: aboutSeason(s) });

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[] },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("seasons_page") });
      this.setData({ words: words("seasons_lead", "seasons_none") });
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
        const { items } = await get<SeasonsOut>("/seasons");
        this.setData({ rows: items.map(rowOf) });
      });
    },
    season(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/seasons/season?id=${String(event.currentTarget.dataset.id)}` });
    },
  },
});
