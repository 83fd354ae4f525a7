import { get, post } from "../../api/client";
import type { MessageOut, Page as PageOf } from "../../api/types";
import { LOADING, attempt } from "../../lib/attempt";
import { day } from "../../lib/clock";
import { t, words } from "../../lib/texts";
import { keepUnread, unreadMessages } from "../../lib/unread";

/** `page`: what the message speaks of; empty if there is none. */
type Row = MessageOut & { when: string; page: string };

function pageOf({ reservation_id, invitation, room_booking_id, season_id }: MessageOut): string {
  if (room_booking_id) return `/pages/rooms/booking?id=${room_booking_id}`;
  if (season_id) return `/pages/seasons/season?id=${season_id}`;
  if (invitation) return `/pages/together/together?invitation=${invitation}`;
  return reservation_id ? `/pages/reservation/detail?id=${reservation_id}` : "";
}

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Row[], page: 1, total: 0, busy: false },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("home_messages") });
      this.setData({ words: words("messages_empty", "more") });
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
      const found = await get<PageOf<MessageOut>>(`/messages?page=${page}`);
      const rows = found.items.map((message) => ({ ...message, when: day(message.at), page: pageOf(message) }));
      this.setData({ rows: page === 1 ? rows : [...this.data.rows, ...rows], page, total: found.total });
      // They keep their mark on the screen until the page is opened again.
      const ids = found.items.filter((message) => !message.read).map((message) => message.id);
      if (!ids.length) return;
      await post("/messages/read", { ids });
      keepUnread(unreadMessages() - ids.length);
    },
    async more() {
      if (this.data.busy || this.data.rows.length >= this.data.total) return;
      this.setData({ busy: true });
      await attempt(this, () => this.show(this.data.page + 1));
      this.setData({ busy: false });
    },
    open(event: WechatMiniprogram.TouchEvent) {
      const { page } = event.currentTarget.dataset as { page: string };
      if (page) wx.navigateTo({ url: page });
    },
  },
});
