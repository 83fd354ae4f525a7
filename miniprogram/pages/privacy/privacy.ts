import type { KeepingOut } from "../../api/types";
import { openGuide } from "../../lib/ask";
import { LOADING, attempt } from "../../lib/attempt";
import { library } from "../../lib/library";
import type { Text } from "../../lib/texts";
import { t, words } from "../../lib/texts";

interface Kept { name: string; text: string }

/** What is kept, and which of the library's times counts for it. */
const KEPT: ReadonlyArray<readonly [Text, Text, keyof KeepingOut]> = [
  ["privacy_person", "privacy_person_why", "visitors"],
  ["privacy_wechat", "privacy_wechat_why", "visitors"],
  ["privacy_stays", "privacy_stays_why", "reservations"],
  ["privacy_parties", "privacy_parties_why", "reservations"],
  ["privacy_rooms", "privacy_rooms_why", "reservations"],
  ["privacy_seasons", "privacy_seasons_why", "reservations"],
  ["privacy_starts", "privacy_starts_why", "reservations"],
  ["privacy_violations", "privacy_violations_why", "reservations"],
  ["privacy_gates", "privacy_gates_why", "movements"],
  ["privacy_messages", "privacy_messages_why", "messages"],
  ["privacy_words", "privacy_words_why", "feedback"],
  ["privacy_staff", "privacy_staff_why", "audit"],
];

Component({
  data: { ...LOADING, words: {} as Record<string, string>, rows: [] as Kept[], contact: "" },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("privacy_page") });
      this.setData({ words: words("privacy_lead", "privacy_phone", "privacy_rights", "privacy_guide") });
      void this.load();
    },
    load() {
      return attempt(this, async () => {
        const { keeping, contact } = await library();
        const rows = KEPT.map(([name, text, kept]) => ({ name: t(name), text: t(text, { days: keeping[kept] }) }));
        this.setData({ rows, contact: contact.join(" · ") });
      });
    },
    guide() {
      openGuide();
    },
  },
});
