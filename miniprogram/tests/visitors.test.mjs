// Before binding, and what WeChat's reviewers look for: for whom it is, sharing, links, privacy, updates.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { BOOK, MONDAY, SEAT, agree, at, bound, posted, seatTapped } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

/** A phone that nobody has bound, at 08:00 of Monday. */
async function stranger(name = "new") {
  await service.reset(at("08:00"));
  phone = new Phone(service, name);
}

const AUDIENCE = "仅供北京工业大学师生使用";
const refused = () => phone.requests.filter((sent) => sent.status === 403).map((sent) => sent.path);

test("areas, plans and notices are looked at before binding, under the words for whom it is", async () => {
  await stranger();
  phone.open("pages/index/index");
  await phone.reads(AUDIENCE);
  await phone.reads("当前空位");
  await phone.reads("座位预约使用说明");
  assert.ok(!phone.text.includes("消息") && !phone.text.includes("现在没有预约"));
  phone.tab("pages/seats/seats");
  await phone.reads(AUDIENCE);
  phone.touch(await phone.until(() => phone.all("area").find((card) => card.textContent.includes("二层中厅"))));
  await phone.reaches("pages/plan/plan");
  await phone.reads(AUDIENCE);
  await seatTapped(phone);
  assert.ok(!phone.find(BOOK) && !phone.find("报修") && !phone.find("设为常用"));
  for (const page of ["notices/notices", "notices/notice?id=how-to-book"]) {
    phone.open(`pages/${page}`);
    await phone.reads(AUDIENCE);
    await phone.reads("座位预约使用说明");
  }
  phone.open("pages/me/me");
  await phone.reads("隐私说明");
  assert.ok(!phone.text.includes("解绑") && !phone.text.includes("我的违约"));
  // What is a reader's own was asked for once at most, before the phone knew that it is nobody's.
  assert.ok(refused().length <= 2, refused().join());
  // A page of a reader's own leads to binding.
  phone.open("pages/messages/messages");
  await phone.reaches("pages/bind/bind");
  await phone.reads("校外人员没有校园账号");
  await phone.tap("先看看");
  await phone.reaches("pages/index/index");
});

test("the code of the page 激活码 leads to binding at once", async () => {
  await stranger("wang");
  phone.open("pages/index/index?scene=web");
  await phone.reaches("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/index/index");
  await phone.reads("现在没有预约");
});

