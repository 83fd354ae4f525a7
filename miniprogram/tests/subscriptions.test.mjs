// Each tap that leads to messages asks WeChat for their templates first; whatever the reader answers,
// the tap does what it says.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { MONDAY, SEAT, at, bound, posted, seatChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const GROUPS = {
  reserve: ["RESERVED", "CHECK_IN_REMINDER", "NO_SHOW"],
  check_in: ["CHECKED_IN", "ENDING_SOON", "ENDED"],
  leave: ["LEAVE", "LEAVE_REMINDER", "LEAVE_TIMEOUT"],
};
const template = (name) => `sandbox-${name.toLowerCase().replaceAll("_", "-")}`;
const asked = (group) => GROUPS[group].map(template).join("|");

const consents = async () => (await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") })).subscriptions;

/** The taps, each at a time at which it is possible, and what the screen says when it has been done. */
const TAPS = [
  ["reserve", async () => { await seatChosen(phone); await phone.tap("立即预约"); }, "预约成功"],
  ["check_in", async () => { phone.sees.push(await service.kioskCode()); phone.open("pages/index/index"); await phone.tap("扫码签到"); }, "使用中 ·"],
  ["leave", async () => { await phone.tap("暂离"); }, "暂离 ·"],
];

for (const [answer, told] of [["accept", true], ["reject", true], ["ban", true], [null, false]]) {
  test(`templates answered with ${answer}: every tap does its work`, async () => {
    await service.reset(at("08:00"));
    phone = await bound(service);
    phone.consents = answer;
    for (const [group, tap, done] of TAPS) {
      const before = posted(phone, "/subscriptions").length;
      await tap();
      await phone.reads(done);
      assert.equal(phone.asked.at(-1), asked(group), "asked for its own three");
      const sent = posted(phone, "/subscriptions").slice(before);
      assert.deepEqual(sent.map((one) => one.body.results), told ? [Object.fromEntries(GROUPS[group].map((name) => [name, answer]))] : []);
      assert.ok(sent.every((one) => one.status < 300));
      const action = phone.requests.findLastIndex((one) => one.method === "POST" && /reservations/.test(one.path));
      if (told) assert.ok(phone.requests.indexOf(sent[0]) < action, "the service knows before the message goes out");
    }
    const left = await consents();
    // What was accepted has been used up by the messages that each tap led to at once.
    const kept = { CHECK_IN_REMINDER: 1, NO_SHOW: 1, ENDING_SOON: 1, ENDED: 1, LEAVE_REMINDER: 1, LEAVE_TIMEOUT: 1 };
    for (const [name, n] of Object.entries(kept)) assert.equal(left[name] ?? 0, answer === "accept" ? n : 0, name);
  });
}

test("an answer that does not reach the service holds nobody up", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.network = ({ path }) => (path.endsWith("/subscriptions") ? "offline" : undefined);
  await seatChosen(phone);
  await phone.tap("立即预约");
  await phone.reads("预约成功");
});

test("候补 asks for the messages of an offer and of its end", async () => {
  await service.reset(at("08:00"));
  const other = await service.reader("li", "21070002");
  phone = await bound(service);
  await seatChosen(phone);
  const { start: from, end } = phone.page.data;
  await service.reserve(other, SEAT, MONDAY, from, end);
  await phone.tap("立即预约");
  await phone.tap("加入候补");
  await phone.reads("已加入候补");
  assert.equal(phone.asked.at(-1), ["OFFER", "MOVED"].map(template).join("|"));
  assert.deepEqual(posted(phone, "/subscriptions").at(-1).body, { results: { OFFER: "accept", MOVED: "accept" } });
});

test("订阅设置 counts what can still come, and takes more", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.open("pages/subscriptions/subscriptions");
  await phone.reads("还可收 0 条");
  const rows = phone.page.data.rows.map((row) => row.tap);
  for (const tap of rows) {
    await phone.until(() => phone.all("link").every((node) => !/busy/.test(node.className)));
    phone.touch(phone.all("link").find((node) => node.dataset.tap === tap));
    await phone.until((data) => data.rows.find((row) => row.tap === tap).left.includes("1"), `one more of ${tap}`);
  }
  await phone.tap("在微信里管理");
  assert.ok(phone.settings);
});

test("订阅设置 shows 长期 where all of a tap's templates are accepted for good", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const me = await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") });
  const data = {
    ...me,
    subscriptions: { ...me.subscriptions, LEAVE: 1, LEAVE_REMINDER: 1, LEAVE_TIMEOUT: 1, OFFER: 1, MOVED: 1, SUSPENDED: 0 },
    long_term: ["LEAVE", "LEAVE_REMINDER", "LEAVE_TIMEOUT", "OFFER", "SUSPENDED"],
  };
  phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data } : undefined);
  phone.open("pages/subscriptions/subscriptions");
  await phone.reads("长期");
  const left = Object.fromEntries(phone.page.data.rows.map((row) => [row.tap, row.left]));
  assert.deepEqual(left, {
    reserve: "还可收 0 条", check_in: "还可收 0 条", leave: "长期", wait: "还可收 1 条", settings: "还可收 0 条",
  });
});
