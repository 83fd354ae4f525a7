// Made from languages/po by scripts/miniprogram_types.py.

import { CHINESE } from "./texts_chinese";
import { TEXTS as EN } from "./texts_en";

interface Language { name: string; texts: Record<keyof typeof CHINESE, string> }

export const LANGUAGES: Readonly<Record<string, Language>> = {
  "zh": { name: "中文", texts: CHINESE },
  "en": { name: "English", texts: EN },
};
