// A program that many schools share: the choice, the change, codes of other schools, and schools that are closed.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone, SCHOOLS_URL } from "./phone.mjs";
import { at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

const A = { name: "甲大学图书馆", title: "甲大学座位预约", names: { zh: "甲大学图书馆", en: "Library of A" }, url: "https://a.test" };
const B = { name: "乙大学图书馆", title: "乙大学座位预约", names: { zh: "乙大学图书馆" }, url: "https://b.test:8443/seats" };
const CLOSED = { name: "丙大学图书馆", title: "丙", url: "https://c.test", suspended: true };
/** None of these is an address that may be asked. */
const WRONG = ["http://d.test", "https://a.test@d.test", "https://d.test/?x=", "javascript:1", "https://d.test/a/../b c", ""].map((url) => ({ name: "丁", title: "丁", url }));
const CHOSEN = { name: A.name, url: A.url };

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const asked = () => phone.requests.filter((sent) => sent.path === SCHOOLS_URL).length;
const bases = () => [...new Set(phone.requests.map((sent) => sent.base).filter(Boolean))];

test("the first start shows the schools, in the phone's language, and asks nobody else", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "new", { language: "en", schools: [...WRONG, null, A, B, CLOSED] });
  phone.storage.set("token", "of a program that had one school");
  phone.network = () => "offline";
  phone.open("pages/index/index");
  await phone.reaches("pages/schools/schools");
  await phone.reads("You are offline");
  phone.network = () => undefined;
  phone.connected();
  await phone.reads("Library of A");
  assert.ok(!phone.text.includes("丁") && phone.text.includes(B.name) && phone.all("search").length === 0);
  assert.deepEqual(bases(), []);
  assert.equal(phone.logins, 0);
  await phone.tap(CLOSED.name);
  assert.match(phone.toasts.at(-1), /丙大学图书馆/);
  await phone.tap("Library of A");
  await phone.reaches("pages/index/index");
  await phone.until((data) => data.floors.length);
  assert.deepEqual(bases(), [A.url]);
  assert.deepEqual(phone.storage.get("school"), { name: "Library of A", url: A.url });
});

test("a long list is searched, and an empty one says so", async () => {
  const many = Array.from({ length: 9 }, (_, n) => ({ name: `第${n}图书馆`, title: `School ${n}`, url: `https://s${n}.test` }));
  phone = new Phone(service, "new", { schools: many });
  phone.open("pages/index/index");
  await phone.reads("第8图书馆");
  phone.type("school7");
  await phone.until((data) => data.rows.length === 1 && data.rows[0].url === "https://s7.test");
  phone.type("没有");
  await phone.reads("没有找到这所学校");
  phone.schools = [];
  phone.open("pages/schools/schools");
  await phone.reads("名录里还没有学校");
});

test("a change forgets the first school, and what it still answers", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", { schools: [A, B], school: CHOSEN });
  await phone.until((data) => data.floors.length);
  assert.deepEqual(bases(), [A.url]);
  assert.equal(asked(), 1, "once a start");
  const token = phone.storage.get("token");
  phone.open("pages/me/me");
  await phone.tap("学校：甲大学图书馆");
  await phone.reads(B.name);
  // A's answer to a login comes after the change.
  let answer;
  phone.storage.delete("token");
  phone.network = ({ path, base }) => (path.endsWith("/wx/login") && base === A.url ? new Promise((resolve) => { answer = resolve; }) : undefined);
  phone.push("pages/waitlist/waitlist");
  await phone.until(() => answer);
  phone.back();
  phone.requests.length = 0;
  await phone.tap(B.name);
  await phone.reaches("pages/index/index");
  answer({ status: 200, data: { token: "of the first school", bound: true } });
  await phone.until((data) => data.floors.length && !phone.flying);
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.deepEqual(bases(), [B.url]);
  for (const { headers } of phone.requests) {
    assert.ok(!headers?.Authorization?.includes(token) && !headers?.Authorization?.includes("of the first school"), "a token of A's");
    assert.ok(!headers?.["If-None-Match"], "an answer of A's is kept");
  }
});

test("a code of another school offers to change to it; any other code sets no address", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", { schools: [A, { ...B, url: "https://b.test" }, CLOSED], school: CHOSEN });
  await service.reserve(phone.storage.get("token"), "2f-hall-065", "2026-12-07", "08:00", "12:00");
  phone.open("pages/index/index");
  phone.sees.push("https://c.test/k/now", "https://b.test/k/now");
  phone.taps.push(false);
  await phone.tap("扫码签到");
  await phone.until(() => phone.asked.at(-1)?.startsWith("丙大学图书馆已暂停服务"), "why not there");
  await phone.tap("扫码签到");
  await phone.until(() => phone.asked.at(-1)?.startsWith("这是乙大学图书馆的二维码"), "an offer");
  assert.equal(phone.storage.get("school").url, A.url, "declined");
  // WeChat's own scanner: a stranger's code is refused by A, as ever; B's leads to B, and counts there at once.
  phone.open(`pages/index/index?q=${encodeURIComponent("https://evil.test/k/now")}`);
  await phone.reads("签到码，请重新扫描");
  assert.deepEqual(bases(), [A.url]);
  phone.taps.push(true);
  phone.open(`pages/index/index?q=${encodeURIComponent("https://b.test/bind?c=0123456789012345678901")}`);
  await phone.until(() => phone.storage.get("school").url === "https://b.test", "the change");
  await phone.until((data) => data.ready);
  phone.requests.length = 0;
  phone.open(`pages/index/index?q=${encodeURIComponent("https://b.test/s/x")}`);
  await phone.until(() => phone.requests.some((sent) => sent.base === "https://b.test" && sent.path.endsWith("/scans")), "noted at B");
  await phone.until((data) => data.ready);
});

test("a school that is suspended or has left the directory leads to the choice, and back", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "new", { schools: [{ ...A, suspended: true }, B], school: CHOSEN });
  phone.network = ({ base }) => (base === A.url ? { status: 503, headers: { "Retry-After": "3600" }, data: "" } : undefined);
  phone.open("pages/index/index");
  await phone.reaches("pages/schools/schools");
  await phone.reads("甲大学图书馆已暂停服务");
  phone.network = () => undefined;
  phone.schools = [B];
  phone.open("pages/schools/schools");
  await phone.reads("学校名录里已没有甲大学图书馆");
  await phone.tap("仍用原来的学校");
  await phone.reaches("pages/index/index");
  await phone.until((data) => data.floors.length);
  phone.open("pages/schools/schools");
  await phone.tap(B.name);
  await phone.until(() => phone.storage.get("school").url === B.url);
  await phone.until((data) => data.floors?.length);
});

test("a library's own program asks for no directory and shows no school", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.storage.set("school", { name: "x", url: "https://evil.test" });
  for (const page of ["index/index", "me/me"]) {
    phone.open(`pages/${page}`);
    await phone.until((data) => data.ready);
  }
  assert.ok(!phone.text.includes("学校："));
  assert.deepEqual(bases(), [service.url]);
  assert.equal(asked(), 0);
});
