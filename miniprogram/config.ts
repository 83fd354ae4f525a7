// The one place that an installation changes.

/** The service's public address: https outside the sandbox, and a request domain of the account. */
export const BASE_URL = "http://127.0.0.1:8080";

/** Empty in a library's own program. In one that many schools share, the address of their directory (https, a request
 * domain too): the reader chooses a school of it, and BASE_URL counts no more. */
export const SCHOOLS_URL: string = "";

export const VERSION = "1.1.0";
