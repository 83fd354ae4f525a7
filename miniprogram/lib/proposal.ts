// The one seat that is proposed first, in words.

import type { ProposedSeatOut } from "../api/types";
import { clock, clockAt, now } from "./clock";
import { areaOf, clockAfter, t } from "./texts";

export interface Proposed { id: string; seat: string; place: string; take: string; why: string; query: string }

const WHY = { known: "proposed_known", near: "proposed_near", roomy: "proposed_roomy" } as const;

export function proposedOf(found: ProposedSeatOut): Proposed {
  const { seat, start, end } = found;
  const since = start === "now" ? clockAt(now()) : start;
  const begin = start === "now" ? t("now") : start;
  const until = found.free_until ? ` · ${t("free_until", { at: clock(found.free_until) })}` : "";
  return {
    id: seat.id,
    seat: t("seat_no", { no: seat.no }),
    place: areaOf(seat),
    take: t("proposed_take", { from: begin, to: clockAfter(since, end) }),
    why: t(WHY[found.reason], { no: found.near }) + until,
    query: `area=${seat.area_id}&seat=${seat.id}&date=${found.date}&start=${start}&end=${end}`,
  };
}
