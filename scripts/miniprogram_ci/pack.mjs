// The mini-program as WeChat's own packer sees it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ci = createRequire(import.meta.url)("miniprogram-ci");
export const ROOT = fileURLToPath(new URL("../../miniprogram/", import.meta.url));
/** As in project.config.json: what the developer tools compile is what is uploaded. */
export const SETTING = { useProjectConfig: true };

const read = (name) => readFileSync(join(ROOT, name), "utf8");

export const APPID = JSON.parse(read("project.config.json")).appid;
/** What the page 我的 shows. */
export const VERSION = /VERSION = "([^"]+)"/.exec(read("config.ts"))[1];

/** `key`: what the account's page gives for uploads, 代码上传密钥. `appid` is the project's unless it is given. */
export function projectOf(key, appid = APPID) {
  return new ci.Project({ appid, type: "miniProgram", projectPath: ROOT, privateKey: key, ignores: ["node_modules/**/*"] });
}
