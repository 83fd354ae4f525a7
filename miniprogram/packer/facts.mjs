// What the mini-program's own files say of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../", import.meta.url));

const read = (name) => readFileSync(join(ROOT, name), "utf8");

export const APPID = JSON.parse(read("project.config.json")).appid;
/** What the page 我的 shows. */
export const VERSION = /VERSION = "([^"]+)"/.exec(read("config.ts"))[1];

/** The address that the program asks first, and what it is called in config.ts: SCHOOLS_URL where that is set, or else BASE_URL. */
export function firstAddress(config = read("config.ts")) {
  const [, name, address] = /(SCHOOLS_URL)[^=]*= "([^"]+)"/.exec(config) ?? /(BASE_URL)[^=]*= "([^"]+)"/.exec(config);
  return { name, address };
}

/** Why readers' phones could not use the service at that address; empty where they can. */
export function unreachable(address) {
  const { protocol, hostname } = new URL(address);
  if (protocol !== "https:") return "it is not https, and WeChat on a phone takes nothing else";
  if (/^[\d.]+$|^\[/.test(hostname)) return "it is a number, and WeChat takes names with a filing only";
  if (!hostname.includes(".") || /\.(local|localhost|lan|internal|test|example|invalid)$|(^|\.)example\.(com|org|net)$/.test(hostname)) return "nobody outside this network can reach it";
  return "";
}
