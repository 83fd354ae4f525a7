// Where the desks of a plan stand, and on which side of a seat its back is: seats that face one another across a
// gap of the depth of a desk have one between them.

import type { MarkOut, SeatMapOut } from "../api/types";

export interface Rect { x: number; y: number; w: number; h: number }
export type Back = "top" | "bottom" | "left" | "right";
export interface Desks { desks: Rect[]; backs: Record<string, Back> }

const SEAT_PX = 40;
/** Seats that face one another are as far apart as this, and round a table as far as that; their middles are in line. */
const NARROWEST_PX = 20;
const WIDEST_PX = 48;
const TABLE_PX = 112;
const ASKEW_PX = 4;
const AT_WALL_PX = 40;
/** A desk ends with its seats, and goes on to the next ones. */
const GAP_PX = 2;
const BETWEEN_PX = 8;

interface Place { id: string; x: number; y: number }
interface Pair { gap: number; first: Place; second: Place; across: boolean; desk: Rect }

const meets = (a: Rect, b: Rect): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** What nothing may stand on of a seat: its corners may touch a table's. */
const within = (x: number, y: number): Rect => ({ x: x + BETWEEN_PX, y: y + BETWEEN_PX, w: SEAT_PX - 2 * BETWEEN_PX, h: SEAT_PX - 2 * BETWEEN_PX });

/** The next seat to the right of each one (`across`), or below it, where it is near enough. */
function facing(seats: readonly Place[], across: boolean): Pair[] {
  return seats.flatMap((first) => {
    const apart = (second: Place): number => (across ? second.x - first.x : second.y - first.y) - SEAT_PX;
    const near = seats
      .filter((second) => Math.abs(across ? second.y - first.y : second.x - first.x) <= ASKEW_PX && apart(second) >= 0 && apart(second) <= TABLE_PX)
      .sort((a, b) => apart(a) - apart(b))[0];
    if (near === undefined || apart(near) < NARROWEST_PX) return [];
    const gap = apart(near);
    const desk = across
      ? { x: first.x + SEAT_PX + GAP_PX, y: first.y - GAP_PX, w: gap - 2 * GAP_PX, h: SEAT_PX + 2 * GAP_PX }
      : { x: first.x - GAP_PX, y: first.y + SEAT_PX + GAP_PX, w: SEAT_PX + 2 * GAP_PX, h: gap - 2 * GAP_PX };
    return [{ gap, first, second: near, across, desk }];
  });
}

/** Desks side by side are one. */
function joined(desks: readonly Rect[], across: boolean): Rect[] {
  const [along, deep] = across ? (["y", "h"] as const) : (["x", "w"] as const);
  const [beside, thick] = across ? (["x", "w"] as const) : (["y", "h"] as const);
  const whole: Rect[] = [];
  for (const desk of [...desks].sort((a, b) => a[beside] - b[beside] || a[along] - b[along])) {
    const last = whole[whole.length - 1];
    if (last && last[beside] === desk[beside] && last[thick] === desk[thick] && desk[along] - last[along] - last[deep] <= BETWEEN_PX) {
      last[deep] = desk[along] + desk[deep] - last[along];
    } else whole.push({ ...desk });
  }
  return whole;
}

/** A seat alone looks to the wall that it stands at. */
function alone({ x, y }: Place, map: SeatMapOut): Back {
  if (map.height - y - SEAT_PX < AT_WALL_PX) return "top";
  if (x < AT_WALL_PX) return "right";
  return map.width - x - SEAT_PX < AT_WALL_PX ? "left" : "bottom";
}

export function desksOf(map: SeatMapOut): Desks {
  const backs: Record<string, Back> = {};
  const isFree = (desk: Rect): boolean => !map.marks.some((mark: MarkOut) => meets(mark, desk)) && !map.seats.some(({ x, y }) => meets(within(x, y), desk));
  const pairs = [...facing(map.seats, false), ...facing(map.seats, true)].filter(({ desk }) => isFree(desk)).sort((a, b) => a.gap - b.gap);
  const far = pairs.filter(({ gap }) => gap > WIDEST_PX);
  // Round a table others sit at its other sides; an aisle has nobody there.
  const round = far.filter((one) => far.some((other) => other.across !== one.across && meets(other.desk, one.desk)));
  const taken: Pair[] = [];
  for (const pair of [...round, ...pairs.filter(({ gap }) => gap <= WIDEST_PX)]) {
    const { first, second, across } = pair;
    if (backs[first.id] || backs[second.id]) continue;
    backs[first.id] = across ? "left" : "top";
    backs[second.id] = across ? "right" : "bottom";
    taken.push(pair);
  }
  for (const seat of map.seats) backs[seat.id] ??= alone(seat, map);
  const of = (across: boolean): Rect[] => joined(taken.filter((pair) => pair.across === across).map(({ desk }) => desk), across);
  return { desks: [...of(false), ...of(true)], backs };
}
