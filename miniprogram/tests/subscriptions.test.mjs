// Each tap that leads to messages asks WeChat for their templates first; whatever the reader answers,
// the tap does what it says.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { BOOK, MONDAY, SEAT, at, bound, posted, seatChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const template = (name) => `sandbox-${name.toLowerCase().replaceAll("_", "-")}`;
const ids = (...names) => names.map(template).join("|");

const consents = async () => (await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") })).subscriptions;

/** The taps, each at a time at which it is possible, what the screen says when it has been done, and what a reader is
 * asked for who has accepted all before: of which fewest can come, and of equals what matters most. */
const TAPS = [
  [async () => { await seatChosen(phone); await phone.tap(BOOK); }, "预约成功", ["CHECK_IN_REMINDER", "MOVED", "SUSPENDED", "NO_SHOW", "RESERVED"]],
  [
    async () => {
      phone.sees.push(await service.kioskCode());
      phone.open("pages/index/index");
      await phone.until((data) => data.ready);
      await phone.tap("扫码签到");
    },
    "使用中065 号", ["ENDING_SOON", "CHECKED_IN", "ENDED", "OFFER", "MOVED"],
  ],
  [async () => { await phone.tap("暂离"); }, "暂离065 号", ["LEAVE_REMINDER", "LEAVE_TIMEOUT", "LEAVE", "SUSPENDED", "CHECK_IN_REMINDER"]],
];
/** What who refuses them all is asked for at the same taps. */
const REFUSED = [TAPS[0][2], ["MOVED", "SUSPENDED", "CHECK_IN_REMINDER", "ENDING_SOON", "CHECKED_IN"], ["LEAVE_REMINDER", "MOVED", "SUSPENDED", "LEAVE_TIMEOUT", "LEAVE"]];

for (const [answer, told] of [["accept", true], ["reject", true], ["ban", true], [null, false]]) {
  test(`templates answered with ${answer}: every tap does its work`, async () => {
    await service.reset(at("08:00"));
    phone = await bound(service);
    phone.consents = answer;
    for (const [n, [tap, done, wanted]] of TAPS.entries()) {
      const names = answer === "accept" ? wanted : REFUSED[n];
      const before = posted(phone, "/subscriptions").length;
      await tap();
      await phone.reads(done);
      assert.equal(phone.asked.at(-1), ids(...names));
      const sent = posted(phone, "/subscriptions").slice(before);
      assert.deepEqual(sent.map((one) => one.body.results), told ? [Object.fromEntries(names.map((name) => [name, answer]))] : []);
      assert.ok(sent.every((one) => one.status < 300));
      const action = phone.requests.findLastIndex((one) => one.method === "POST" && /reservations/.test(one.path));
      if (told) assert.ok(phone.requests.indexOf(sent[0]) < action, "the service knows before the message goes out");
    }
    const left = await consents();
    // What was accepted has been used up by the messages that each tap led to at once.
    const kept = { CHECK_IN_REMINDER: 2, NO_SHOW: 1, ENDING_SOON: 1, ENDED: 1, LEAVE_REMINDER: 1, LEAVE_TIMEOUT: 1, MOVED: 2, SUSPENDED: 2, OFFER: 1 };
    for (const [name, n] of Object.entries(kept)) assert.equal(left[name] ?? 0, answer === "accept" ? n : 0, name);
  });
}

test("an answer that does not reach the service holds nobody up", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.network = ({ path }) => (path.endsWith("/subscriptions") ? "offline" : undefined);
  await seatChosen(phone);
  await phone.tap(BOOK);
  await phone.reads("预约成功");
});

test("候补 asks for the messages of an offer and of its end", async () => {
  await service.reset(at("08:00"));
  const other = await service.reader("li", "21070002");
  phone = await bound(service);
  await seatChosen(phone);
  const { start: from, end } = phone.page.data;
  await service.reserve(other, SEAT, MONDAY, from, end);
  await phone.tap(BOOK);
  await phone.tap("加入候补");
  await phone.reads("已加入候补");
  const names = ["OFFER", "CHECK_IN_REMINDER", "MOVED", "SUSPENDED", "NO_SHOW"];
  assert.deepEqual(phone.asked.at(-1).split("|").sort(), names.map(template).sort());
  assert.equal(phone.asked.at(-1).split("|")[0], template("OFFER"));
  assert.equal(posted(phone, "/subscriptions").at(-1).body.results.OFFER, "accept");
});

