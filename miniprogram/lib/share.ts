// What is passed on to a friend: pages that everybody may see.

import { t } from "./texts";

export interface Shared { title: string; path: string }

export function shared(path: string, title = t("share_title")): Shared {
  return { title, path: `/${path}` };
}
