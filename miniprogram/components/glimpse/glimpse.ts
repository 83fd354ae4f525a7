// Seats in their place, in a card: the part of the plan around them. Free ones can be picked where a page listens to it.

import type { Glimpse } from "../../lib/plan";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    /** Null until the plan is there. */
    of: { type: Object, value: null as Glimpse | null },
    /** Whether seats are picked, not only looked at. */
    picks: { type: Boolean, value: false },
  },
  methods: {
    pick(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent("pick", { id: String(event.currentTarget.dataset.id) });
    },
  },
});
