// The manual's chapter on the mini-program, from binding to 结束, against the real service.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { BOOK, MONDAY, SEAT, agree, at, bound, posted, seatChosen, seatTapped, timesChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

/** That reader's phone at that time of Monday. */
async function begin(clock) {
  await service.reset(at(clock));
  phone = await bound(service);
  return phone.storage.get("token");
}

const reload = async () => {
  phone.open("pages/index/index");
  await phone.reaches("pages/index/index");
};

test("the story: bind, reserve, check in, extend, leave, return, finish", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "wang");

  // The first start says for whom it is, and where the six digits are.
  phone.open("pages/index/index");
  await phone.reads("仅供北京工业大学师生使用");
  await phone.tap("绑定身份");
  await phone.reaches("pages/bind/bind");
  await phone.tap("复制网址");
  assert.equal(phone.clipboard, `${service.url}/activation`);
  // Nothing is asked for before the reader agrees that number and name are taken.
  phone.type("000000");
  await phone.reads("请先阅读，并勾选");
  await phone.tap("扫码绑定");
  assert.deepEqual([posted(phone, "/bindings"), phone.asked], [[], []]);
  await phone.tap("隐私说明");
  await phone.reaches("pages/privacy/privacy");
  phone.back();
  await phone.tap("用户隐私保护指引");
  assert.ok(phone.guideShown);
  agree(phone); // the digits that are there go on
  await phone.reads("激活码不正确或已过期");
  assert.deepEqual([posted(phone, "/bindings").length, phone.asked], [1, ["privacy"]]);
  assert.deepEqual(phone.page.data.boxes, ["", "", "", "", "", ""]);
  const code = await service.activationCode("21070001");
  phone.type(`激活码 ${code.slice(0, 3)} ${code.slice(3)}`); // pasted with what stood around it
  await phone.reaches("pages/index/index");
  assert.ok(phone.toasts.includes("已绑定：赵晨阳"));
  await phone.reads("现在没有预约");

  // Never again, on this start or the next.
  phone.open("pages/index/index");
  await phone.reaches("pages/index/index");
  assert.equal(phone.logins, 1);

  // 预约座位: area, plan, seat, times, 预约成功.
  phone.tab("pages/seats/seats");
  await phone.reaches("pages/seats/seats");
  await phone.until((data) => data.floors.length);
  phone.touch(phone.all("area").find((card) => card.textContent.includes("二层中厅")));
  await phone.reaches("pages/plan/plan");
  assert.equal(phone.title, "二层中厅 12-07");
  await seatTapped(phone);
  await timesChosen(phone, "09:00", "12:00");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  await phone.reaches("pages/reservation/detail");
  await phone.reads("请在 08:30–09:30 到选座机或查询机扫码签到，否则记违约一次");
  assert.deepEqual(posted(phone, "/reservations").map((sent) => sent.status), [201]);
  await phone.reads("已预约065 号二层中厅 · 图书馆");

  // The pass, before its time. Behind it is what was there before the plan.
  phone.back();
  await phone.reaches("pages/seats/seats");
  await reload();
  await phone.until(() => /(1:00:00|59:\d\d) 后开始/.test(phone.text), "how long it is until then");

  // A code that is none is refused and says so; the kiosk's is taken.
  await service.clock(at("08:55"));
  phone.open("pages/index/index");
  phone.sees.push("http://example.com/k/2f-south?c=1");
  await phone.tap("扫码签到");
  await phone.until(() => phone.all("said").some((node) => node.textContent.trim()), "a refusal");
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  await phone.reads("使用中065 号二层中厅 · 图书馆");

  // 暂离 says until when before it is tapped, and after.
  await service.clock(at("10:00"));
  phone.open("pages/index/index");
  await phone.reads("请在 10:30 前返回并再次扫码");
  await phone.tap("暂离");
  await phone.reads("暂离065 号二层中厅 · 图书馆12-07 09:00–12:00请在 10:30 前返回");
  await service.clock(at("10:20"));
  phone.sees.push(await service.kioskCode("3f-north"));
  await phone.tap("扫码返回");
  await phone.reads("使用中065 号二层中厅 · 图书馆");

  // 续约, of the choices that there are.
  await service.clock(at("11:40"));
  phone.open("pages/index/index");
  phone.taps.push(0);
  await phone.tap("续约");
  await phone.until(() => phone.text.includes("–13:00"), "a later end");

  // 结束 asks first.
  await service.clock(at("12:30"));
  phone.taps.push(false);
  await phone.tap("结束");
  await phone.until(() => phone.asked.at(-1).includes("确认结束"));
  await phone.until((data) => data.live[0]?.state === "in_use");
  phone.taps.push(true);
  await phone.tap("结束");
  await phone.reads("现在没有预约");

  // 我的预约 with 详情, and the messages.
  phone.open("pages/me/me");
  await phone.reads("结束使用");
  await phone.tap("详情");
  await phone.reaches("pages/reservation/detail");
  const told = phone.page.data.lines.map((line) => line.text);
  assert.deepEqual(told, ["预约", "签到", "暂离", "返回", "续约", "结束使用"]);
  phone.open("pages/index/index");
  await phone.reads("条未读");
  phone.open("pages/messages/messages");
  await phone.reads("预约成功");
  await phone.until(() => posted(phone, "/messages/read").at(-1)?.status === 204 || posted(phone, "/messages/read").at(-1)?.status === 200);
  phone.open("pages/index/index");
  await phone.reaches("pages/index/index");
  assert.equal(phone.page.data.unread, 0);
});

