// What the library says of itself. WeChat's templates are kept: a tap that asks for consent cannot wait for them.

import { Refused, get } from "../api/client";
import type { LibraryOut, TemplateOut } from "../api/types";

const TEMPLATES = "templates";
let learnt = false;

/** Raises: Refused. */
export async function library(): Promise<LibraryOut> {
  const found = await get<LibraryOut>("/library");
  learnt = true;
  wx.setStorageSync(TEMPLATES, found.templates);
  return found;
}

/** WeChat's templates as the service last named them. */
export function templates(): TemplateOut[] {
  return (wx.getStorageSync(TEMPLATES) as TemplateOut[] | "") || [];
}

export function forgetTemplates(): void {
  learnt = false;
  wx.removeStorageSync(TEMPLATES);
}

/** Asks for them once a start. */
export async function learnTemplates(): Promise<void> {
  if (learnt) return;
  learnt = true;
  try {
    await library();
  } catch (error) {
    learnt = false;
    if (!(error instanceof Refused)) throw error; // the next page asks again
  }
}
