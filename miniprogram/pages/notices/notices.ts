import { get } from "../../api/client";
import type { NoticeOut, Page as PageOf } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { day } from "../../lib/clock";
import { t, words } from "../../lib/texts";

type Row = NoticeOut & { when: string };

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[], page: 1, total: 0, busy: false },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("notices") });
      this.setData({ words: words("empty", "more") });
      void this.load();
    },
    async onPullDownRefresh() {
      await this.load();
      wx.stopPullDownRefresh();
    },
    onReachBottom() {
      void this.more();
    },
    load() {
      return attempt(this, () => this.show(1));
    },
    async show(page: number) {
      const found = await get<PageOf<NoticeOut>>(`/notices?page=${page}`);
      const rows = found.items.map((notice) => ({ ...notice, when: day(notice.published_at) }));
      this.setData({ rows: page === 1 ? rows : [...this.data.rows, ...rows], page, total: found.total });
    },
    async more() {
      if (this.data.busy || this.data.rows.length >= this.data.total) return;
      this.setData({ busy: true });
      await attempt(this, () => this.show(this.data.page + 1));
      this.setData({ busy: false });
    },
    open(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/pages/notices/notice?id=${String(event.currentTarget.dataset.id)}` });
    },
  },
});
