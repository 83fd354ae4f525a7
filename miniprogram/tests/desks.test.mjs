// Desks on a plan: between seats that face one another.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const { desksOf } = createRequire(import.meta.url)("../lib/desks.js");

const seats = (...places) => places.map(([x, y], n) => ({ id: String(n), x, y }));

test("a desk stands between seats that face one another, a table among four sides, none across an aisle or a wall", () => {
  const map = (places, marks = []) => ({ width: 1000, height: 1000, marks, seats: seats(...places) });
  const rows = [[200, 200], [244, 200], [200, 264], [244, 264]];
  assert.deepEqual(desksOf(map(rows)), { desks: [{ x: 198, y: 242, w: 88, h: 20 }], backs: { 0: "top", 1: "top", 2: "bottom", 3: "bottom" } });
  assert.deepEqual(desksOf(map(rows.map(([x, y]) => [y, x]))).backs, { 0: "left", 1: "left", 2: "right", 3: "right" });
  assert.deepEqual(desksOf(map(rows, [{ kind: "wall", x: 200, y: 250, w: 90, h: 4 }])).desks, []);
  const aisle = desksOf(map([[200, 200], [200, 300], [200, 950]]));
  assert.deepEqual([aisle.desks, aisle.backs[2]], [[], "top"]);
  const table = desksOf(map([[244, 200], [244, 340], [200, 270], [310, 270]]));
  assert.deepEqual([table.desks.length, table.backs], [2, { 0: "top", 1: "bottom", 2: "left", 3: "right" }]);
});
