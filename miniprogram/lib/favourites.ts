// Seats that the reader comes back to, and the last one again: kept by the library, for web and phone alike.
import { Refused, drop, get, isBound, ofReader, post, tap } from "../api/client";
import type { AgainOut, FavouritesOut, ReservedSeat } from "../api/types";
import { dayAt, now } from "./clock";
import { fromTo, seatInArea, t } from "./texts";

/** Where an earlier version kept them, on the phone alone. */
const PLACE = "favourites";

export interface Known { id: string; area: string; label: string; note: string; query: string }
export interface KnownSeats { liked: Known[]; again: Known | null }

function known(seat: ReservedSeat, label: string, note: string, query: string): Known {
  return { id: seat.id, area: seat.area_id, label, note, query: `area=${seat.area_id}&seat=${seat.id}${query}` };
}

function once(more: AgainOut): Known {
  const { from, to } = fromTo(more.start, more.end);
  const note = `${t(more.date === dayAt(now()) ? "today" : "tomorrow")} ${from}–${to}`;
  return known(more.seat, seatInArea(more.seat), note, `&date=${more.date}&start=${more.start}&end=${more.end}`);
}

/** The favourites and the last seat; those that only this phone knows are told to the library first. */
export async function knownSeats(): Promise<KnownSeats> {
  if (!isBound()) return { liked: [], again: null };
  const kept: { id: string }[] = wx.getStorageSync(PLACE) || [];
  for (const { id } of kept) {
    await post<FavouritesOut>("/favourites", { seat_id: id }, tap()).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error; // a seat that is gone, one too many, or nobody's phone
    });
  }
  const found = await ofReader(get<FavouritesOut>("/favourites"), { items: [], again: null });
  if (isBound()) forgetKnown();
  return {
    liked: found.items.map((seat) => known(seat, seatInArea(seat), "", `&date=${dayAt(now())}`)),
    again: found.again && once(found.again),
  };
}

export function forgetKnown(): void {
  wx.removeStorageSync(PLACE);
}

/** Whether it is one afterwards. */
export async function like(id: string, on: boolean): Promise<boolean> {
  if (on) await post<FavouritesOut>("/favourites", { seat_id: id }, tap());
  else await drop(`/favourites/${id}`);
  return on;
}
