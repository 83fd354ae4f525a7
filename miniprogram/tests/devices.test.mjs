// 我的 → 已登录的设备: where the reader is signed in, and ending that.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const ended = () => phone.requests.filter((sent) => sent.method === "DELETE");
const signedIn = async (headers) => (await fetch(`${service.url}/api/v1/me`, { headers })).status === 200;

/** The list of the bound phone, with two browsers: the one that showed the code, and another. */
async function listed(options = {}) {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", options);
  const browser = await service.signedIn("21070001");
  phone.open("pages/me/me");
  await phone.reads(options.language === "en" ? "Signed-in devices" : "已登录的设备");
  phone.touch(phone.all("line").find((node) => node.dataset.page === "devices"));
  await phone.reaches("pages/devices/devices");
  await phone.until((data) => data.ready && data.rows.length === 3, "three sessions");
  return browser;
}

test("this phone comes first and is marked; one browser is ended, the other stays", async () => {
  const browser = await listed();
  const [here, ...others] = phone.page.data.rows;
  assert.deepEqual([here.title, here.current], ["微信小程序", true]);
  assert.ok(others.every((row) => row.title === "浏览器" && !row.current));
  await phone.reads("本机");
  await phone.reads("12-07 08:00 登录，");
  assert.equal(phone.all("link").length, 2, "none to end this one by");
  phone.taps.push(false);
  await phone.tap("退出这台");
  assert.deepEqual(ended(), [], "thought better of it");
  assert.ok(await signedIn(browser));
  phone.taps.push(true);
  await phone.tap("退出这台"); // the latest comes first
  await phone.until((data) => data.rows.length === 2, "one less");
  assert.ok(phone.toasts.includes("已退出"));
  assert.ok(!(await signedIn(browser)));
});

test("all others are ended, and the list says that there is none", async () => {
  const browser = await listed();
  phone.taps.push(true);
  await phone.tap("退出其他所有设备");
  await phone.reads("没有在其他设备上登录");
  assert.equal(phone.page.data.rows.length, 1);
  assert.doesNotMatch(phone.text, /退出其他所有设备/);
  assert.ok(!(await signedIn(browser)));
  phone.open("pages/me/me");
  await phone.reads("赵晨阳"); // this phone goes on
});

test("one that has ended meanwhile is refused in the service's words, and goes from the list", async () => {
  await listed();
  await service.call("DELETE", "/api/v1/sessions", { as: phone.storage.get("token") });
  phone.taps.push(true);
  await phone.tap("退出这台");
  await phone.until((data) => data.rows.length === 1, "only this one");
  assert.deepEqual(ended().map((sent) => sent.status), [404]);
  assert.ok(!phone.toasts.includes("已退出") && phone.toasts.includes("没有找到，可能已被删除"));
});

test("without a network the page says so, and loads with a tap when there is one", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.network = ({ path }) => (path.endsWith("/sessions") ? "offline" : undefined);
  phone.open("pages/devices/devices");
  await phone.until((data) => data.wrong, "what is wrong");
  assert.ok(!phone.page.data.ready && phone.page.data.rows.length === 0);
  phone.network = () => undefined;
  phone.page.load();
  await phone.reads("微信小程序");
  assert.equal(phone.page.data.wrong, "");
});

test("in English", async () => {
  await listed({ language: "en" });
  await phone.reads("WeChat mini-program");
  await phone.reads("Signed in 12-07 08:00, valid until");
  phone.taps.push(true);
  await phone.tap("Sign out everywhere else");
  await phone.reads("You are not signed in on any other device");
});
