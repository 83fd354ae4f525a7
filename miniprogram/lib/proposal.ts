// The one seat that is proposed first, in words.

import type { ProposedSeatOut } from "../api/types";
import { clock, dayAt, now } from "./clock";
import { aroundArea, fromTo, seatInArea, t } from "./texts";

/** `map` is the path of its area's plan for that time, as the page of the plan asks for it. `together`: seats beside it may be held for friends. */
export interface Proposed { id: string; seat: string; until: string; place: string; take: string; why: string; query: string; map: string; together: boolean }

const WHY = { known: "proposed_known", near: "proposed_near", roomy: "proposed_roomy" } as const;

export function proposedOf(found: ProposedSeatOut): Proposed {
  const { seat, start, end } = found;
  const { from, to } = fromTo(start, end);
  const day = found.date === dayAt(now()) ? "" : `${t("tomorrow")} `;
  const time = `date=${found.date}&start=${start}&end=${end}`;
  return {
    id: seat.id,
    seat: seatInArea(seat),
    until: found.free_until ? t("free_until", { at: clock(found.free_until) }) : "",
    place: aroundArea(seat),
    take: t("proposed_take", { from: day + from, to }),
    why: t(WHY[found.reason], { no: found.near }),
    query: `area=${seat.area_id}&seat=${seat.id}&${time}`,
    map: `/areas/${seat.area_id}/map?${time}`,
    together: found.together ?? false,
  };
}
