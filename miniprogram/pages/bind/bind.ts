import { Refused, get, post, remember } from "../../api/client";
import type { BindingOut, BindingPreviewOut, BindingRequestOut, BindingStateOut } from "../../api/types";
import { agreed, agreedToGuide, copy, openGuide, written } from "../../lib/ask";
import { clock } from "../../lib/clock";
import { library } from "../../lib/library";
import { activationIn, decoded, keep, secretIn, take } from "../../lib/scan";
import { baseUrl } from "../../lib/school";
import { offerSchool, scannedHere } from "../../lib/schools";
import { t, words } from "../../lib/texts";

const DIGITS = 6;
const NO_BOXES = ["", "", "", "", "", ""];
/** How often the page asks whether the reader has answered on the web. */
const PERIOD_MS = 3000;

Component({
  data: {
    words: {} as Record<string, string>,
    address: "",
    digits: "",
    typed: "",
    boxes: NO_BOXES,
    wrong: "",
    busy: false,
    /** The number that the web page shows too, while the reader's answer is waited for. */
    match: "",
    until: "",
    timer: 0,
    left: false,
    /** The box: the reader agrees that number and name are taken. */
    agrees: false,
    /** A code that WeChat's own scanner has read, and that waits for the box. */
    brought: "",
    /** Whether the library has a review code out. */
    review: false,
    /** For whom the service is, and how the library is reached. */
    audience: "",
    contact: "",
    /** Where the reader was when they were asked to bind. */
    back: "",
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("bind_page") });
      this.setData({
        words: words(
          "bind_title", "bind_hint", "bind_next", "bind_copy", "bind_submit", "bind_digits", "bind_scan", "bind_or",
          "bind_wait_title", "bind_wait_hint", "bind_wait_other", "bind_wait_again",
          "bind_visitors", "bind_review", "bind_around", "bind_agree", "privacy_page", "privacy_guide_name",
        ),
        address: `${baseUrl()}/activation`,
        back: decoded(query.back),
      });
      void this.forWhom();
      const brought = take();
      const secret = activationIn(brought);
      if (secret) this.setData({ brought: secret, wrong: t("bind_agree_first") });
      else keep(brought);
    },
    /** What waited for it goes on. */
    agree() {
      const { agrees, brought, digits } = this.data;
      this.setData({ agrees: !agrees, wrong: "", brought: "" });
      if (agrees) return;
      if (brought) void this.ask(brought);
      else if (digits.length === DIGITS) void this.submit();
    },
    /** Whether the box is ticked; says so where it is not. */
    mayAsk(): boolean {
      if (!this.data.agrees) this.setData({ wrong: t("bind_agree_first") });
      return this.data.agrees;
    },
    privacy() {
      wx.navigateTo({ url: "/pages/privacy/privacy" });
    },
    guide() {
      openGuide();
    },
    /** Somebody who left while waiting finds it again. */
    onShow() {
      void this.look();
    },
    onHide() {
      clearInterval(this.data.timer);
    },
    /** What is answered after this leads nowhere: the reader is somewhere else. */
    onUnload() {
      clearInterval(this.data.timer);
      this.setData({ left: true });
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
    async forWhom() {
      try {
        const { audience, name, contact, review } = await library();
        this.setData({ audience: audience || t("audience", { name }), contact: contact.join(" · "), review });
      } catch (error) {
        if (!(error instanceof Refused)) throw error; // binding does not need it
      }
    },
    copy() {
      copy(this.data.address);
    },
    /** The code that the library gave to whoever reviews the program, or its link. */
    async handIn() {
      if (!this.mayAsk()) return;
      const text = await written(t("bind_review"), t("bind_review_hint"));
      if (!text || (await offerSchool(text)) !== "none") return;
      const secret = secretIn(text);
      if (secret) await this.ask(secret);
      else this.setData({ wrong: t("bind_review_other") });
    },
    around() {
      wx.reLaunch({ url: "/pages/index/index" });
    },
    async scan() {
      if (this.data.busy || !this.mayAsk()) return;
      this.setData({ wrong: "" });
      try {
        const text = await scannedHere(t("bind_scan_failed"));
        if (text === "") return;
        const secret = activationIn(text);
        if (secret) await this.ask(secret);
        else this.setData({ wrong: t("bind_scan_other") });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ wrong: error.message });
      }
    },
    /** Whose code it is, and whether that is meant: somebody may hold another reader's code before the camera. */
    async ask(secret: string) {
      await this.attempt(async () => {
        const whose = await post<BindingPreviewOut>("/bindings/preview", { activation_code: secret });
        if (await agreed(t("bind_ask", { name: whose.name_masked, no: whose.student_no_masked }))) await this.bind(secret);
      });
    },
    async submit() {
      if (this.data.digits.length < DIGITS || !this.mayAsk()) return;
      const refused = await this.attempt(() => this.bind(this.data.digits));
      // What could not even be asked stays, to be sent again.
      if (refused !== null && refused.status !== 0) this.empty();
    },
    /** One thing at a time. What was refused is said, and returned. */
    async attempt(work: () => Promise<void>): Promise<Refused | null> {
      if (this.data.busy) return null;
      this.setData({ busy: true, wrong: "" });
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === "already_bound") {
          this.leave();
          return null;
        }
        this.setData({ wrong: error.message });
        return error;
      } finally {
        this.setData({ busy: false });
      }
      return null;
    },
    async bind(code: string) {
      await agreedToGuide();
      const bound = await post<BindingOut | BindingRequestOut>("/bindings", { activation_code: code });
      if ("reader" in bound) this.done(bound.reader.name);
      else this.wait(bound);
    },
    done(name: string) {
      if (!this.data.left) wx.showToast({ title: t("bind_done", { name }), icon: "none" });
      this.leave();
    },
    leave() {
      clearInterval(this.data.timer);
      if (this.data.left) return;
      this.setData({ left: true });
      remember(true);
      wx.reLaunch({ url: this.data.back || "/pages/index/index" });
    },
    empty() {
      this.setData({ typed: this.data.digits }); // so that emptying it is a change
      this.setData({ digits: "", typed: "", boxes: NO_BOXES });
    },
    /** The digits were right, and count when the reader says so on the web page. */
    wait(request: BindingRequestOut) {
      if (this.data.left) return;
      clearInterval(this.data.timer);
      const timer = setInterval(() => { void this.look(); }, PERIOD_MS);
      this.empty();
      this.setData({
        match: request.match_number,
        until: t("bind_wait_until", { at: clock(request.expires_at) }),
        timer: timer as unknown as number,
      });
    },
    /** How it stands. Where nobody answers, what is shown stays, and is asked again. */
    async look() {
      const waited = this.data.match !== "";
      let now: BindingStateOut;
      try {
        now = await get<BindingStateOut>("/binding-requests/current");
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return;
      }
      if (this.data.busy || waited !== (this.data.match !== "")) return; // something else was done meanwhile
      if (now.state === "pending" && now.request !== null) {
        if (now.request.match_number !== this.data.match) this.wait(now.request);
      } else if (now.reader !== null) {
        this.done(now.reader.name);
      } else if (waited) {
        this.again();
        this.setData({ wrong: t(now.state === "refused" ? "bind_refused" : "bind_expired") });
      }
    },
    /** Back to the way in. */
    again() {
      clearInterval(this.data.timer);
      this.setData({ match: "", wrong: "" });
    },
  },
});
