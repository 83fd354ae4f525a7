// What every page that loads has in common: it waits, shows, or says what went wrong.

import { Refused, isBound } from "../api/client";
import { learnLibrary } from "./library";
import { checkSchool } from "./schools";

export interface Loads {
  data: { ready: boolean };
  setData(change: Record<string, unknown>): void;
}

/** The data of such a page. `guest`: nobody is bound, and looks around. */
export const LOADING = { loading: false, ready: false, wrong: "", wait: 0, guest: false };

/** Do the work of loading. What is shown already stays; a reader who is not bound goes to bind, one without a school
 * to the choice. */
export async function attempt(page: Loads, work: () => Promise<void>): Promise<void> {
  page.setData({ loading: !page.data.ready, wrong: "", wait: 0 });
  try {
    await work();
    page.setData({ ready: true, loading: false, guest: !isBound() });
    void learnLibrary();
    void checkSchool(false);
  } catch (error) {
    page.setData({ loading: false });
    if (!(error instanceof Refused)) throw error;
    if (error.code === "not_bound") wx.reLaunch({ url: "/pages/bind/bind" });
    else if (error.code === "no_school") wx.reLaunch({ url: "/pages/schools/schools" });
    else page.setData({ wrong: error.message, wait: error.retryAfter });
    if (error.status === 0 || error.status === 404 || error.status >= 500) void checkSchool(true);
  }
}

export interface Taps {
  data: { busy: boolean };
  setData(change: Record<string, unknown>): void;
}

/** Do the work of one tap: another one meanwhile does nothing. What is refused is said, and `after` shows what is so now. */
export async function oneTap(page: Taps, work: () => Promise<void>, after: (refusal: Refused) => Promise<void>): Promise<void> {
  if (page.data.busy) return;
  page.setData({ busy: true, refused: "", done: "" });
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    page.setData({ refused: error.message });
    await after(error);
  } finally {
    page.setData({ busy: false });
  }
}

/** What only adds to a page: where it is refused, the page comes without it. */
export async function beside<T>(asked: Promise<T>, without: T): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return without;
  }
}
