// What a seat can have: what every library knows, and what this one has defined.

import type { SeatFeatureOut, SeatOut, VenuesOut } from "../api/types";
import { FEATURES } from "./features";
import { wordOf } from "./texts";

/** `sign` is a drawing. */
export interface Feature { name: string; sign: string; text: string }

let own: readonly SeatFeatureOut[] = [];

/** Keeps the library's own features. An answer without venues says nothing of them. */
export function learnFeatures(found: VenuesOut): void {
  if (found.items.length) own = found.features ?? [];
}

export function allFeatures(): Feature[] {
  return [
    ...FEATURES.map((feature) => ({ name: feature.name, sign: feature.name, text: wordOf(feature) })),
    ...own.map(({ id, icon, names }) => ({ name: id, sign: icon, text: wordOf(names) })),
  ];
}

export function has(seat: SeatOut, feature: string): boolean {
  return (seat as unknown as Record<string, unknown>)[feature] === true || (seat.features ?? []).includes(feature);
}