const openBinding = async (name) => {
  phone = new Phone(service, name);
  phone.open("pages/bind/bind");
  agree(phone);
  await phone.until(() => phone.requests.some((sent) => sent.path.endsWith("/binding-requests/current") && sent.status === 200));
};

test("a scanned code asks whose it is, and binds when the reader agrees", async () => {
  await service.reset(at("08:00"));
  await openBinding("wang");
  const { link } = await service.activation("21070001");
  phone.sees.push(null, await service.kioskCode(), link.replace(/.$/, ""));
  for (const said of ["没有扫到二维码", "这不是“激活码”网页上的二维码", "这不是“激活码”网页上的二维码"]) {
    await phone.tap("扫码绑定");
    await phone.reads(said);
  }
  await phone.tap("扫码绑定"); // and the camera is closed
  await phone.until((data) => data.wrong === "" && !data.busy);
  phone.sees.push(link, link);
  phone.taps.push(false);
  await phone.tap("扫码绑定");
  await phone.until(() => phone.asked.at(-1) === "绑定到 赵*（21****01）？");
  await phone.until((data) => !data.busy);
  assert.deepEqual(posted(phone, "/bindings"), []);
  phone.taps.push(true);
  await phone.tap("扫码绑定");
  await phone.reaches("pages/index/index");
  assert.ok(phone.toasts.includes("已绑定：赵晨阳"));
  await phone.reads("现在没有预约");
});

test("the code before WeChat's own scanner asks as well; one that was used says so; nobody binds twice", async () => {
  await service.reset(at("08:00"));
  const { link } = await service.activation("21070001");
  phone = new Phone(service, "wang");
  const scan = () => { phone.open(`pages/index/index?q=${encodeURIComponent(link)}`); };
  phone.taps.push(true);
  scan();
  await phone.reads("请先阅读，并勾选");
  assert.deepEqual(phone.asked, [], "the code waits for the box");
  agree(phone);
  await phone.until(() => phone.toasts.includes("已绑定：赵晨阳"));
  await phone.reads("现在没有预约");
  assert.deepEqual(phone.asked, ["绑定到 赵*（21****01）？", "privacy"]);
  scan();
  await phone.reads("此微信已绑定身份");
  await phone.close();
  phone = new Phone(service, "li");
  scan();
  await phone.reaches("pages/bind/bind");
  agree(phone);
  await phone.reads("激活码不正确或已过期");
});

