// Seats that the reader likes, on this phone only.

const PLACE = "favourites";

export interface Favourite { id: string; area: string; name: string; no: string }

export function favourites(): Favourite[] {
  return (wx.getStorageSync(PLACE) as Favourite[] | "") || [];
}

export function isFavourite(id: string): boolean {
  return favourites().some((seat) => seat.id === id);
}

/** Whether it is one afterwards. */
export function toggle(seat: Favourite): boolean {
  const kept = favourites();
  const others = kept.filter((other) => other.id !== seat.id);
  const added = others.length === kept.length;
  wx.setStorageSync(PLACE, added ? [...others, seat] : others);
  return added;
}
