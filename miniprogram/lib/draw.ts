// The draw at an opening: requests of its first seconds are served in a random order.

import type { DateOut } from "../api/types";
import { clock, now } from "./clock";
import { t } from "./texts";

export const isToCome = (instant: string | null | undefined): boolean => Date.parse(instant ?? "") > now();

/** Whether requests for that day are drawn, now or when its booking opens. */
export function isDrawn(day: DateOut | null): boolean {
  return isToCome(day?.drawn_until);
}

/** Whether the draw is under way. */
export function drawsNow(day: DateOut | null): boolean {
  return isDrawn(day) && !isToCome(day?.opens_at);
}

/** What a reader should know of it; empty where there is none, or it is over. */
export function drawNote(day: DateOut | null): string {
  if (!isDrawn(day)) return "";
  return drawsNow(day) ? t("draw_now") : t("draw_opens", { at: clock(day?.opens_at ?? "") });
}
