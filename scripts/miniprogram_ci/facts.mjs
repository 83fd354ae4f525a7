// What the mini-program's own files say of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../miniprogram/", import.meta.url));

const read = (name) => readFileSync(join(ROOT, name), "utf8");

export const APPID = JSON.parse(read("project.config.json")).appid;
/** What the page 我的 shows. */
export const VERSION = /VERSION = "([^"]+)"/.exec(read("config.ts"))[1];