test("a client that takes three is asked for the three that matter most, and remembered until it is a newer one", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.mostTemplates = 3;
  await seatChosen(phone);
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.deepEqual(phone.asked.slice(-2).map((text) => text.split("|").length), [5, 3]);
  assert.equal(phone.asked.at(-1), ids("CHECK_IN_REMINDER", "MOVED", "SUSPENDED"));
  const before = phone.asked.length;
  await seatChosen(phone, "2f-hall-001", "&from=14:00&to=16:00");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.deepEqual(phone.asked.slice(before), [ids("NO_SHOW", "RESERVED", "OFFER")]);
});

test("long-term templates are never mixed with others, and not asked for again", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.longTerm = new Set([template("CHECK_IN_REMINDER"), template("NO_SHOW")]);
  const library = await service.call("GET", "/api/v1/library", { as: phone.storage.get("token") });
  const templates = library.templates.map((one) => ({ ...one, long_term: phone.longTerm.has(one.id) }));
  phone.network = ({ path }) => (path.endsWith("/library") ? { status: 200, data: { ...library, templates } } : undefined);
  phone.open("pages/privacy/privacy");
  await phone.until((data) => data.ready);
  await seatChosen(phone);
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.equal(phone.asked.at(-1), ids("CHECK_IN_REMINDER", "NO_SHOW"));
  await seatChosen(phone, "2f-hall-001", "&from=14:00&to=16:00");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.equal(phone.asked.at(-1), ids("MOVED", "SUSPENDED", "RESERVED", "OFFER"));
});

test("首页 says when the reminder of a deadline cannot come, and takes the consent", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "09:00", "12:00");
  phone.open("pages/index/index");
  await phone.reads("没有订阅签到提醒");
  phone.consents = null; // the main switch is off
  phone.taps.push(true);
  await phone.tap("订阅");
  await phone.until(() => phone.settings);
  assert.match(phone.asked.at(-1), /^微信里关闭了订阅总开关/);
  await phone.reads("微信里关闭了订阅总开关：到时微信不会通知您");
  phone.consents = "accept";
  await phone.tap("订阅");
  await phone.until(() => !phone.find("订阅"), "nothing is missing");
  assert.ok(!phone.text.includes("没有订阅") && !phone.text.includes("总开关"));
  // The reminder comes at the start: after it there is none to miss.
  await service.clock(at("09:01"));
  phone.open("pages/index/index");
  await phone.reads("已预约065 号");
  await phone.until((data) => data.ready);
  assert.ok(!phone.text.includes("没有订阅"));
});

for (const [language, words] of [["zh_CN", "通知暂时发不出去，签到、返回和候补的提醒可能收不到"], ["en", "Messages cannot be sent at the moment"]]) {
  test(`首页 and 我的 say that no reminder can come just now, in ${language}`, async () => {
    await service.reset(at("08:00"));
    phone = await bound(service, "wang", "21070001", { language });
    await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "09:00", "12:00");
    const me = await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") });
    for (const paused of [true, false]) {
      phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data: { ...me, reminders_paused: paused } } : undefined);
      for (const page of ["pages/index/index", "pages/me/me"]) {
        phone.open(page);
        await phone.until((data) => data.ready && data.loading === false);
        assert.equal(phone.text.includes(words), paused, page);
      }
    }
  });
}

test("再收一次 says that all of these messages are switched off, and leads to the switch", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.open("pages/subscriptions/subscriptions");
  await phone.reads("还可收 0 条");
  phone.consents = null;
  phone.taps.push(true);
  phone.touch(phone.all("link").find((node) => node.dataset.tap === "leave"));
  await phone.until(() => phone.settings);
  assert.match(phone.asked.at(-1), /^微信里关闭了订阅总开关/);
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
