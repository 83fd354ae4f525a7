// What the library says of itself. WeChat's templates are kept: a tap that asks for consent cannot wait for them.

import { Refused, get } from "../api/client";
import type { LibraryOut, TemplateOut } from "../api/types";

const TEMPLATES = "templates";
let learnt: Promise<void> | null = null;
let rooms = false;
let seasons = false;

/** Raises: Refused. */
export async function library(): Promise<LibraryOut> {
  const found = await get<LibraryOut>("/library");
  learnt = Promise.resolve();
  rooms = found.rooms === true;
  seasons = found.seasons === true;
  wx.setStorageSync(TEMPLATES, found.templates);
  return found;
}

/** WeChat's templates as the service last named them. */
export function templates(): TemplateOut[] {
  return (wx.getStorageSync(TEMPLATES) as TemplateOut[] | "") || [];
}

/** Whether there are study rooms; an older service says nothing of it. */
export function hasRooms(): boolean {
  return rooms;
}

/** Whether there are seasons, open or over; an older service says nothing of it. */
export function hasSeasons(): boolean {
  return seasons;
}

export function forgetLibrary(): void {
  learnt = null;
  rooms = false;
  seasons = false;
  wx.removeStorageSync(TEMPLATES);
}

/** Asks for all that once a start; whoever comes meanwhile waits for the same answer. */
export function learnLibrary(): Promise<void> {
  learnt ??= library().then(() => undefined, (error: unknown) => {
    learnt = null;
    if (!(error instanceof Refused)) throw error; // the next page asks again
  });
  return learnt;
}
