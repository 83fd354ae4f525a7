// The pass of a booking in each of its states, 续约 with the time from which it is possible, the switch of floors, and
// what a seat's sheet says before it is booked.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { BOOK, MONDAY, SEAT, at, bound, posted, seatChosen, timesChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

/** What the pass shows: the class of its state, its main action and the others with what stands below their names. */
function pass() {
  const [card] = phone.all("pass");
  const others = phone.all("other").map((node) => node.textContent.trim());
  return { state: [...card.classList].at(-1).replace(/^.*--/, ""), main: phone.all("main")[0]?.textContent ?? "", others };
}

async function home(state) {
  phone.open("pages/index/index");
  await phone.until((data) => data.ready && data.live[0]?.state === state, state);
}

test("the pass has the seat large, one main action for its state, and 续约 always, with its time", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const token = phone.storage.get("token");
  const { id } = await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  await home("reserved");
  assert.equal(phone.all("seat-no")[0].textContent, "065 号");
  assert.deepEqual(pass(), { state: "reserved", main: "", others: ["续约11:00 起", "取消"] });

  // Too early: it says from when, and asks nobody.
  await phone.tap("续约");
  await phone.until(() => phone.toasts.includes("续约 · 11:00 起"));
  assert.ok(phone.requests.every(({ path }) => !path.includes("/extensions")));
  phone.open("pages/me/me");
  await phone.reads("续约11:00 起");
  await phone.tap("续约");
  await phone.until(() => phone.toasts.filter((said) => said === "续约 · 11:00 起").length === 2);

  await service.clock(at("08:50"));
  await home("reserved");
  assert.deepEqual(pass(), { state: "reserved", main: "扫码签到", others: ["续约11:00 起", "取消", "座位被占"] });
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  await phone.reads("使用中065 号");
  assert.deepEqual(pass(), { state: "in_use", main: "暂离", others: ["续约11:00 起", "结束", "座位被占", "提前到"] });

  await service.clock(at("11:10"));
  await home("in_use");
  assert.deepEqual(pass().others.slice(0, 2), ["续约", "结束"]);
  await phone.tap("暂离");
  await phone.reads("暂离065 号");
  assert.deepEqual(pass(), { state: "away", main: "扫码返回", others: ["续约返回后", "结束"] });
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码返回");
  await phone.reads("使用中065 号");
  for (const [clock, place] of [["11:20", 0], ["12:30", 0]]) {
    await service.clock(at(clock));
    await home("in_use");
    phone.taps.push(place);
    const before = posted(phone, "/extend").length;
    await phone.tap("续约");
    await phone.until(() => posted(phone, "/extend")[before]?.status === 200, `renewed at ${clock}`);
  }
  await home("in_use");
  assert.ok(pass().others.includes("续约已到上限"), pass().others.join());

  // An installed service that does not say when: as it was, 续约 where it is possible.
  const me = await service.call("GET", "/api/v1/me", { as: token });
  for (const r of me.active) delete r.extend_from;
  phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data: me } : undefined);
  await home("in_use");
  assert.ok(!pass().others.some((text) => text.startsWith("续约")), id);
});

/** The seats of the picture that is drawn, in their states, and the number of the reader's. */
function pictured() {
  const ground = phone.all("ground")[0];
  const seats = ground ? [...ground.querySelectorAll("[class*=seat]")] : [];
  const state = (node) => [...node.classList].at(-1).replace(/^.*--/, "");
  return { states: [...new Set(seats.map(state))].sort(), mine: seats.filter((node) => state(node) === "mine").map((node) => node.textContent.trim()), all: seats.length };
}

