// The one place that an installation changes.

/** The service's public address: https outside the sandbox, and a request domain of the account. */
export const BASE_URL = "http://127.0.0.1:8080";

/** WeChat's template ids by message, as in WECHAT_TEMPLATES; these are the sandbox's. */
export const TEMPLATES: Readonly<Record<string, string>> = {
  RESERVED: "sandbox-reserved",
  CHECK_IN_REMINDER: "sandbox-check-in-reminder",
  NO_SHOW: "sandbox-no-show",
  CHECKED_IN: "sandbox-checked-in",
  ENDING_SOON: "sandbox-ending-soon",
  ENDED: "sandbox-ended",
  LEAVE: "sandbox-leave",
  LEAVE_REMINDER: "sandbox-leave-reminder",
  LEAVE_TIMEOUT: "sandbox-leave-timeout",
  OFFER: "sandbox-offer",
  SUSPENDED: "sandbox-suspended",
  MOVED: "sandbox-moved",
};

export const VERSION = "1.0.0";
