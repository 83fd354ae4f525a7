// The way to the service: one login at a time, a dead token renewed once, nothing sent twice.

import { align } from "../lib/clock";
import { baseUrl } from "../lib/school";
import { languageTag, t } from "../lib/texts";
import type { ErrorOut, LoginOut, ScanNoteOut } from "./types";

const TOKEN = "token";
const BOUND = "bound";
const TIMEOUT_MS = 10000;
const TRIES = 3;
const PATIENCE_S = 3;

/** A refusal with its code, or no answer at all (`offline`, `slow`). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** Why nobody answered a request. */
export function unanswered(error: WechatMiniprogram.GeneralCallbackResult): Refused {
  const why = /timeout/.test(error.errMsg) ? "slow" : "offline";
  return new Refused(0, why, t(why));
}

type Method = "GET" | "POST" | "DELETE";

interface Answer {
  status: number;
  data: unknown;
  headers: Record<string, string>;
}

let loggingIn: Promise<LoginOut> | null = null;
/** The note of the code that brought the reader here; empty where there is none. */
let scanNote: Promise<string> = Promise.resolve("");
const kept = new Map<string, { etag: string; data: unknown }>();

function send(method: Method, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const base = baseUrl();
  return new Promise((resolve, reject) => {
    if (!base) return reject(noSchool());
    wx.request({
      url: `${base}/api/v1${path}`,
      method,
      data: body as WechatMiniprogram.IAnyObject,
      header: { "Content-Type": "application/json", "Accept-Language": languageTag(), ...headers },
      timeout: TIMEOUT_MS,
      success: (answer) => {
        if (baseUrl() !== base) return reject(elsewhere());
        const found: Record<string, string> = {};
        for (const [name, value] of Object.entries(answer.header)) found[name.toLowerCase()] = String(value);
        align(found["x-server-time"]);
        resolve({ status: answer.statusCode, data: answer.data, headers: found });
      },
      fail: (error) => reject(unanswered(error)),
    });
  });
}

/** There is nobody to ask before the reader has chosen a school. */
function noSchool(): Refused {
  return new Refused(403, "no_school", t("unavailable"));
}

/** The reader has changed to another school meanwhile: what the first one says, or was asked for, counts no more. */
function elsewhere(): Refused {
  return new Refused(403, "other_school", t("unavailable"));
}

function refused(answer: Answer): Refused {
  const error = (answer.data as ErrorOut | "" | undefined || undefined)?.error;
  const after = Number(answer.headers["retry-after"] ?? 0);
  if (error === undefined) return new Refused(answer.status, "unavailable", t("unavailable"), {}, after);
  return new Refused(answer.status, error.code, error.message, error.details, after);
}

/** wx.login and what it is good for here. Whoever asks meanwhile shares it. */
export function login(): Promise<LoginOut> {
  loggingIn ??= enter().finally(() => { loggingIn = null; });
  return loggingIn;
}

async function enter(): Promise<LoginOut> {
  const base = baseUrl();
  if (!base) throw noSchool();
  const { code } = await new Promise<{ code: string }>((resolve, reject) => {
    wx.login({ success: resolve, fail: () => reject(new Refused(0, "offline", t("offline"))) });
  });
  const note = await scanNote;
  if (baseUrl() !== base) throw elsewhere();
  const answer = await send("POST", "/wx/login", note ? { code, scan_note: note } : { code }, {});
  if (answer.status !== 200) throw refused(answer);
  const entered = answer.data as LoginOut;
  scanNote = Promise.resolve(entered.scan_note ?? "");
  wx.setStorageSync(TOKEN, entered.token);
  remember(entered.bound);
  return entered;
}

/** Tells the service at once that this code was scanned: it changes every few seconds, and a login may take longer. */
export function noteScan(qr: string): void {
  const token = wx.getStorageSync(TOKEN) as string;
  const note = send("POST", "/scans", { qr }, token ? { Authorization: `Bearer ${token}` } : {});
  scanNote = note.then(({ status, data }) => (status === 200 ? (data as ScanNoteOut).note : ""), () => "");
}

/** What stands for that code in a check-in: its note, or the code where none could be had. */
export async function noted(qr: string): Promise<string> {
  return (await scanNote) || qr;
}

/** Whether this WeChat user is a reader's, as the service last said; who has never asked may be one. */
export function isBound(): boolean {
  return wx.getStorageSync(BOUND) !== false;
}