test("a booking that is made shows its seat in its place, the nearest screen, the calendar and a reminder", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  await seatChosen(phone, "3f-east-007");
  await timesChosen(phone, "09:00", "12:00");
  await phone.tap(BOOK);
  await phone.reads("09:30 前到三层北查询机签到");
  await phone.reads("也可以在二层北自助服务区选座机、二层南自助服务区选座机、四层北查询机");
  await phone.until(() => phone.all("ground").length, "the plan around it");
  const { mine, states, all } = pictured();
  assert.deepEqual([mine, states], [["007"], ["mine", "occupied"]]);
  assert.ok(all > 10 && all < 40, String(all));
  assert.ok(phone.all("desk").length);
  await phone.tap("加入日历");
  await phone.until(() => phone.calendar.length);
  const { title, startTime, endTime, description } = phone.calendar[0];
  assert.deepEqual([title, startTime, endTime], ["座位：图书馆3层三层东区007号", Date.parse(at("09:00")) / 1000, String(Date.parse(at("12:00")) / 1000)]);
  assert.match(description, /09:30 前到三层北查询机签到/);
  for (const [said, dialogue] of [["auth deny", "请在手机设置里允许"], ["privacy permission is not authorized", "要看隐私保护指引"]]) {
    phone.noCalendar = { errMsg: `addPhoneCalendar:fail ${said}` };
    await phone.tap("加入日历");
    await phone.until(() => phone.asked.at(-1).includes(dialogue), dialogue);
  }
  await phone.tap("提醒我");
  await phone.until(() => phone.toasts.includes("签到提醒还可收 2 条"), "how many can come");

  // Looked at later it is there without the picture, and a service before 0.3 names no screens.
  const shown = `pages/reservation/detail?id=${phone.page.data.id}`;
  phone.network = async ({ path }) => {
    const [, id] = /\/reservations\/(\w+)$/.exec(path) ?? [];
    const { kiosks, ...data } = id ? await service.call("GET", `/api/v1/reservations/${id}`, { as: phone.storage.get("token") }) : {};
    return id && { status: 200, data };
  };
  phone.open(shown);
  await phone.reads("09:30 前到选座机或查询机扫码签到");
  assert.deepEqual([phone.all("glimpse").length, !!phone.find("加入日历")], [0, true]);
});

test("the proposed seat is drawn in its place once the page is there, from the plan that the next tap opens", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  await phone.until((data) => data.glimpse);
  phone.requests.length = 0;
  phone.network = ({ path }) => (path.includes("/map") && !phone.page.data.ready ? "offline" : undefined);
  phone.open("pages/index/index");
  const { seat, query } = await phone.until((data) => data.glimpse && data.proposed, "a picture");
  phone.network = () => undefined;
  assert.deepEqual([pictured().mine, pictured().states.includes("free")], [[/(\d+) 号/.exec(seat)[1]], true]);
  const asked = () => phone.requests.filter((sent) => sent.path.includes("/map"));
  assert.equal(asked().length, 1);
  await phone.page.load();
  assert.equal(asked().length, 1, "the same seat");
  phone.push(`pages/plan/plan?${query}`);
  await phone.until((data) => data.ready && data.seat);
  assert.deepEqual(asked().map((sent) => sent.status), [304, 304]);
  await phone.reads("按 现在–10:00 显示");
  phone.back();
  // A plan that does not come takes nothing away.
  phone.network = ({ path }) => (path.includes("/map") ? { status: 404, data: { error: { code: "not_found", message: "", details: {} } } } : undefined);
  await phone.tap("换一个");
  const other = await phone.until((data) => !data.busy && data.proposed.seat !== seat && data.proposed, "another seat");
  await phone.until(() => asked().length === 3);
  assert.deepEqual([phone.page.data.glimpse, phone.page.data.wrong], [null, ""]);
  assert.ok(phone.text.includes(other.seat));
});

