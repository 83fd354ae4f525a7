// The reader as the service last said, and what a start without a network shows of them.

import { get, remember } from "../api/client";
import type { CurrentReaderOut, ReservationOut } from "../api/types";
import { now } from "./clock";
import { noteConsents } from "./subscriptions";
import { keepLanguage } from "./texts";

const LAST = "last";

/** Their reservations at a moment, in milliseconds since 1970. */
export interface LastSeen { at: number; active: ReservationOut[] }

/** Raises: Refused. */
export async function currentReader(): Promise<CurrentReaderOut> {
  const me = await get<CurrentReaderOut>("/me");
  remember(me.reader !== null);
  if (me.language) keepLanguage(me.language); // chosen on the web, perhaps; from the next start on
  noteConsents(me.subscriptions);
  if (me.reader === null) wx.removeStorageSync(LAST);
  else wx.setStorageSync(LAST, { at: now(), active: me.active });
  return me;
}

/** What is not over yet, to look at only: nothing can be done with it until the service answers. */
export function lastSeen(): LastSeen | null {
  const last = wx.getStorageSync(LAST) as LastSeen | "";
  if (!last) return null;
  const active = last.active.filter((r) => Date.parse(r.end) > now()).map((r) => ({ ...r, actions: [], presence_wanted: false }));
  return active.length ? { at: last.at, active } : null;
}

export function forgetLast(): void {
  wx.removeStorageSync(LAST);
}
