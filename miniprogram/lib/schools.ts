// The directory of schools, for a program that many share. Only its addresses are ever asked: no code brings another one.

import { Refused, forgetService, unanswered } from "../api/client";
import { SCHOOLS_URL } from "../config";
import { agreed, scanned, shown } from "./ask";
import { forgetKnown } from "./favourites";
import { forgetLibrary } from "./library";
import { forgetLast } from "./reader";
import { arrive } from "./scan";
import { baseUrl, chosenSchool, keepSchool } from "./school";
import { noteConsents } from "./subscriptions";
import { nameIn, t } from "./texts";
import { keepUnread } from "./unread";

/** `name` is in the phone's language. */
export interface School { name: string; title: string; url: string; suspended: boolean }

interface Entry { name: string; title: string; names?: Record<string, string>; url: string; suspended?: boolean }

const TIMEOUT_MS = 10000;
const ADDRESS = /^https:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*$/;
/** What stands behind a school's address in the codes of its screens, its seats and its page 激活码. */
const CODES = ["/k/", "/s/", "/bind?c="];

function isEntry(one: Entry | null): one is Entry {
  return typeof one?.name === "string" && typeof one.title === "string" && typeof one.url === "string" && ADDRESS.test(one.url);
}

function schoolOf({ name, title, names, url, suspended }: Entry): School {
  return { name: nameIn(name, names), title, url, suspended: suspended === true };
}

/** All schools, in the directory's order. Raises: Refused. */
export function directory(): Promise<School[]> {
  return new Promise((resolve, reject) => {
    wx.request({
      url: SCHOOLS_URL,
      timeout: TIMEOUT_MS,
      success: ({ statusCode, data }) => {
        const entries = (data as { schools?: unknown } | null)?.schools;
        if (statusCode === 200 && Array.isArray(entries)) resolve((entries as Entry[]).filter(isEntry).map(schoolOf));
        else reject(new Refused(statusCode, "unavailable", t("schools_unavailable")));
      },
      fail: (error) => reject(unanswered(error)),
    });
  });
}

/** From here on everything is that school's: what was kept of another one is forgotten. */
export function choose(school: School, qr = ""): void {
  if (school.url !== baseUrl()) {
    forgetService();
    forgetLast();
    forgetLibrary();
    forgetKnown();
    noteConsents({});
    keepUnread(0);
  }
  keepSchool({ name: school.name, url: school.url });
  if (qr) arrive(qr);
  wx.reLaunch({ url: "/pages/index/index" });
}

let checked = false;

/** Leads to the choice if the reader's school has left the directory or is suspended. It looks once a start, and `again` when
 * the school has not answered well. */
export async function checkSchool(again: boolean): Promise<void> {
  const own = chosenSchool();
  if (own === null || (checked && !again)) return;
  checked = true;
  try {
    const there = (await directory()).find((one) => one.url === own.url);
    if (baseUrl() === own.url && (!there || there.suspended)) wx.reLaunch({ url: "/pages/schools/schools" });
  } catch (error) {
    checked = false;
    if (!(error instanceof Refused)) throw error; // the next page looks again
  }
}

/** Whose code it is, if another school's of the directory. Without the directory nobody's. */
async function ofAnother(qr: string): Promise<School | undefined> {
  const own = baseUrl();
  const isOf = (url: string): boolean => CODES.some((code) => qr.startsWith(url + code));
  if (!SCHOOLS_URL || !qr.startsWith("https://") || (own && isOf(own))) return undefined;
  try {
    return (await directory()).find(({ url }) => isOf(url));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return undefined;
  }
}

/** Offers to change to the school whose code this is. "none": it is no other school's. */
export async function offerSchool(qr: string): Promise<"none" | "changed" | "declined"> {
  const school = await ofAnother(qr);
  if (school === undefined) return "none";
  if (school.suspended) await shown(t("school_suspended", { name: school.name }));
  else if (await agreed(t("school_of_code", { name: school.name }))) {
    choose(school, qr);
    return "changed";
  }
  return "declined";
}

/** The text of a code before the camera, as `scanned`; empty too where it is another school's. Raises: Refused. */
export async function scannedHere(failed: string): Promise<string> {
  const text = await scanned(failed);
  return (await offerSchool(text)) === "none" ? text : "";
}
