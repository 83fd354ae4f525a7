// WeChat's own packer takes the mini-program: with its account look-up stubbed, and nothing sent to anybody.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT, VERSION, firstAddress, unreachable } from "./facts.mjs";
import { SETTING, ci, projectOf } from "./pack.mjs";

/** What WeChat answers of an ordinary account. */
const ACCOUNT = {
  platform: false, appType: 0, isSandbox: false, released: false,
  setting: {
    MaxCodeSize: 2, MaxSubpackageSubCodeSize: 2, MaxSubpackageFullCodeSize: 30, NavigateMiniprogramLimit: 10, MaxSubPackageLimit: 100,
    MinTabbarCount: 2, MaxTabbarCount: 5, MaxTabbarIconSize: 40, MaxCustomTabbarCount: 5, TimerTimes: 5,
  },
};
const LARGEST = 2 * 1024 * 1024;
/** Nobody listens there: what asks the network finds none, also where there is one. */
const NOWHERE = "http://127.0.0.1:9";

test("it packs: every page and picture, and nothing that only developers need", async () => {
  ci.proxy(NOWHERE);
  const project = projectOf("none", "wx0123456789abcdef");
  project.attr = async () => ACCOUNT;
  const packed = await ci.getCompiledResult({ project, desc: "", version: VERSION, setting: SETTING, onProgressUpdate: () => undefined });
  const names = Object.keys(packed);
  const app = JSON.parse(readFileSync(`${ROOT}app.json`, "utf8"));
  for (const page of app.pages) {
    for (const ending of ["js", "json", "wxml", "wxss"]) assert.ok(names.includes(`${page}.${ending}`), `${page}.${ending}`);
  }
  for (const icon of names.filter((name) => name.endsWith(".png"))) assert.match(icon, /^images\/tab-/);
  assert.equal(names.filter((name) => name.endsWith(".png")).length, 12);
  for (const name of ["app.js", "marks.wxss", "sitemap.json", "theme.json"]) assert.ok(names.includes(name), name);
  const odd = names.filter((name) => /^(tests|tools|packer|drawings|node_modules)\/|^(package|package-lock|tsconfig)\.json$|\.(ts|svg|mjs|md)$/.test(name));
  assert.deepEqual(odd, []);
  const size = names.reduce((sum, name) => sum + packed[name].length, 0);
  assert.ok(size < LARGEST / 4, `${size} bytes`);
  console.log(`${names.length} files, ${Math.ceil(size / 1024)} KB`);
});

test("what is uploaded names a service that readers reach", () => {
  for (const address of ["http://seats.lib.edu.cn", "https://127.0.0.1", "https://[::1]:8443", "https://localhost", "https://seats", "https://seats.example.com", "https://seats.local"]) {
    assert.ok(unreachable(address), address);
  }
  for (const address of ["https://seats.lib.edu.cn", "https://lib.example.edu.cn:8443/seats"]) assert.equal(unreachable(address), "", address);
  assert.equal(firstAddress().name, "BASE_URL");
  const shared = readFileSync(`${ROOT}config.ts`, "utf8").replace(/(SCHOOLS_URL: string = )""/, '$1"http://seats.edu.cn/schools.json"');
  assert.deepEqual(firstAddress(shared), { name: "SCHOOLS_URL", address: "http://seats.edu.cn/schools.json" });
});

test("without a key or an appid of one's own it says what is missing", () => {
  const run = (...given) => spawnSync(process.execPath, [fileURLToPath(new URL("run.mjs", import.meta.url)), ...given], { encoding: "utf8", env: { PATH: process.env.PATH } });
  assert.match(run("upload", "x").stderr, /test appid[^]*BASE_URL .* is no library's: it is not https/);
  assert.doesNotMatch(run("preview").stderr, /BASE_URL/, "one's own phone may look at one's own service");
  assert.match(run("publish").stderr, /preview or upload/);
  for (const verb of ["preview", "upload"]) assert.equal(run(verb).status, 1);
});
