import { Refused, post } from "../../api/client";
import type { FaultReportOut, ReportFault } from "../../api/types";
import { named, t, words } from "../../lib/texts";

const KINDS = ["chair", "desk", "socket", "lamp", "other"] as const;

Component({
  data: {
    words: {} as Record<string, string>,
    kinds: [] as { kind: string; text: string }[],
    seat: "",
    label: "",
    kind: "" as ReportFault["kind"] | "",
    text: "",
    busy: false,
    refused: "",
    done: false,
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: t("fault") });
      this.setData({
        words: words("fault_done", "fault_what", "fault_hint", "fault_send", "fault_note", "close"),
        kinds: KINDS.map((kind) => ({ kind, text: named("fault_kind", kind) })),
        seat: query.seat ?? "",
        label: decodeURIComponent(query.label ?? ""),
      });
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ kind: event.currentTarget.dataset.kind as ReportFault["kind"], refused: "" });
    },
    type(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.data.text = event.detail.value;
    },
    /** What is refused keeps what was typed. */
    async send() {
      const { seat, kind, text, busy } = this.data;
      if (busy || kind === "") return;
      this.setData({ busy: true, refused: "" });
      try {
        await post<FaultReportOut>(`/seats/${seat}/faults`, { kind, text: text.trim() });
        this.setData({ done: true });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.setData({ refused: error.code === "malformed" ? t("fault_text_missing") : error.message, text });
      } finally {
        this.setData({ busy: false });
      }
    },
    back() {
      wx.navigateBack();
    },
  },
});
