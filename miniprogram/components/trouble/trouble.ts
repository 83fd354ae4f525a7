// What went wrong in loading, and another try: by hand, or by itself where the service says when, or when there is a
// network again.

import { stop, whenBack } from "../../lib/network";
import { t } from "../../lib/texts";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    wrong: { type: String, value: "" },
    /** Seconds until the service wants to be asked again; 0 where it says nothing. */
    wait: { type: Number, value: 0 },
  },
  data: { left: 0, retry: "", counting: "", timer: 0, waiting: 0 },
  observers: {
    "wrong, wait"(wrong: string, wait: number) {
      clearInterval(this.data.timer);
      stop(this.data.waiting);
      if (!wrong) return;
      this.hear();
      this.setData({ retry: t("retry"), left: wait, counting: wait ? t("retry_in", { s: wait }) : "" });
      if (wait) this.run();
    },
  },
  lifetimes: {
    detached() {
      clearInterval(this.data.timer);
      stop(this.data.waiting);
    },
  },
  pageLifetimes: {
    show() {
      if (this.data.wrong) this.hear();
      if (this.data.wrong && this.data.left) this.run();
    },
    hide() {
      clearInterval(this.data.timer);
      stop(this.data.waiting);
    },
  },
  methods: {
    /** Listens for a network, while this is shown and something is wrong. */
    hear() {
      stop(this.data.waiting);
      this.setData({ waiting: whenBack(() => { this.again(); }) });
    },
    run() {
      clearInterval(this.data.timer);
      this.setData({ timer: setInterval(() => { this.count(); }, 1000) as unknown as number });
    },
    count() {
      const left = this.data.left - 1;
      if (left <= 0) this.again();
      else this.setData({ left, counting: t("retry_in", { s: left }) });
    },
    again() {
      clearInterval(this.data.timer);
      this.triggerEvent("retry");
    },
  },
});