test("明天 proposes a seat for tomorrow at once, says when that is not possible, and leads back", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  await phone.tap("明天可以预约");
  const { query } = await phone.until((data) => data.ahead && data.proposed, "a seat for tomorrow");
  assert.match(query, /&date=2026-12-08&start=09:00&end=11:00$/);
  await phone.reads("坐这里 · 明天 09:00–11:00");
  await phone.tap("换一个");
  await phone.until((data) => !data.busy && data.proposed?.query !== query && data.proposed.query.includes("2026-12-08"), "another one of tomorrow");
  await phone.tap("今天回到今天");
  await phone.until((data) => !data.ahead && data.proposed.query.includes("date=2026-12-07&start=now"), "today's");

  const answer = await service.call("GET", "/api/v1/proposal", { as: phone.storage.get("token") });
  const shown = async (tomorrow) => {
    phone.network = ({ path }) => (path.includes("/proposal") ? { status: 200, data: path.includes("12-08") ? { proposed: null, tomorrow } : { ...answer, tomorrow } } : undefined);
    phone.open("pages/index/index");
    await phone.until((data) => data.ready);
  };
  await shown({ ...answer.tomorrow, bookable: false, opens_at: at("20:00") });
  await phone.tap("明天20:00 开放");
  await shown({ ...answer.tomorrow, bookable: false, open: null });
  await phone.reads("明天闭馆");
  assert.ok(!phone.requests.some((sent) => sent.path.includes("12-08") && sent.weather), "nothing to propose then");
  await shown(answer.tomorrow);
  await phone.tap("明天可以预约");
  await phone.until((data) => phone.toasts.includes("暂无空位") && !data.ahead && data.proposed, "today's again");
  // Tomorrow can never be booked ahead, or the service does not say it.
  for (const tomorrow of [null, undefined]) {
    await shown(tomorrow);
    assert.equal(phone.page.data.turn, null);
  }
});

test("areas stand behind a switch of floors: a number where seats are free, amber where few are, 候补 where none is", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const { items } = await service.call("GET", "/api/v1/areas", { as: phone.storage.get("token") });
  const free = { "2f-hall": 0, "2f-east": 30 };
  const areas = items.map((area) => ({ ...area, seats_free: free[area.id] ?? area.seats_free }));
  phone.network = ({ path }) => (/\/areas(\?|$)/.test(path) ? { status: 200, data: { items: areas } } : undefined);
  for (const page of ["pages/index/index", "pages/seats/seats"]) {
    phone.open(page);
    await phone.until((data) => data.floors.length && phone.all("area").length);
    assert.deepEqual(phone.all("part").map((node) => node.textContent), ["二层", "三层", "四层"]);
    const row = (id) => phone.all("area").find((node) => node.dataset.id === id);
    assert.equal(row("2f-hall").textContent, "二层中厅暂无空位 · 总数 68候补");
    assert.equal(row("2f-east").textContent, "二层东区总数 22230可用");
    assert.ok(row("2f-east").querySelector("[class*=few]") && !row("2f-north").querySelector("[class*=few]"));
    assert.ok(!row("3f-east"));
    phone.touch(phone.all("part")[1]);
    await phone.until(() => row("3f-east") && !row("2f-hall"), "the other floor");
    // It stays when the page is loaded again.
    await phone.page.load();
    assert.ok(row("3f-east"));
    phone.touch(row("3f-east"));
    await phone.reaches("pages/plan/plan");
    // Its rows face one another from left and right, with a desk between them.
    const sides = ["left", "right"].map((side) => phone.page.data.seats.filter(({ back }) => back === side).length);
    assert.ok(phone.all("desk").length > 10 && sides.every((n) => n > 100), sides.join());
  }
});

for (const [language, ends, sentence, checkIn] of [
  ["zh_CN", ["到 10:0010 分钟", "到 11:001 小时 10 分", "到 12:002 小时 10 分", "到 13:003 小时 10 分"], "预约 065 号 · 现在–13:00", ["请在 09:50–10:20 到选座机或查询机扫码签到", "请在 09:50–10:00 到选座机或查询机扫码签到"]],
  ["en", ["Until 10:0010 min", "Until 11:001 h 10 min", "Until 12:002 h 10 min", "Until 13:003 h 10 min"], "Book seat 065 · Now–13:00", ["Check in 09:50–10:20", "Check in 09:50–10:00"]],
]) {
  test(`the sheet names the ends, what is booked, and until when to check in, in ${language}`, async () => {
    await service.reset(at("09:50"));
    phone = await bound(service, "wang", "21070001", { language });
    await seatChosen(phone);
    assert.deepEqual(phone.all("until").map((node) => node.textContent), ends);
    assert.ok(phone.find(sentence), phone.text);
    assert.ok(phone.text.includes(checkIn[0]), phone.text);
    // A stay that ends earlier ends it.
    await timesChosen(phone, "now", "10:00");
    await phone.reads(checkIn[1]);
    assert.ok(phone.find(sentence.replace("13:00", "10:00")), "the button says the other end");
  });
}
