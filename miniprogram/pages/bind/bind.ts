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
    typed: "",
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
    /** Typed or pasted: whatever stands around the digits is left out. WeChat puts what this returns into the input. */
    type(event: WechatMiniprogram.Input): string {
      const digits = event.detail.value.replace(/\D/g, "").slice(0, DIGITS);
      if (digits !== this.data.digits) {
        const boxes = Array.from({ length: DIGITS }, (_, n) => digits[n] ?? "");
        this.setData({ digits, boxes, wrong: "" });
        if (digits.length === DIGITS) void this.submit();
      }
      return digits;
    },
    copy() {
      wx.setClipboardData({
        data: this.data.address,
        success: () => { wx.showToast({ title: t("bind_copied") }); },
        fail: () => { wx.showToast({ title: t("bind_copy_failed"), icon: "none" }); },
      });
    },
    async submit() {
      if (this.data.busy || this.data.digits.length < DIGITS) return;
      this.setData({ busy: true, wrong: "" });
      try {
        const bound = await post<BindingOut>("/bindings", { activation_code: this.data.digits });
        wx.showToast({ title: t("bind_done", { name: bound.reader.name }), icon: "none" });
        wx.reLaunch({ url: "/pages/index/index" });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === "already_bound") {
          wx.reLaunch({ url: "/pages/index/index" });
          return;
        }
        this.setData({ wrong: error.message });
        // What could not even be asked stays, to be sent again.
        if (error.status !== 0) {
          this.setData({ typed: this.data.digits }); // so that emptying it is a change
          this.setData({ digits: "", typed: "", boxes: ["", "", "", "", "", ""] });
        }
      } finally {
        this.setData({ busy: false });
      }
    },
  },
});
