// The one place that an installation changes.

/** The service's public address: https outside the sandbox, and a request domain of the account. */
export const BASE_URL = "http://127.0.0.1:8080";

export const VERSION = "1.1.0";
