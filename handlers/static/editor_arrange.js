// Where things go: in line with one another, evenly apart, on the grid, beside a neighbour, in a row.
// Things have x, y, w and h here; what comes back are places.
"use strict";

class Arrange {
  static GRID = 10;

  static box(things) {
    const x = Math.min(...things.map((one) => one.x));
    const y = Math.min(...things.map((one) => one.y));
    return {
      x,
      y,
      w: Math.max(...things.map((one) => one.x + one.w)) - x,
      h: Math.max(...things.map((one) => one.y + one.h)) - y,
    };
  }
  static align(things, side) {
    const { x, y, w, h } = Arrange.box(things);
    const place = {
      left: () => ({ x }),
      right: (one) => ({ x: x + w - one.w }),
      centre: (one) => ({ x: Math.round(x + (w - one.w) / 2) }),
      top: () => ({ y }),
      bottom: (one) => ({ y: y + h - one.h }),
      middle: (one) => ({ y: Math.round(y + (h - one.h) / 2) }),
    }[side];
    return things.map(place);
  }
  // The first and the last stay; the centres of the others get the same distance.
  static distribute(things, axis) {
    const length = axis === "x" ? "w" : "h";
    const centre = (one) => one[axis] + one[length] / 2;
    const sorted = [...things].sort((a, b) => centre(a) - centre(b));
    const first = centre(sorted[0]);
    const step = (centre(sorted[sorted.length - 1]) - first) / (sorted.length - 1);
    return things.map((one) => ({ [axis]: Math.round(first + step * sorted.indexOf(one) - one[length] / 2) }));
  }
  // The corners of seats from one point to another; null where they do not fit between them.
  static row(start, end, count, size) {
    const [dx, dy] = [end.x - start.x, end.y - start.y];
    const steps = Math.max(1, count - 1);
    const far = Math.max(Math.abs(dx), Math.abs(dy));
    if (count > 1 && far < size * steps) return null;
    return Array.from({ length: count }, (_, n) => ({
      x: Math.round(start.x + (dx * n) / steps),
      y: Math.round(start.y + (dy * n) / steps),
    }));
  }
  static onGrid(value) {
    return Math.round(value / Arrange.GRID) * Arrange.GRID;
  }
}

// Of one drag: the thing that is held comes to stand as it stood, in line with another thing, or on
// the grid, whichever is near.
class Snap {
  constructor(held, others, reach) {
    this.held = held;
    this.reach = reach;
    this.lines = {
      x: new Set(others.flatMap((one) => [one.x, one.x + one.w - held.w, one.x + (one.w - held.w) / 2])),
      y: new Set(others.flatMap((one) => [one.y, one.y + one.h - held.h, one.y + (one.h - held.h) / 2])),
    };
  }
  // How far to go on that axis instead of so far, and whether that is because of another thing.
  along(axis, distance) {
    const from = this.held[axis];
    let best = from;
    for (const line of this.lines[axis]) {
      if (Math.abs(line - from - distance) < Math.abs(best - from - distance)) best = line;
    }
    if (Math.abs(best - from - distance) <= this.reach) {
      return { by: Math.round(best) - from, line: this.lines[axis].has(best) };
    }
    return { by: Arrange.onGrid(from + distance) - from, line: false };
  }
}
