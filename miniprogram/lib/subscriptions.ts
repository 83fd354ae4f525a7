// Each tap that leads to messages asks for its templates first, and tells the service the answers.

import { post, wait } from "../api/client";
import { TEMPLATES } from "../config";

/** Which messages a tap leads to: three at most, as WeChat asks for no more. */
export const ASKED = {
  reserve: ["RESERVED", "CHECK_IN_REMINDER", "NO_SHOW"],
  check_in: ["CHECKED_IN", "ENDING_SOON", "ENDED"],
  leave: ["LEAVE", "LEAVE_REMINDER", "LEAVE_TIMEOUT"],
  wait: ["OFFER", "MOVED"],
  settings: ["SUSPENDED", "MOVED"],
} as const;

const LONGEST_MS = 1000;

export type Tap = keyof typeof ASKED;

/** Must be called from a tap, before anything else. Whatever is answered, or not, the action goes on. */
export async function consent(on: Tap): Promise<void> {
  const names = ASKED[on].filter((name) => TEMPLATES[name]);
  const ids = names.map((name) => TEMPLATES[name] as string);
  try {
    const answers = await new Promise<Record<string, string>>((resolve, reject) => {
      wx.requestSubscribeMessage({
        tmplIds: ids,
        success: (answer) => { resolve(answer as unknown as Record<string, string>); },
        fail: reject,
      });
    });
    const results: Record<string, string> = {};
    names.forEach((name, n) => {
      const said = answers[ids[n] as string];
      if (said) results[name] = said;
    });
    // The service should know before the message goes out; but no action waits long for that.
    if (Object.keys(results).length) {
      const told = post("/subscriptions", { results }).catch(() => undefined);
      await Promise.race([told, wait(LONGEST_MS)]);
    }
  } catch { /* switched off, or not told: a message less */ }
}
