// Made from SEAT_FEATURES, handlers/texts/labels.py and languages/po by scripts/miniprogram_types.py.

/** What a seat can have. The name is a field of the API's seats and a drawing. */
export const FEATURES = [
  { name: "power", "zh": "电源", "en": "Socket" },
  { name: "window", "zh": "靠窗", "en": "Window" },
  { name: "computer", "zh": "电脑", "en": "Computer" },
  { name: "accessible", "zh": "无障碍", "en": "Accessible" },
] as const;