test("who binds to book comes back to the seat", async () => {
  await stranger("wang");
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&seat=${SEAT}`);
  await phone.tap("绑定后预约");
  await phone.reaches("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/plan/plan");
  await phone.until((data) => data.seat?.id === SEAT && data.end, "its sheet");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.deepEqual(posted(phone, "/reservations").map((sent) => sent.status), [201]);
});

test("a review code is pasted, says whom it binds, and is used once", async () => {
  await stranger("reviewer");
  phone.open("pages/bind/bind");
  await phone.reads("先看看");
  await phone.reads("仅供");
  assert.equal(phone.find("用审核访问码"), undefined, "no student needs it");
  const code = await service.reviewCode("审核人员");
  phone.open("pages/bind/bind");
  await phone.until(() => phone.find("用审核访问码"));
  agree(phone);
  phone.taps.push("不是访问码");
  await phone.tap("用审核访问码");
  await phone.reads("这不是审核访问码");
  phone.taps.push(`  ${code} `, true);
  await phone.tap("用审核访问码");
  await phone.reaches("pages/index/index");
  assert.match(phone.asked.at(-2), /^绑定到 审\*/);
  await phone.reads("现在没有预约");
  await phone.close();
  phone = new Phone(service, "another");
  phone.open(`pages/index/index?q=${encodeURIComponent(`${service.url}/bind?c=${code}`)}`);
  await phone.reaches("pages/bind/bind");
  agree(phone);
  await phone.reads("激活码不正确或已过期");
});

test("its picture is scanned as well", async () => {
  await stranger("reviewer");
  const code = await service.reviewCode("审核人员");
  phone.open("pages/bind/bind");
  agree(phone);
  phone.sees.push(`${service.url}/bind?c=${code}`);
  phone.taps.push(true);
  await phone.tap("扫码绑定");
  await phone.reaches("pages/index/index");
  await phone.reads("现在没有预约");
});

test("another account: the phone is nobody's first, and then somebody else's", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.open("pages/me/me");
  await phone.reads("赵晨阳");
  phone.taps.push(true);
  await phone.tap("切换账号");
  await phone.reaches("pages/bind/bind");
  assert.match(phone.asked.at(-1), /先解绑/);
  agree(phone);
  phone.type(await service.activationCode("21070002"));
  await phone.reaches("pages/index/index");
  phone.open("pages/me/me");
  await phone.until((data) => data.name && data.name !== "赵晨阳", "another name");
});

test("pages that everybody may see are passed on; a reader's own are not", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const given = {};
  for (const page of Object.keys(PASSED_ON)) {
    phone.open(page);
    await phone.until((data) => data.ready);
    given[page] = phone.page.onShareAppMessage().path;
    assert.ok(phone.page.onShareAppMessage().title);
  }
  assert.deepEqual(given, PASSED_ON);
  for (const page of ["pages/me/me", "pages/messages/messages", "pages/waitlist/waitlist", "pages/devices/devices"]) {
    phone.open(page);
    await phone.until((data) => data.ready);
    assert.equal(phone.page.onShareAppMessage, undefined, page);
  }
});

const PASSED_ON = {
  "pages/index/index": "/pages/index/index",
  "pages/seats/seats": "/pages/seats/seats",
  [`pages/plan/plan?area=2f-hall&date=${MONDAY}`]: `/pages/plan/plan?area=2f-hall&date=${MONDAY}`,
  "pages/notices/notice?id=how-to-book": "/pages/notices/notice?id=how-to-book",
};

test("a new version is offered, and an address that leads nowhere leads home", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.taps.push(false);
  phone.updateReady();
  await phone.until(() => phone.asked.at(-1) === "新版本已准备好，现在重新打开吗？");
  assert.ok(!phone.restarted);
  phone.taps.push(true);
  phone.updateReady();
  await phone.until(() => phone.restarted);
  phone.open("pages/me/me");
  globalThis.program.onPageNotFound({ path: "pages/gone/gone" });
  await phone.reaches("pages/index/index");
});

test("links of a notice open: pages of this program here, other addresses by a copy", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const body_html = `<p><a href="https://lib.example.edu/a?b=1&amp;c=2">馆藏 <em>目录</em></a> <a href="/areas/2f-hall">二层中厅</a>
    <a href="${service.url}/notices/how-to-bind">怎样绑定</a></p>`;
  const notice = { id: "x", title: "开馆", published_at: at("07:00"), pinned: false, body_html };
  phone.network = ({ path }) => (path.endsWith("/notices/x") ? { status: 200, data: notice } : undefined);
  phone.open("pages/notices/notice?id=x");
  await phone.reads("公告里的链接");
  assert.deepEqual(phone.page.data.links, [
    { text: "馆藏 目录", address: "https://lib.example.edu/a?b=1&c=2", page: "" },
    { text: "二层中厅", address: `${service.url}/areas/2f-hall`, page: "/pages/plan/plan?area=2f-hall" },
    { text: "怎样绑定", address: `${service.url}/notices/how-to-bind`, page: "/pages/notices/notice?id=how-to-bind" },
  ]);
  const link = (n) => { phone.touch(phone.all("line")[n]); };
  link(0);
  assert.equal(phone.clipboard, "https://lib.example.edu/a?b=1&c=2");
  link(1);
  await phone.reaches("pages/plan/plan");
  assert.equal(phone.title, "二层中厅 12-07", "today's plan");
});

test("what is kept is told, with the library's own times; a missing guide is said", async () => {
  await stranger();
  phone.open("pages/privacy/privacy");
  await phone.reads("门禁记录");
  await phone.reads("保存 180 天，您在“我的”的“门禁记录”里看到");
  phone.hasGuide = false;
  await phone.tap("查看用户隐私保护指引");
  await phone.until(() => phone.toasts.includes("微信没有打开指引，请稍后再试"));
});

test("a seat is proposed, another one on request, and one tap leads to its times", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const first = await phone.until((data) => data.proposed, "a seat");
  await phone.reads("这里空位最多");
  await phone.tap("换一个");
  const second = await phone.until((data) => data.proposed?.id !== first.id && data.proposed, "another seat");
  await phone.until(() => !phone.page.data.busy);
  // It stays while the page looks again by itself.
  const asked = () => phone.requests.filter((sent) => sent.path.includes("/proposal")).length;
  const before = asked();
  for (let n = 0; n < 4; n += 1) await phone.page.look();
  assert.deepEqual([asked(), phone.page.data.proposed.id], [before, second.id]);
  await phone.tap("坐这里 · 现在–10:00");
  await phone.reaches("pages/plan/plan");
  await phone.until((data) => data.seat?.id === second.id && data.start === "now" && data.end === "10:00", "its times");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  // Who has a seat is not offered another one.
  phone.open("pages/index/index");
  await phone.reads("已预约");
  await phone.until((data) => data.ready);
  assert.equal(phone.page.data.proposed, null);
});

test("how full it will be is told with its error, and not where nobody could have a seat", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const items = [{ area_id: "2f-hall", at: at("15:00"), free: 32, error: 8 }, { area_id: "2f-east", at: at("15:00"), free: 9, error: 4 }];
  phone.network = ({ path }) => (path.includes("/forecast") ? { status: 200, data: { items } } : undefined);
  phone.open("pages/seats/seats");
  await phone.reads("15:00 约剩 32 ±8");
  assert.equal(phone.all("area").filter((card) => card.textContent.includes("约剩")).length, 2);
  phone.touch(phone.all("day")[1]);
  await phone.reads("最满 15:00 约剩 32 ±8");
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
  await phone.reads("15:00 约剩 32 ±8");
});

test("签到, 暂离, 续约 and 结束 stand in the row of 我的预约 too", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const { id } = await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "now", "12:00");
  phone.open("pages/me/me");
  await phone.reads("图书馆2层二层中厅065号");
  const texts = () => phone.page.data.rows.find((row) => row.id === id).buttons.map((button) => button.text);
  assert.deepEqual(texts(), ["签到", "续约", "取消"]);
  phone.sees.push(await service.kioskCode());
  await phone.tap("签到");
  await phone.until(() => texts().includes("暂离"), "in use");
  await service.clock(at("11:30"));
  phone.open("pages/me/me");
  await phone.until(() => phone.page.data.rows.length && texts().join() === "暂离,续约,结束");
  phone.taps.push(0);
  await phone.tap("续约");
  await phone.reads("08:00–13:00");
  await phone.tap("暂离");
  await phone.until(() => texts().includes("返回"), "away");
  phone.sees.push(await service.kioskCode());
  await phone.tap("返回");
  await phone.until(() => texts().includes("结束"), "back");
  phone.taps.push(false);
  await phone.tap("结束");
  assert.equal(phone.asked.at(-1), "确认结束当前座位吗？结束后座位马上归还。");
  phone.taps.push(true);
  await phone.tap("结束");
  await phone.until(() => texts().length === 0, "over");
  await phone.reads("结束使用");
});

test("a refused tap in a row is said, and the row is as it is now", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const token = phone.storage.get("token");
  const { id } = await service.reserve(token, SEAT, MONDAY, "now", "12:00");
  phone.open("pages/me/me");
  await phone.until(() => phone.find("取消"));
  await service.call("POST", `/api/v1/reservations/${id}/cancel`, { as: token, body: {} }); // on another phone
  phone.taps.push(true);
  await phone.tap("取消");
  await phone.reads("已取消");
  assert.equal(phone.toasts.length > 0, true);
});

test("where nothing is free the plan offers the line and the free-seat alert, for a time of one's own", async () => {
  await service.reset(at("08:10"));
  phone = await bound(service);
  const as = phone.storage.get("token");
  const map = await service.call("GET", `/api/v1/areas/2f-hall/map?date=${MONDAY}`, { as });
  const seats = map.seats.map((seat) => ({ ...seat, status: "occupied", free_until: null, next_free: at("10:30") }));
  let full = true;
  phone.network = ({ path }) => (full && path.includes("/2f-hall/map") ? { status: 200, data: { ...map, seats } } : undefined);
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
  await phone.reads("最早 10:30 有空位");
  const card = () => document.querySelectorAll("wx-picker");
  await phone.until(() => card().length === 2, "the times");
  assert.ok(phone.text.includes("现在–10:00"));
  phone.touch(card()[0], "change", { value: 2 });
  await phone.reads("10:00–12:00");
  phone.touch(card()[1], "change", { value: 0 });
  await phone.reads("10:00–11:00");
  // A seat is free after all: the service says so, and nobody waits.
  await phone.tap("加入候补");
  await phone.until(() => phone.all("bad").some((node) => node.textContent.trim()), "a refusal");
  assert.deepEqual((await service.call("GET", "/api/v1/waitlist", { as })).items, []);
  phone.network = ({ path, method, body }) => {
    if (method === "POST" && path.endsWith("/waitlist")) return { status: 201, data: { ...body, id: "w", state: "waiting", ahead: null, offer: null } };
    return full && path.includes("/2f-hall/map") ? { status: 200, data: { ...map, seats } } : undefined;
  };
  await phone.tap("有空就告诉我");
  await phone.reads("有空位时会发消息告诉您");
  const [, told] = posted(phone, "/waitlist");
  assert.deepEqual(told.body, { area_id: "2f-hall", date: MONDAY, start: "10:00", end: "11:00", seats: [], only_tell: true });
  full = false;
  await phone.page.refresh();
  assert.ok(!phone.text.includes("有空位时会发消息"));
  full = true;
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&start=14:00&end=16:00`);
  await phone.reads("14:00–16:00 这里没有空位");
  await phone.tap("加入候补");
  await phone.until(() => posted(phone, "/waitlist").length === 3);
  assert.deepEqual([posted(phone, "/waitlist")[2].body.start, posted(phone, "/waitlist")[2].body.only_tell], ["14:00", false]);
});

