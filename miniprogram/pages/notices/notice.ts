import { get } from "../../api/client";
import type { NoticeDetail } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { day } from "../../lib/clock";
import { t, words } from "../../lib/texts";

Component({
  data: { ...LOADING, words: {} as Record<string, string>, id: "", notice: null as NoticeDetail | null, when: "" },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("notices") });
      this.setData({ words: words("loading"), id: query.id ?? "" });
      void this.load();
    },
    load() {
      return attempt(this, async () => {
        const notice = await get<NoticeDetail>(`/notices/${this.data.id}`);
        this.setData({ notice, when: day(notice.published_at) });
      });
    },
  },
});