test("while others guess, digits wait for the web page: refused, expired, confirmed", async () => {
  await service.reset(at("08:00"));
  await service.guess(101);
  await openBinding("wang");
  const waits = async () => {
    const { code } = await service.activation("21070001");
    phone.type(code);
    await phone.reads("请在网页上确认");
    const { request } = await service.activation("21070001");
    assert.equal(phone.page.data.match, request.match_number, "the same number on both screens");
    await phone.reads("请在 08:10 前确认");
  };
  await waits();
  assert.equal((await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") })).reader, null);
  // Without a network it goes on waiting; who comes back finds it again.
  phone.network = () => "offline";
  await phone.page.look();
  await phone.reads("请在网页上确认");
  phone.network = () => undefined;
  phone.open("pages/bind/bind");
  await phone.reads("请在网页上确认");
  await service.answer("21070001", "refuse");
  await phone.reads("网页上点了“不是我”，没有绑定"); // by itself
  assert.equal(phone.page.data.match, "");

  agree(phone); // the page is a new one
  await waits();
  await service.activation("21070001", { renew: true });
  await phone.page.look();
  await phone.reads("激活码已过期或已更换，没有绑定");

  await waits();
  await service.answer("21070001", "confirm");
  await phone.reaches("pages/index/index"); // by itself
  assert.ok(phone.toasts.includes("已绑定：赵晨阳"));
  await phone.reads("现在没有预约");

  // A scanned code does not wait.
  await phone.close();
  await openBinding("li");
  phone.sees.push((await service.activation("21070002")).link);
  phone.taps.push(true);
  await phone.tap("扫码绑定");
  await phone.reaches("pages/index/index");
});

test("a kiosk's link that WeChat's scanner opens checks in at once, and once", async () => {
  const token = await begin("08:00");
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  const open = async () => {
    phone.open(`pages/index/index?q=${encodeURIComponent(await service.kioskCode())}`);
    await phone.reaches("pages/index/index");
  };
  await open();
  await phone.reads("请在 08:30–09:30 到选座机"); // too early: says when
  assert.equal(posted(phone, "/check-in").length, 0);

  await service.clock(at("08:40"));
  phone.storage.delete("token"); // the program was closed for long: it signs in first
  await open();
  await phone.reads("使用中065 号二层中厅 · 图书馆");
  assert.ok(phone.toasts.includes("签到成功"));
  await phone.page.load();
  assert.deepEqual(posted(phone, "/check-in").map((sent) => sent.status), [200]);
  assert.ok(!phone.text.includes("您现在没有可以签到的预约"));

  await open();
  await phone.reads("您现在没有可以签到的预约");
});

test("a seat kiosk's code brings a hint, the account's menu none", async () => {
  const token = await begin("08:40");
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  for (const [query, hint] of [["scene=k%3D2f-south", true], ["k=2f-south", true], ["scene=web", false], ["", false]]) {
    phone.open(`pages/index/index?${query}`);
    await phone.reads("已预约");
    assert.equal(phone.text.includes("您在选座机旁"), hint, query);
  }
});

test("a lost race is told kindly, with seats nearby", async () => {
  await begin("08:00");
  const other = await service.reader("li", "21070002");
  await seatChosen(phone);
  const { start: from, end } = phone.page.data;
  await service.reserve(other, SEAT, MONDAY, from, end);
  await phone.tap(BOOK);
  const near = await phone.until((data) => data.near.length && data.near);
  assert.match(phone.page.data.refused, /刚刚被|已被/);
  await phone.until((data) => data.seats.find((seat) => seat.id === SEAT).status !== "free", "the plan tells");

  await phone.tap(near[0].no);
  await phone.until((data) => data.seat.id === near[0].id && data.end === end, "the same time there");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  const made = await service.call("GET", "/api/v1/reservations", { as: phone.storage.get("token") });
  assert.deepEqual(made.items.map((r) => r.seat.id), [near[0].id]);
});

test("候补 by taps: for the seat that was lost, offered, accepted", async () => {
  await begin("08:00");
  const other = await service.reader("li", "21070002");
  await seatChosen(phone);
  await timesChosen(phone, "09:00", "12:00");
  const taken = await service.reserve(other, SEAT, MONDAY, "09:00", "12:00");
  await phone.tap(BOOK);
  await phone.tap("加入候补");
  await phone.reads("已加入候补，轮到您时会通知；前面还有 0 位");
  phone.open("pages/waitlist/waitlist");
  await phone.reads("等候中，前面还有 0 位");

  await service.call("POST", `/api/v1/reservations/${taken.id}/cancel`, { as: other });
  await service.clock(at("08:01"));
  await reload();
  await phone.reads("待接受065 号二层中厅 · 图书馆");
  await phone.tap("接受");
  await phone.reads("已预约065 号二层中厅 · 图书馆");
  phone.open("pages/waitlist/waitlist");
  await phone.reads("已接受");
});

test("a seat that is taken in the time that is looked for offers 候补, and books nothing else by itself", async () => {
  await begin("08:00");
  const other = await service.reader("li", "21070002");
  await service.reserve(other, SEAT, MONDAY, "10:00", "11:00");
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&start=09:00&end=12:00`);
  await phone.reads("按 09:00–12:00 显示");
  phone.touch(phone.all("seat").find((node) => node.dataset.id === SEAT));
  await phone.reads("09:00–12:00 已有预约");
  assert.equal(phone.find(BOOK), undefined);
  await phone.tap("加入候补");
  await phone.reads("已加入候补");
  const { items: [wait] } = await service.call("GET", "/api/v1/waitlist", { as: phone.storage.get("token") });
  assert.deepEqual([wait.seats, wait.start.slice(11, 16), wait.end.slice(11, 16)], [[SEAT], "09:00", "12:00"]);
});

test("the filter of the areas is the time that the plan offers first", async () => {
  await begin("08:10");
  phone.open("pages/seats/seats");
  await phone.until((data) => data.floors.length);
  assert.equal(phone.page.data.times[0], "09:00"); // what has passed is not offered
  const [from, to] = document.body.querySelectorAll("wx-picker");
  phone.touch(from, "change", { value: 1 });
  phone.touch(to, "change", { value: 3 });
  await phone.until((data) => data.from === "10:00" && data.to === "12:00" && data.floors.length);
  phone.touch(phone.all("area").find((card) => card.textContent.includes("二层中厅")));
  await phone.reaches("pages/plan/plan");
  await seatTapped(phone);
  assert.deepEqual([phone.page.data.start, phone.page.data.end], ["10:00", "12:00"]);
});

test("a time longer than anybody may stay shows no number that nobody can have", async () => {
  await begin("08:10");
  phone.open("pages/seats/seats");
  await phone.until((data) => data.floors.length);
  const [from, to] = document.body.querySelectorAll("wx-picker");
  phone.touch(from, "change", { value: 1 });
  phone.touch(to, "change", { value: 9 });
  await phone.until((data) => data.from === "10:00" && data.to === "18:00" && data.floors.length);
  await phone.reads("一次最长 4 小时");
  assert.doesNotMatch(phone.text, /可用 222/);
});

test("who checks in before the seat is free is told from when it is", async () => {
  const token = await begin("08:00");
  const other = await service.reader("li", "21070002");
  await service.reserve(other, SEAT, MONDAY, "now", "09:00");
  const before = await service.call("GET", "/api/v1/reservations", { as: other });
  await service.call("POST", `/api/v1/reservations/${before.items[0].id}/check-in`, { as: other, body: { qr: await service.kioskCode() } });
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  await service.clock(at("08:40"));
  await reload();
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  await phone.reads("09:00 起可入座");
});

test("a code that was scanned before binding is used after it; closing the camera says nothing", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "wang");
  phone.open(`pages/index/index?q=${encodeURIComponent(await service.kioskCode())}`);
  await phone.reaches("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/index/index");
  await phone.reads("您现在没有可以签到的预约");
  // Said once: coming back from elsewhere, it is over.
  phone.hide();
  phone.show();
  await phone.until(() => !phone.text.includes("您现在没有可以签到的预约"), "silence");

  await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "08:00", "12:00");
  await reload();
  await phone.tap("扫码签到"); // and the camera is closed
  await phone.until(() => phone.find("扫码签到") && !phone.all("busy").length);
  assert.deepEqual(phone.all("said"), []);
});

test("a link that was cut in the middle of a letter opens the page", async () => {
  await begin("08:00");
  phone.open("pages/index/index?q=%E4%BD&scene=%");
  await phone.reads("现在没有预约");
});

test("what the gate has done is confirmed with a tap; its passages are shown", async () => {
  const token = await begin("08:00");
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  await service.clock(at("08:50"));
  await service.passage("21070001", "in");
  await reload();
  await phone.reads("闸机识别到您 08:50 入馆，已为您签到");
  await phone.tap("确认");
  await phone.until(() => !phone.find("确认"), "nothing is left to confirm");
  await phone.reads("使用中065 号二层中厅 · 图书馆");
  phone.open("pages/me/me");
  await phone.tap("门禁记录");
  await phone.reads("协助签到");
});

test("a seat that somebody sits on is changed for the next one", async () => {
  const token = await begin("08:00");
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  await service.clock(at("08:50"));
  await reload();
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  phone.taps.push(1); // 座位上有物品
  await phone.tap("座位被占");
  await phone.reads("换到附近的空位");
  const offered = phone.all("near").map((node) => node.textContent).filter((text) => /^\d{3}$/.test(text));
  await phone.tap(offered[0]);
  await phone.reads(`使用中${offered[0]} 号`);
});

test("a no-show is shown with its appeal", async () => {
  const token = await begin("08:00");
  await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  await service.clock(at("10:00"));
  phone.open("pages/me/me");
  await phone.reads("近 30 天违约 1 次");
  await phone.tap("我的违约");
  await phone.reads("未按时签到");
  phone.taps.push("查询机没有亮");
  await phone.tap("申诉");
  await phone.reads("申诉待处理");
  assert.ok(phone.toasts.includes("申诉已提交"));
});

test("a seat that is liked is found again, two taps from the first screen to booked", async () => {
  const token = await begin("08:00");
  await seatChosen(phone);
  await phone.tap("设为常用");
  await phone.until(() => phone.find("取消常用"));
  // The library keeps it, for another phone and for the web.
  const { items } = await service.call("GET", "/api/v1/favourites", { as: token });
  assert.deepEqual(items.map((seat) => seat.id), [SEAT]);
  phone.open("pages/index/index");
  phone.touch(await phone.until(() => phone.all("shortcut").find((node) => node.textContent === "二层中厅 065 号"))); // one
  await phone.reaches("pages/plan/plan");
  await phone.until((data) => data.seat?.id === SEAT && data.end, "its sheet");
  await phone.tap(BOOK); // two
  await phone.reads("预约成功");
  phone.open("pages/seats/seats");
  await phone.tap("二层中厅 065 号");
  await phone.reaches("pages/plan/plan");
  await phone.until((data) => data.seat?.id === SEAT && data.end, "its sheet");
  await phone.tap("取消常用");
  await phone.until(() => phone.find("设为常用"));
  phone.open("pages/seats/seats");
  await phone.until((data) => data.ready && data.floors.length);
  assert.deepEqual(phone.page.data.liked, []);
});

test("the last seat is booked once more by two taps", async () => {
  const token = await begin("08:00");
  const made = await service.reserve(token, SEAT, MONDAY, "now", "11:00");
  await service.call("POST", `/api/v1/reservations/${made.id}/check-in`, { as: token, body: { qr: await service.kioskCode() } });
  await service.call("POST", `/api/v1/reservations/${made.id}/finish`, { as: token, body: {} });
  phone.open("pages/index/index");
  await phone.reads("今天 现在–11:00");
  await phone.tap("再约一次"); // one
  await phone.reaches("pages/plan/plan");
  await phone.until((data) => data.seat?.id === SEAT && data.end === "11:00", "its sheet with the same end");
  await phone.tap(BOOK); // two
  await phone.reads("预约成功");
});

test("what an earlier version kept on the phone goes to the library once", async () => {
  const token = await begin("08:00");
  phone.storage.set("favourites", [{ id: SEAT, area: "2f-hall", name: "二层中厅", no: "065" }, { id: "gone", area: "x", name: "x", no: "1" }]);
  phone.open("pages/index/index");
  await phone.reads("二层中厅 065 号");
  assert.equal(phone.storage.get("favourites"), undefined);
  const { items } = await service.call("GET", "/api/v1/favourites", { as: token });
  assert.deepEqual(items.map((seat) => seat.id), [SEAT]);
});

test("a day that opens later counts down on the service's clock, and opens by itself", async () => {
  await begin("08:00");
  // The demo's days are open at once: here is a tomorrow that opens at 08:10.
  const answer = await service.call("GET", "/api/v1/venues", { as: phone.storage.get("token") });
  Object.assign(answer.items[0].dates[1], { bookable: false, opens_at: at("08:10") });
  phone.network = ({ path }) => (path.endsWith("/venues") ? { status: 200, data: answer } : undefined);
  await service.clock("2026-12-07T08:09:58+08:00");
  phone.open("pages/seats/seats");
  await phone.until((data) => /^0:0[12] 后开放$/.test(data.days[1]?.note), "a countdown of seconds");
  phone.touch(phone.all("day")[1]);
  await phone.reads("明天 的座位 08:10 开放预约");
  phone.network = () => undefined;
  await phone.until((data) => data.venues[0].dates[1].bookable && data.days[1].note === "" && data.note === "", "it has opened");
});

test("unbinding asks first, and is the first start again", async () => {
  await begin("08:00");
  phone.open("pages/me/me");
  await phone.reads("赵晨阳");
  phone.taps.push(false);
  await phone.tap("解绑");
  assert.equal(phone.path, "pages/me/me");
  assert.ok(phone.storage.get("last"));
  phone.taps.push(true);
  await phone.tap("解绑");
  await phone.reaches("pages/index/index");
  assert.equal(phone.storage.get("last"), undefined, "nothing of theirs is left");
  await phone.reads("仅供北京工业大学师生使用");
  assert.ok(!phone.text.includes("赵晨阳"));
  phone.open("pages/me/me");
  await phone.reads("绑定身份");
  assert.ok(!phone.text.includes("我的预约"));
});

test("who wants to be forgotten is told what that means, and why not now; then the phone knows nobody", async () => {
  const token = await begin("08:00");
  const r = await service.reserve(token, SEAT, MONDAY, "09:00", "12:00");
  phone.open("pages/index/index");
  await phone.reads("已预约065 号");
  phone.open("pages/me/me");
  phone.taps.push(false, true);
  for (const asked of [0, 1]) {
    await phone.tap("清除我的信息");
    await phone.until(() => phone.asked.at(-1 - asked)?.includes("清除后不能恢复"));
  }
  await phone.until(() => phone.asked.at(-1).startsWith("您今天或以后有预约"));
  assert.deepEqual(phone.requests.filter((sent) => sent.method === "DELETE").map((sent) => sent.status), [422]);
  await service.call("POST", `/api/v1/reservations/${r.id}/cancel`, { as: token });
  await service.clock(at("08:00", "2026-12-08"));
  phone.taps.push(true);
  await phone.tap("清除我的信息");
  await phone.reaches("pages/index/index");
  assert.equal(phone.asked.at(-1), "已清除您的信息。再次绑定就是新的开始。");
  await phone.reads("仅供北京工业大学师生使用");
  assert.deepEqual([phone.storage.get("last"), phone.storage.get("bound")], [undefined, false]);
  assert.deepEqual(phone.requests.filter((sent) => sent.status === 401), [], "nor is anything asked in their name");
});

test("the plan grows, shrinks down to the whole of it, and is a list for who wants one", async () => {
  await begin("08:00");
  phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
  await phone.until((data) => data.ready);
  const { scale, smallest } = phone.page.data.drawing;
  const press = (mark) => { phone.touch(phone.all(mark)[0]); };
  press("i-plus");
  await phone.until(() => phone.scale > scale);
  for (let n = 0; n < 12; n += 1) press("i-minus");
  await phone.until(() => phone.scale === smallest);
  for (let n = 0; n < 12; n += 1) press("i-plus");
  await phone.until(() => phone.scale === 2.5);
  await phone.tap("列表");
  phone.touch(await phone.until(() => phone.all("line").find((node) => node.dataset.id === SEAT)));
  await phone.until((data) => data.seat?.id === SEAT && data.end, "its sheet");
  phone.open("pages/me/me");
  await phone.reads("版本 1.1.0");
  const attributes = document.querySelector("wx-button").__wxElement._vt.attrs;
  assert.ok(attributes.some(({ name, value }) => name === "openType" && value === "contact"), "客服 is WeChat's own");
});