test("the sheet lies over the plan: a tap beside it closes it, and the plan is drawn anew by a pull", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
  await phone.until((data) => data.ready);
  await seatTapped(phone);
  phone.touch(phone.all("mask")[0]);
  await phone.until((data) => data.seat === null);
  assert.equal(phone.all("mask").length, 0);
  // What stands between the seats has its word, drawn with it.
  const word = phone.all("word").find((node) => node.textContent === "书架");
  assert.ok(word && phone.text.includes("入口"));
  assert.deepEqual([...new Set(phone.page.data.seats.flatMap((seat) => seat.marks))].sort(), ["accessible", "power", "window"]);
  const other = await service.reader("li", "21070002");
  await service.reserve(other, SEAT, MONDAY, "now", "10:00");
  await phone.page.onPullDownRefresh();
  assert.equal(phone.page.data.seats.find((seat) => seat.id === SEAT).status, "occupied");
  assert.ok(phone.pulled);
});

test("a pull shows what has become of a booking elsewhere", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  const token = phone.storage.get("token");
  const made = await service.reserve(token, SEAT, MONDAY, "09:00", "10:00");
  phone.open(`pages/reservation/detail?id=${made.id}`);
  await phone.until((data) => data.r?.state === "reserved", "the booking");
  await service.call("POST", `/api/v1/reservations/${made.id}/cancel`, { as: token });
  await phone.page.onPullDownRefresh();
  assert.equal(phone.page.data.r.state, "cancelled");
  assert.ok(phone.pulled && phone.text.includes("已取消"));
});
