// The whole plan of an area, which fingers and two buttons move and scale. It fills what it stands in.

import type { Drawing, RoomTile, Tile } from "../../lib/plan";
import { words } from "../../lib/texts";

const LARGEST = 2.5;
const STEP = 1.4;

Component({
  options: { styleIsolation: "apply-shared" },
  properties: {
    of: { type: Object, value: null as Drawing | null },
    seats: { type: Array, value: [] as Tile[] },
    rooms: { type: Array, value: [] as RoomTile[] },
    /** The id of the seat that stands out. */
    chosen: { type: String, value: "" },
  },
  data: { words: {} as Record<string, string>, scale: 1, smallest: 1, largest: LARGEST },
  lifetimes: {
    attached() { this.setData({ words: words("larger", "smaller") }); },
  },
  observers: {
    of(drawing: Drawing | null) {
      if (drawing) this.setData({ scale: drawing.scale, smallest: drawing.smallest });
    },
  },
  methods: {
    larger() { this.setData({ scale: Math.min(LARGEST, this.data.scale * STEP) }); },
    smaller() { this.setData({ scale: Math.max(this.data.smallest, this.data.scale / STEP) }); },
    scaled(event: WechatMiniprogram.CustomEvent<{ scale: number }>) {
      // Pinched: kept for the buttons, without drawing anew.
      this.data.scale = event.detail.scale;
    },
    /** What moves under a finger is the plan, not the page. */
    hold() { return undefined; },
    pick(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent("pick", { id: String(event.currentTarget.dataset.id) });
    },
    room(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent("room", { id: String(event.currentTarget.dataset.id) });
    },
  },
});