export function remember(bound: boolean): void {
  wx.setStorageSync(BOUND, bound);
}

/** All that one school's service has said: the next one starts anew. */
export function forgetService(): void {
  wx.removeStorageSync(TOKEN);
  wx.removeStorageSync(BOUND);
  loggingIn = null;
  scanNote = Promise.resolve("");
  kept.clear();
}

/** The reader is forgotten, and the session has ended. */
export function signOut(): void {
  wx.removeStorageSync(TOKEN);
  remember(false);
}

/** What a reader has; `nothing` for somebody who only looks around. */
export async function ofReader<T>(work: Promise<T>, nothing: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "not_bound") throw error;
    remember(false);
    return nothing;
  }
}

async function authorised(method: Method, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  let token = wx.getStorageSync(TOKEN) as string;
  if (!token) token = (await login()).token;
  const answer = await send(method, path, body, { ...headers, Authorization: `Bearer ${token}` });
  if (answer.status !== 401) return spoken(answer);
  // It has ended. Somebody else may have renewed it meanwhile.
  const renewed = wx.getStorageSync(TOKEN) === token ? (await login()).token : (wx.getStorageSync(TOKEN) as string);
  return spoken(await send(method, path, body, { ...headers, Authorization: `Bearer ${renewed}` }));
}

/** A network that wants a login of its own answers 200 with a page of its own. */
function spoken(answer: Answer): Answer {
  if (answer.status === 200 && (typeof answer.data !== "object" || answer.data === null)) throw refused({ ...answer, status: 502, data: "" });
  return answer;
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Whether the service is only busy, and asks to come back in a moment. What takes longer is the reader's to decide. */
function busy(error: Refused): boolean {
  return (error.status === 429 || error.status === 503) && error.retryAfter <= PATIENCE_S;
}

/** Whether it is not known what became of a change: the same key asks for it. */
export function open(error: Refused): boolean {
  return error.status === 0 || error.status >= 500 || error.code === "in_progress";
}

/** Once more where that may help, when the service wants it, and not all phones at the same moment. */
async function patiently<T>(tries: number, worth: (error: Refused) => boolean, work: () => Promise<T>): Promise<T> {
  const base = baseUrl();
  for (let n = 1; ; n += 1) {
    if (baseUrl() !== base) throw elsewhere();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused) || n >= tries || !worth(error)) throw error;
      await wait(Math.max(error.retryAfter, 1) * 1000 * (1 + Math.random() * 0.4));
    }
  }
}

/** Looks: from what is kept where the service says that it is unchanged. Raises: Refused. */
export function get<T>(path: string): Promise<T> {
  return patiently(2, busy, async () => {
    const known = kept.get(path);
    const answer = await authorised("GET", path, undefined, known ? { "If-None-Match": known.etag } : {});
    if (answer.status === 304 && known) return known.data as T;
    if (answer.status !== 200) throw refused(answer);
    if (answer.headers.etag) kept.set(path, { etag: answer.headers.etag, data: answer.data });
    return answer.data as T;
  });
}

/** Keys that were sent: who sends one again says so, and a refusal then holds for the first time as well. */
const sentKeys = new Set<string>();

function headersOf(key: string): Record<string, string> {
  if (!key) return {};
  const repeated = sentKeys.has(key);
  sentKeys.add(key);
  return repeated ? { "Idempotency-Key": key, "Idempotency-Repeat": "1" } : { "Idempotency-Key": key };
}

/** A name for one tap: sent again, it counts once. */
export function tap(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;
}

/** Changes. With a `key` it is sent again where nobody answered: the service knows it by the key. Raises: Refused. */
export async function post<T>(path: string, body: object = {}, key = ""): Promise<T> {
  let shown = false;
  const worth = (error: Refused): boolean => {
    const again = key !== "" && (busy(error) || (open(error) && error.retryAfter <= PATIENCE_S));
    if (again && !shown) wx.showLoading({ title: t("again"), mask: true });
    shown ||= again;
    return again;
  };
  try {
    return await patiently(TRIES, worth, async () => {
      const answer = await authorised("POST", path, body, headersOf(key));
      if (answer.status < 200 || answer.status >= 300) throw refused(answer);
      return answer.data as T;
    });
  } finally {
    if (shown) wx.hideLoading();
  }
}

/** Raises: Refused. */
export async function drop(path: string): Promise<void> {
  const answer = await authorised("DELETE", path, undefined, {});
  if (answer.status >= 300) throw refused(answer);
}
