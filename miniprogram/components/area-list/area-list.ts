// The areas of one floor at a time, behind a switch of floors.

import { words } from "../../lib/texts";
import type { Floor } from "../../lib/areas";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    floors: { type: Array, value: [] as Floor[] },
    /** What stands above them, where anything does. */
    title: { type: String, value: "" },
  },
  data: { words: {} as Record<string, string>, chosen: 0 },
  lifetimes: {
    attached() { this.setData({ words: words("free", "waitlist") }); },
  },
  observers: {
    floors(floors: Floor[]) {
      if (floors.length && this.data.chosen >= floors.length) this.setData({ chosen: 0 });
    },
  },
  methods: {
    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ chosen: Number(event.currentTarget.dataset.n) });
    },
    open(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent("open", { id: String(event.currentTarget.dataset.id) });
    },
  },
});
