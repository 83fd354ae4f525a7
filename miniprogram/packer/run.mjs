// `npm run preview` and `npm run upload` of the mini-program. WECHAT_UPLOAD_KEY is the file of the account's 代码上传密钥.
// preview [PICTURE]: a version for one's own phone; its code is a picture, preview.jpg unless told.
// upload WHAT-IS-NEW: the version that is then submitted for review on the account's page.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { APPID, VERSION, firstAddress, unreachable } from "./facts.mjs";

const [verb, text = ""] = process.argv.slice(2);
const file = process.env.WECHAT_UPLOAD_KEY ?? "";

function stop(why) {
  console.error(`error: ${why}`);
  process.exit(1);
}

if (verb !== "preview" && verb !== "upload") stop("preview or upload?");
const faults = [];
const { name, address } = firstAddress();
if (APPID === "touristappid") faults.push("miniprogram/project.config.json has the test appid; put the account's there");
if (verb === "upload" && unreachable(address)) faults.push(`${name} of miniprogram/config.ts, ${address}, is no library's: ${unreachable(address)}`);
if (faults.length) stop(faults.join("\n       "));
if (!file || !existsSync(file)) stop("WECHAT_UPLOAD_KEY names no file: 微信公众平台 → 开发管理 → 开发设置 → 小程序代码上传 gives it");
if (verb === "upload" && !text) stop('say what is new: npm run upload -- "…"');

// It takes a moment, so not before it is needed.
const { SETTING, ci, projectOf } = await import("./pack.mjs");
const told = { version: VERSION, setting: SETTING, onProgressUpdate: () => undefined };
const project = projectOf(readFileSync(file, "utf8"));
if (verb === "upload") {
  await ci.upload({ project, desc: text, ...told });
  console.log(`${VERSION} is uploaded. Submit it for review: docs/miniprogram.md has the list`);
} else {
  const picture = resolve(process.env.INIT_CWD ?? ".", text || "preview.jpg");
  await ci.preview({ project, desc: VERSION, ...told, qrcodeFormat: "image", qrcodeOutputDest: picture });
  console.log(`scan ${picture} with WeChat`);
}
