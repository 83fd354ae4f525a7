// A tap that leads to messages asks for consent first, and tells the service the answers.

import { post, wait } from "../api/client";
import type { ReservationOut, SubscriptionsOut, TemplateOut, WaitlistEntryOut } from "../api/types";
import { agreed } from "./ask";
import { now } from "./clock";
import { templates } from "./library";
import { t } from "./texts";

/** The messages that a tap leads to, as the page 订阅设置 counts them. */
export const GROUPS = {
  reserve: ["CHECK_IN_REMINDER", "NO_SHOW", "RESERVED"],
  check_in: ["ENDING_SOON", "CHECKED_IN", "ENDED"],
  leave: ["LEAVE_REMINDER", "LEAVE_TIMEOUT", "LEAVE"],
  wait: ["OFFER", "MOVED"],
  settings: ["SUSPENDED", "MOVED"],
} as const;

/** What a tap asks for, in the order in which it matters: also that without which a reader loses a seat or comes for
 * nothing, whatever tap leads to it. */
export const ASKED = {
  reserve: ["CHECK_IN_REMINDER", "MOVED", "SUSPENDED", "NO_SHOW", "RESERVED", "OFFER"],
  check_in: ["MOVED", "SUSPENDED", "CHECK_IN_REMINDER", "ENDING_SOON", "CHECKED_IN", "ENDED", "OFFER"],
  leave: ["LEAVE_REMINDER", "MOVED", "SUSPENDED", "LEAVE_TIMEOUT", "LEAVE", "CHECK_IN_REMINDER", "OFFER"],
  wait: ["OFFER", "MOVED", "CHECK_IN_REMINDER", "SUSPENDED", "NO_SHOW"],
} as const;

/** WeChat takes so many at once; an older client takes fewer, and fails with TOO_MANY. */
const MOST = 5;
const MOST_OF_OLD = 3;
const TOO_MANY = 20003;
const SWITCHED_OFF = 20004;
const OLD_VERSION = "takes_three";
const LONGEST_MS = 1000;

export type Tap = keyof typeof GROUPS;
/** What came of asking. "off": the reader has switched these messages off in WeChat, all of them. */
export type Asking = "answered" | "off" | "none";

let left: Readonly<Record<string, number>> = {};
let off = false;

/** How many messages of each template may still come, as the service says. */
export function noteConsents(subscriptions: Readonly<Record<string, number>>): void {
  left = subscriptions;
}

export const leftOf = (message: string): number => left[message] ?? 0;

/** Those of which fewest may still come are first. WeChat refuses a request that mixes long-term templates, which are
 * accepted once, with others. */
function lowest(names: readonly string[], most: number): TemplateOut[] {
  const known = names
    .flatMap((name) => templates().filter((one) => one.message === name && !(one.long_term && leftOf(name))))
    .sort((a, b) => leftOf(a.message) - leftOf(b.message));
  return known.filter((one) => one.long_term === known[0]?.long_term).slice(0, most);
}

function ask(names: readonly string[], most: number): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    wx.requestSubscribeMessage({
      tmplIds: lowest(names, most).map((one) => one.id),
      success: (answer) => { resolve(answer as unknown as Record<string, string>); },
      fail: reject,
    });
  });
}

/** What the reader has answered, by template id. A client that takes no five is remembered until it is a newer one. */
async function answersTo(names: readonly string[]): Promise<Record<string, string>> {
  const version = wx.getAppBaseInfo().SDKVersion;
  if (wx.getStorageSync(OLD_VERSION) === version) return ask(names, MOST_OF_OLD);
  try {
    return await ask(names, MOST);
  } catch (error) {
    if ((error as { errCode?: number }).errCode !== TOO_MANY) throw error;
    wx.setStorageSync(OLD_VERSION, version);
    return ask(names, MOST_OF_OLD);
  }
}

/** Must be called from a tap, before anything else. Whatever is answered, or not, the action goes on. */
export async function consent(names: readonly string[]): Promise<Asking> {
  if (!lowest(names, 1).length) return "none";
  let answers: Record<string, string>;
  try {
    answers = await answersTo(names);
  } catch (error) {
    off = (error as { errCode?: number }).errCode === SWITCHED_OFF;
    return off ? "off" : "none"; // a message less
  }
  off = false;
  const results: Record<string, string> = {};
  for (const { id, message } of templates()) {
    const said = answers[id];
    if (said) results[message] = said;
  }
  // The service should know before the message goes out; but no action waits long for that.
  const told = post<SubscriptionsOut>("/subscriptions", { results }).then((now) => { noteConsents(now.subscriptions); }, () => undefined);
  await Promise.race([told, wait(LONGEST_MS)]);
  return "answered";
}

/** Says that all of these messages are switched off, and leads to the switch. */
export async function explainOff(): Promise<void> {
  if (await agreed(t("subs_off"))) wx.openSetting({ withSubscriptions: true });
}

/** A deadline of which WeChat will not tell the reader. */
export interface Untold { text: string; tap: "reserve" | "wait" }

/** The first of those that the reader has; null where each is told of. */
export function untold(active: readonly ReservationOut[], waits: readonly WaitlistEntryOut[]): Untold | null {
  const has = (message: string): boolean => templates().some((one) => one.message === message) && (off || leftOf(message) === 0);
  // The reminder comes at the start.
  if (has("CHECK_IN_REMINDER") && active.some((r) => r.state === "reserved" && Date.parse(r.start) > now())) {
    return { text: t(off ? "untold_off" : "untold_check_in"), tap: "reserve" };
  }
  if (has("OFFER") && waits.some((entry) => entry.state === "waiting")) {
    return { text: t(off ? "untold_off" : "untold_offer"), tap: "wait" };
  }
  return null;
}
