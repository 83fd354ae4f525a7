// A seat in its place, at the head of a card: the part of the plan around it.

import type { Glimpse } from "../../lib/plan";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    /** Null until the plan is there. */
    of: { type: Object, value: null as Glimpse | null },
  },
});
