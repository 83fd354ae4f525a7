import { get } from "../../api/client";
import type { NoticeDetail } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { copy } from "../../lib/ask";
import { day } from "../../lib/clock";
import type { Link } from "../../lib/notice";
import { linksIn, quiet } from "../../lib/notice";
import { shared } from "../../lib/share";
import { t, words } from "../../lib/texts";

Component({
  data: { ...LOADING, words: {} as Record<string, string>, id: "", notice: null as NoticeDetail | null, when: "", links: [] as Link[] },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("notices") });
      this.setData({ words: words("notice_links", "notice_copy"), id: query.id ?? "" });
      void this.load();
    },
    load() {
      return attempt(this, async () => {
        const notice = await get<NoticeDetail>(`/notices/${this.data.id}`);
        this.setData({ notice: { ...notice, body_html: quiet(notice.body_html) }, when: day(notice.published_at), links: linksIn(notice.body_html) });
      });
    },
    onShareAppMessage() {
      return shared(`pages/notices/notice?id=${this.data.id}`, this.data.notice?.title);
    },
    /** A page of this program opens; any other address is copied, for a browser. */
    follow(event: WechatMiniprogram.TouchEvent) {
      const link = this.data.links[Number(event.currentTarget.dataset.n)];
      if (link === undefined) return;
      if (link.page === "") copy(link.address);
      else if (link.page === "/pages/seats/seats") wx.switchTab({ url: link.page });
      else wx.navigateTo({ url: link.page });
    },
  },
});
