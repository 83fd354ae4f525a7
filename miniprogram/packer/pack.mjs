// The mini-program as WeChat's own packer sees it.
import { createRequire } from "node:module";
import { APPID, ROOT } from "./facts.mjs";

export const ci = createRequire(import.meta.url)("miniprogram-ci");
/** As in project.config.json: what the developer tools compile is what is uploaded. */
export const SETTING = { useProjectConfig: true };

/** `key`: what the account's page gives for uploads, 代码上传密钥. `appid` is the project's unless it is given. */
export function projectOf(key, appid = APPID) {
  return new ci.Project({ appid, type: "miniProgram", projectPath: ROOT, privateKey: key, ignores: ["node_modules/**/*", "packer/**/*"] });
}
