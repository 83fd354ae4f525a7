// What a page will look like, until it is there.

import { t } from "../../lib/texts";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    /** How many pieces. */
    pieces: { type: Number, value: 3 },
  },
  data: { said: "", shown: [] as number[] },
  lifetimes: {
    attached() {
      this.setData({ said: t("loading"), shown: Array.from({ length: this.data.pieces }, (_, n) => n) });
    },
  },
});
