// The code that brought the reader here: a kiosk's, or the one on the page 激活码. Who is not bound yet binds first;
// a kiosk's code is not lost by that.

import { noteScan } from "../api/client";
import { baseUrl } from "./school";

let kept = "";

export function keep(qr: string): void {
  kept = qr;
}

/** WeChat's own scanner has read it a moment ago. */
export function arrive(qr: string): void {
  keep(qr);
  if (["/k/", "/s/"].some((code) => qr.startsWith(baseUrl() + code))) noteScan(qr);
}

/** It, and it stays. */
export function look(): string {
  return kept;
}

/** It, and never again. */
export function take(): string {
  const qr = kept;
  kept = "";
  return qr;
}

/** What binds, in the link of the code on the page 激活码; empty for any other text. */
export function activationIn(text: string): string {
  const start = `${baseUrl()}/bind?c=`;
  const secret = text.startsWith(start) ? text.slice(start.length) : "";
  return /^[\w-]{22}$/.test(secret) ? secret : "";
}

/** The same where it was typed or pasted: the code alone, or its link. */
export function secretIn(text: string): string {
  const given = text.trim();
  return activationIn(given) || (/^[\w-]{22}$/.test(given) ? given : "");
}

/** Part of a link as it was before it was put there; what was cut in the middle is nothing. */
export function decoded(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}
