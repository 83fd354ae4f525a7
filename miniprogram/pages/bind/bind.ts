import { Refused, post } from "../../api/client";
import type { BindingOut } from "../../api/types";
import { BASE_URL } from "../../config";
import { t, words } from "../../lib/texts";

const DIGITS = 6;

Component({
  data: {
    words: {} as Record<string, string>,
    address: "",
    digits: "",
    boxes: ["", "", "", "", "", ""],
    wrong: "",
    busy: false,
  },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: t("bind_page") });
      this.setData({
        words: words("bind_title", "bind_hint", "bind_next", "bind_copy", "bind_submit", "bind_digits"),
        address: `${BASE_URL}/activation`,
      });
    },
    /** Typed or pasted: whatever stands around the digits is left out. */
    type(event: WechatMiniprogram.Input) {
      const digits = event.detail.value.replace(/\D/g, "").slice(0, DIGITS);
      const boxes = Array.from({ length: DIGITS }, (_, n) => digits[n] ?? "");
      this.setData({ digits, boxes, wrong: "" });
      if (digits.length === DIGITS) void this.submit();
    },
    copy() {
      wx.setClipboardData({ data: this.data.address, success: () => { wx.showToast({ title: t("bind_copied") }); } });
    },
    async submit() {
      if (this.data.busy || this.data.digits.length < DIGITS) return;
      this.setData({ busy: true, wrong: "" });
      try {
        const bound = await post<BindingOut>("/bindings", { activation_code: this.data.digits });
        wx.showToast({ title: t("bind_done", { name: bound.reader.name }) });
        wx.reLaunch({ url: "/pages/index/index" });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === "already_bound") {
          wx.reLaunch({ url: "/pages/index/index" });
          return;
        }
        this.setData({ wrong: error.message });
        // What could not even be asked stays, to be sent again.
        if (error.status !== 0) this.setData({ digits: "", boxes: ["", "", "", "", "", ""] });
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
