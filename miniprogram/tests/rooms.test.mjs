// 研修间: a reader books a room and invites others, they confirm, somebody checks in; and what all of them read who cannot.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { MONDAY, agree, at, bound, posted } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const roomPage = (room, date = MONDAY) => `pages/rooms/rooms?room=${room}&date=${date}`;
const invitationPage = (invitation) => `pages/rooms/booking?invitation=${invitation}`;

/** That reader's phone at 08:00 of Monday. */
async function begin(options) {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", options);
  return phone.storage.get("token");
}

const book = (as, room_id, from, to) =>
  service.call("POST", "/api/v1/room-bookings", { as, body: { room_id, date: MONDAY, start: from, end: to, purpose: "讨论" } });

const mine = (as) => service.call("GET", "/api/v1/room-bookings", { as }).then(({ items }) => items);

/** Chooses the times of the form that is shown. */
async function chosen(from, to) {
  await phone.until((data) => data.ready && data.starts.length);
  const pick = (n, choices, value) => {
    phone.touch(document.body.querySelectorAll("wx-picker")[n], "change", { value: choices.findIndex((one) => one.value === value) });
  };
  pick(0, phone.page.data.starts, from);
  pick(1, phone.page.data.start.ends, to);
  assert.deepEqual([phone.page.data.start.value, phone.page.data.end.value], [from, to]);
}

for (const [language, said] of Object.entries({
  zh_CN: { rooms: "研修间", name: "研修间301", about: "三层 · 3–6 人 · 白板 · 显示屏", taken: "已约 10:00–12:00", free: "都空着", book: "立即预约", made: "已提交", reserved: "已预约", lacks: "已确认 1 人，至少要 3 人", warning: "12-07 13:00 前确认的人不够，房间就释放给其他读者。", invite: "邀请同伴", title: "一起用研修间 · 12-07", cancel: "取消预约", cancelled: "已取消", calendar: "加入日历", event: "研修间：研修间301" },
  en: { rooms: "Study rooms", name: "研修间301", about: "Floor 3 · 3–6 people · 白板 · 显示屏", taken: "taken 10:00–12:00", free: "all free", book: "Book now", made: "Done", reserved: "Reserved", lacks: "1 confirmed, at least 3 needed", warning: "Unless enough people have confirmed by 12-07 13:00, the room goes to other readers.", invite: "Invite others", title: "Study room together · 12-07", cancel: "Cancel booking", cancelled: "Cancelled", calendar: "Add to calendar", event: "Study room: 研修间301" },
})) {
  test(`from the home page to a room, its invitation, and its end, in ${language}`, async () => {
    const token = await begin({ language });
    await book(await service.reader("li", "21070002"), "r301", "10:00", "12:00");
    const event = { room_id: "r202", title: "信息素养课", first: MONDAY, last: MONDAY, start: "19:00", end: "20:00" };
    await service.call("POST", "/api/v1/staff/room-blocks", { headers: await service.signedIn("librarian"), body: { ...event, id: "a".repeat(24), all: true } });
    await phone.tap(said.rooms);
    await phone.reaches("pages/rooms/rooms");
    await phone.reads(said.about);
    await phone.reads(said.taken);
    await phone.reads(said.free);
    await phone.reads("19:00–20:00 信息素养课");
    const taken = phone.page.data.rows.find(({ id }) => id === "r301").bar;
    const [free, other] = ["free", "taken"].map((kind) => taken.find((piece) => piece.kind === kind));
    assert.deepEqual([free.left, free.width], [0, 100]);
    assert.ok(other.left > 0 && other.left + other.width < 100);
    await phone.tap(said.name);
    await phone.until((data) => data.room === "r301" && data.start, "the room's form");
    assert.ok(!phone.page.data.starts.some(({ value }) => value >= "10:00" && value < "12:00" && value !== "now"), "starts while it is taken");
    assert.ok(phone.page.data.starts.find(({ value }) => value === "09:00").ends.every(({ value }) => value <= "10:00"));
    await chosen("14:00", "16:00");
    await phone.tap(said.book);
    await phone.reaches("pages/rooms/booking");
    await phone.reads(said.made);
    await phone.reads(said.lacks);
    await phone.reads(said.warning);
    await phone.tap(said.calendar);
    await phone.until(() => phone.calendar.length);
    const { title, startTime, endTime } = phone.calendar[0];
    assert.deepEqual([title, startTime, endTime], [said.event, Date.parse(at("14:00")) / 1000, String(Date.parse(at("16:00")) / 1000)]);
    const [b] = await mine(token);
    assert.deepEqual([b.room.id, b.start, b.end, b.state], ["r301", at("14:00"), at("16:00"), "reserved"]);
    assert.deepEqual(phone.page.onShareAppMessage(), { title: said.title, path: `/${invitationPage(b.invitation)}` });
    assert.ok(phone.find(said.invite));
    // It stands on 首页 and in 我的预约, and leads back.
    for (const page of ["pages/index/index", "pages/me/me"]) {
      phone.open(page);
      await phone.until((data) => data.booked?.length === 1, page);
      assert.equal(phone.page.data.booked[0].text, `12-07 14:00–16:00 · ${said.reserved}`);
    }
    await phone.tap(said.name);
    await phone.reaches("pages/rooms/booking");
    await phone.tap(said.cancel); // and thinks better of it
    await phone.until((data) => phone.asked.length && !data.busy);
    assert.equal((await mine(token))[0].state, "reserved");
    phone.taps.push(true);
    await phone.tap(said.cancel);
    await phone.until((data) => data.done === said.cancelled && !data.live);
    assert.equal((await mine(token))[0].state, "cancelled");
    assert.equal(phone.find(said.invite), undefined);
    phone.open("pages/index/index");
    await phone.until((data) => data.rooms);
    assert.deepEqual(phone.page.data.booked, []);
  });
}

/** Puts a room on the hall's plan ("put"), or takes it away ("remove"). */
async function onPlan(operation) {
  const path = "/console/room-settings/r301/place";
  const page = await fetch(service.url + path, { headers: await service.signedIn("administrator") });
  const [, base] = /name="base" value="(\d+)"/.exec(await page.text());
  const answer = await (await service.console("administrator"))(path, { operation, base, area: "2f-hall", x: "60", y: "340", w: "120", h: "80" });
  assert.equal(answer.status, 303);
}

for (const [language, { free, taken }] of Object.entries({ zh_CN: { free: "空闲", taken: "已约" }, en: { free: "Free", taken: "Taken" } })) {
  test(`a plan shows its room in the time that is looked for, and leads to its form, in ${language}`, async () => {
    await begin({ language });
    await onPlan("put");
    phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&start=16:00&end=17:00`);
    const node = await phone.until(() => phone.all("room")[0], "the room");
    assert.equal(node.textContent, `研修间301${free}`);
    assert.deepEqual([node.style.left, node.style.width, node.style.height], ["60px", "120px", "80px"]);
    await book(await service.reader("li", "21070002"), "r301", "15:00", "16:30");
    await phone.page.refresh();
    assert.equal(phone.all("room")[0].textContent, `研修间301${taken}`);
    assert.deepEqual(["free", "taken"].map((name) => phone.all("room")[0].className.includes(name)), [false, true]);
    phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&start=17:00&end=18:30`);
    phone.touch(await phone.until(() => phone.find(`研修间301 ${free}`), "the room, free later"));
    await phone.reaches("pages/rooms/rooms");
    await phone.until((data) => data.start);
    assert.deepEqual([phone.page.data.date, phone.page.data.start.value, phone.page.data.end.value], [MONDAY, "17:00", "18:30"]);
    phone.open("pages/plan/plan?area=2f-hall&date=2026-12-08");
    assert.equal((await phone.until(() => phone.all("room")[0], "the room")).textContent, "研修间301", "a whole day has no state");
    await onPlan("remove");
    phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
    await phone.until((data) => data.ready);
    assert.deepEqual(phone.all("room"), []);
  });
}

for (const [language, said] of Object.entries({
  zh_CN: { title: "一起用研修间", people: "已确认 1 人，最多 6 人", confirm: "确认参加", confirmed: "您已确认参加。", two: "已确认 2 人，至少要 3 人", leave: "不参加了", over: "这次预约已经结束或取消了。", see: "看研修间" },
  en: { title: "Study room together", people: "1 confirmed, room for 6", confirm: "I take part", confirmed: "You have confirmed that you take part.", two: "2 confirmed, at least 3 needed", leave: "I no longer take part", over: "This booking is over or was cancelled.", see: "See study rooms" },
})) {
  test(`who is invited confirms, withdraws, and reads that it is over, in ${language}`, async () => {
    const token = await begin({ language });
    const li = await service.reader("li", "21070002");
    const b = await book(li, "r301", "14:00", "16:00");
    phone.open(invitationPage(b.invitation));
    await phone.reads(said.title);
    await phone.reads(said.people);
    await phone.tap(said.confirm);
    await phone.until((data) => data.id === b.id, "the booking");
    await phone.reads(said.confirmed);
    await phone.reads(said.two);
    assert.deepEqual((await mine(token)).map(({ id, own }) => [id, own]), [[b.id, false]]);
    // The card in the chat leads to the booking from now on.
    phone.open(invitationPage(b.invitation));
    await phone.until((data) => data.id === b.id && data.ready);
    phone.taps.push(true);
    await phone.tap(said.leave);
    await phone.until((data) => data.invited && data.live, "the invitation again");
    assert.deepEqual(await mine(token), []);
    await service.call("POST", `/api/v1/room-bookings/${b.id}/cancel`, { as: li });
    await phone.tap(said.confirm); // too late
    await phone.until((data) => data.refused && !data.busy);
    await phone.reads(said.over);
    assert.deepEqual(await mine(token), []);
    await phone.tap(said.see);
    await phone.reaches("pages/rooms/rooms");
  });
}

test("who is not bound binds, and comes back to the invitation", async () => {
  await service.reset(at("08:00"));
  const b = await book(await service.reader("li", "21070002"), "r201", "14:00", "16:00");
  phone = new Phone(service, "wang");
  phone.open(invitationPage(b.invitation));
  await phone.reads("一起用研修间");
  await phone.reads("仅供北京工业大学师生使用");
  assert.ok(!phone.find("确认参加") && !phone.text.includes("已经结束"));
  await phone.tap("绑定身份");
  await phone.reaches("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/rooms/booking");
  await phone.tap("确认参加");
  await phone.reads("您已确认参加。");
});

test("somebody of them scans a kiosk's code, and the booker gives the room back", async () => {
  const token = await begin();
  const b = await book(token, "r201", "09:00", "11:00");
  phone.open(`pages/rooms/booking?id=${b.id}`);
  await phone.reads("请在 08:30–09:30 到选座机或查询机扫码签到，否则记违约一次");
  assert.equal(phone.find("扫码签到"), undefined, "too early");
  await service.clock(at("08:45"));
  await phone.page.load(); // the service's time comes with the answer
  await phone.page.load();
  phone.sees.push(`${service.url}/k/2f-south/nothing`);
  await phone.tap("扫码签到");
  await phone.until((data) => data.refused && !data.busy, "a wrong code");
  assert.equal((await mine(token))[0].state, "reserved");
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  await phone.reads("签到成功");
  assert.equal((await mine(token))[0].state, "in_use");
  phone.taps.push(true);
  await phone.tap("结束使用");
  await phone.reads("已结束使用，房间已归还");
  assert.equal((await mine(token))[0].state, "finished");
});

test("the message of what has become of a room leads to it", async () => {
  const token = await begin();
  const li = await service.reader("li", "21070002");
  const b = await book(li, "r201", "14:00", "16:00");
  await service.call("POST", `/api/v1/room-invitations/${b.invitation}/confirm`, { as: token });
  await service.call("POST", `/api/v1/room-bookings/${b.id}/cancel`, { as: li });
  await service.clock(at("08:01")); // the message has gone out
  phone.open("pages/messages/messages");
  phone.touch((await phone.until(() => phone.find(/研修间201/))).closest("[class*=line]"));
  await phone.reaches("pages/rooms/booking");
  await phone.reads("已取消");
  assert.deepEqual([phone.page.data.id, phone.page.data.ending], [b.id, null]);
});

test("a kiosk's code that opens the program checks in the room", async () => {
  const token = await begin();
  await book(token, "r201", "09:00", "11:00");
  await service.clock(at("08:45"));
  phone.open(`pages/index/index?q=${encodeURIComponent(await service.kioskCode())}`);
  await phone.until(() => phone.toasts.includes("签到成功"));
  await phone.until((data) => data.booked[0]?.text.endsWith("使用中"), "the room in use");
  assert.equal((await mine(token))[0].state, "in_use");
});

for (const [language, said] of Object.entries({
  zh_CN: { only: "仅限研究生、Lesesaal A", page: "这个研修间仅限研究生、Lesesaal A预约，请换一个。", book: "立即预约" },
  en: { only: "Only for 研究生, Lesesaal A", page: "Only 研究生, Lesesaal A can book this study room. Please choose another one.", book: "Book now" },
})) {
  test(`a room of other readers says for whom it is, in ${language}`, async () => {
    const token = await begin({ language });
    const rooms = await service.call("GET", `/api/v1/rooms?date=${MONDAY}`, { as: token });
    rooms.items.find(({ room }) => room.id === "r201").reserved_for = ["研究生", "Lesesaal A"];
    phone.network = ({ path }) => (/\/rooms\?/.test(path) ? { status: 200, data: rooms } : undefined);
    phone.open("pages/rooms/rooms");
    await phone.reads(said.only);
    phone.open(roomPage("r201"));
    await phone.reads(said.page);
    assert.equal(phone.find(said.book), undefined);
    phone.open(roomPage("r202"));
    await phone.until(() => phone.find(said.book), "a room for all");
  });
}

test("a room's label checks in its booking, not another one; without a booking it shows the room", async () => {
  const token = await begin();
  await service.call("POST", "/api/v1/reservations", { as: token, body: { seat_id: "2f-hall-065", date: MONDAY, start: "now", end: "09:00" } });
  await book(token, "r201", "09:00", "11:00");
  await service.clock(at("08:45"));
  const label = (room) => `${service.url}/s/room/${room}?c=${"0".repeat(32)}`;
  const [b] = await mine(token);
  assert.equal(b.room.check_in_by, "kiosk");
  phone.network = ({ method, path }) => (method === "POST" && path.endsWith("/check-in") ? { status: 200, data: { ...b, state: "in_use" } } : undefined);
  phone.open(`pages/index/index?q=${encodeURIComponent(label("r201"))}`);
  await phone.until(() => phone.toasts.includes("签到成功"));
  const sent = phone.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/check-in"));
  assert.deepEqual(sent.map(({ path }) => path.slice(path.indexOf("/room-bookings"))), [`/room-bookings/${b.id}/check-in`]);
  // The room's day, where there is nothing to check in.
  phone.open(`pages/index/index?q=${encodeURIComponent(label("r202"))}`);
  await phone.reaches("pages/rooms/rooms");
  await phone.reads("研修间202");
  await phone.reads("都空着");
  assert.equal(phone.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/check-in")).length, 1);
});

test("the booking names the label where the venue accepts labels, and the desk where it accepts nothing else", async () => {
  const token = await begin();
  const b = await book(token, "r201", "09:00", "11:00");
  await service.clock(at("08:45"));
  phone.open(`pages/rooms/booking?id=${b.id}`);
  await phone.reads("请在 08:30–09:30 到选座机或查询机扫码签到");
  await phone.page.load(); // the service's time comes with the answer
  for (const [way, words] of Object.entries({ kiosk_or_label: "到选座机、查询机扫码或扫房间码", seat_label: "扫房间码", desk: "到服务台" })) {
    phone.network = ({ path }) => (path.endsWith(`/room-bookings/${b.id}`) ? { status: 200, data: { ...b, room: { ...b.room, check_in_by: way } } } : undefined);
    phone.open(`pages/rooms/booking?id=${b.id}`);
    await phone.reads(`请在 08:30–09:30 ${words}签到`);
    assert.equal(phone.find("扫码签到") !== undefined, way !== "desk");
  }
});

test("a refusal is said, what was chosen and typed stays; a request waits for the library's answer", async () => {
  const token = await begin();
  phone.open(roomPage("r401"));
  await chosen("14:00", "16:00");
  await phone.tap("申请");
  await phone.reads("请写明用途");
  phone.type("讨论毕业设计");
  // Somebody was faster: the room is taken, and these times are gone.
  const free = await service.call("GET", `/api/v1/rooms?date=${MONDAY}`, { as: token });
  phone.network = ({ path }) => (/\/rooms\?/.test(path) ? { status: 200, data: free } : undefined);
  await book(await service.reader("li", "21070002"), "r401", "15:00", "17:00");
  await phone.tap("申请");
  await phone.until((data) => data.refused && !data.busy, "it is taken");
  assert.deepEqual([phone.page.data.start.value, phone.page.data.end.value, phone.page.data.purpose], ["14:00", "16:00", "讨论毕业设计"]);
  assert.deepEqual(await mine(token), []);
  phone.network = () => undefined;
  await phone.page.load();
  assert.ok(!phone.page.data.starts.some(({ value }) => value === "15:00"));
  await chosen("18:00", "20:00");
  await phone.tap("申请");
  await phone.reads("待审批");
  await phone.reads("图书馆最晚 12-07 17:00 答复。");
  await phone.reads("用途：讨论毕业设计");
  assert.deepEqual((await mine(token)).map(({ state, purpose }) => [state, purpose]), [["requested", "讨论毕业设计"]]);
  const keys = posted(phone, "/room-bookings").map(({ headers }) => headers["Idempotency-Key"]);
  assert.equal(new Set(keys).size, 3, "each refused tap was another one");
  phone.taps.push(true);
  await phone.tap("撤回申请");
  await phone.reads("已取消");
});

test("without an answer the same tap is sent again and books once", async () => {
  const token = await begin();
  phone.network = () => "offline";
  phone.open(roomPage("r201"));
  await phone.reads("没有网络，请检查后重试");
  phone.network = () => undefined;
  await phone.tap("重试");
  await chosen("14:00", "16:00");
  let lost = 3;
  phone.network = ({ path }) => (path.endsWith("/room-bookings") && lost-- > 0 ? "lost" : undefined);
  await phone.tap("立即预约");
  await phone.until((data) => data.refused && !data.busy);
  await phone.tap("立即预约");
  await phone.reads("已提交");
  assert.equal((await mine(token)).length, 1);
});

test("who may not book reads until when; a room that is closed or gone says so", async () => {
  const token = await begin();
  const me = await service.call("GET", "/api/v1/me", { as: token });
  const rooms = await service.call("GET", `/api/v1/rooms?date=${MONDAY}`, { as: token });
  const suspended = { ...me, suspension: { until: at("08:00", "2026-12-14"), reason: "", violations: 3, days: 30 } };
  phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data: suspended } : undefined);
  phone.open(roomPage("r201"));
  await phone.reads("预约已暂停，12-14 08:00 前不能预约");
  assert.equal(phone.find("立即预约"), undefined);
  Object.assign(rooms.items[0], { open: [], taken: [], closed_reason: "检修" });
  phone.network = ({ path }) => (/\/rooms\?/.test(path) ? { status: 200, data: rooms } : undefined);
  phone.open(roomPage(rooms.items[0].room.id));
  await phone.reads("闭馆（检修）");
  await phone.reads("这一天没有可约的时间了，请换一天。");
  phone.open(roomPage("nothing"));
  await phone.until((data) => data.wrong && !data.ready, "no such room");
});

test("a library without rooms, or a service that knows none, offers nothing and is not asked", async () => {
  const token = await begin();
  for (const older of [false, true]) {
    const library = await service.call("GET", "/api/v1/library", { as: token });
    if (older) delete library.rooms;
    else library.rooms = false;
    phone.network = ({ path }) => {
      if (path.endsWith("/library")) return { status: 200, data: library };
      return /\/room/.test(path) ? { status: 404, data: { error: { code: "not_found", message: "没有这个页面", details: {} } } } : undefined;
    };
    await phone.close();
    const storage = phone.storage;
    const network = phone.network;
    phone = new Phone(service, "wang");
    phone.storage = storage;
    phone.network = network;
    for (const page of ["pages/index/index", "pages/me/me"]) {
      phone.open(page);
      await phone.until((data) => data.ready && !phone.flying, page);
    }
    await phone.until(() => phone.requests.some(({ path }) => path.endsWith("/library")));
    phone.open("pages/index/index");
    await phone.until((data) => data.ready && !phone.flying);
    assert.equal(phone.find("研修间"), undefined);
    assert.deepEqual(phone.requests.filter(({ path }) => /\/room/.test(path)), []);
  }
  phone.open(roomPage("r201"));
  await phone.reads("没有这个页面");
});

test("the booker gives a booking another time and room; a stay in use goes on; past ones stand among the seats", async () => {
  const token = await begin();
  const li = await service.reader("li", "21070002");
  const b = await book(token, "r201", "14:00", "16:00");
  phone.open(`pages/rooms/booking?id=${b.id}`);
  await phone.tap("更改房间或时间");
  await phone.reaches("pages/rooms/rooms");
  await phone.reads("正在更改 研修间201 12-07 14:00–16:00");
  await phone.until((data) => data.start?.value === "14:00" && data.end?.value === "16:00", "its own time is free for it");
  // Somebody was faster; the booking stays, and what was chosen too.
  await chosen("16:00", "18:00");
  const free = await service.call("GET", `/api/v1/rooms?date=${MONDAY}`, { as: token });
  phone.network = ({ path }) => (/\/rooms\?/.test(path) ? { status: 200, data: free } : undefined);
  await book(li, "r201", "17:00", "18:00");
  await phone.tap("更改预约");
  await phone.until((data) => data.refused && !data.busy, "it is taken");
  assert.deepEqual([phone.page.data.start.value, phone.page.data.end.value], ["16:00", "18:00"]);
  assert.equal((await mine(token))[0].start, at("14:00"));
  phone.network = () => undefined;
  await phone.tap("看别的研修间");
  await phone.until((data) => !data.room && data.rows.length, "the rooms");
  assert.ok(!phone.page.data.rows.some(({ id }) => id === "r401"), "the library would have to approve it");
  await phone.tap("研修间202");
  await phone.until((data) => data.room === "r202" && data.start, "the room's form");
  await chosen("08:30", "10:00");
  await phone.tap("更改预约");
  await phone.reaches("pages/rooms/booking");
  await phone.reads("已更改");
  const [moved] = await mine(token);
  assert.deepEqual([moved.id, moved.room.id, moved.start, moved.end], [b.id, "r202", at("08:30"), at("10:00")]);
  // In use it goes on.
  await service.clock(at("08:40"));
  await service.call("POST", `/api/v1/room-bookings/${b.id}/check-in`, { as: token, body: { qr: await service.kioskCode() } });
  await book(li, "r202", "11:00", "12:00");
  await phone.page.load();
  phone.taps.push(1);
  await phone.tap("续约");
  await phone.until((data) => data.done === "已更改", "a later end");
  assert.equal(phone.asked.at(-1), "10:30|11:00");
  assert.equal((await mine(token))[0].end, at("11:00"));
  await phone.tap("续约");
  await phone.reads("接下来没有空着的时间，不能续约。");
  await service.call("POST", `/api/v1/room-bookings/${b.id}/finish`, { as: token });
  phone.open("pages/me/me");
  await phone.reads("研修间202");
  await phone.tap("详情");
  await phone.reaches("pages/rooms/booking");
  await phone.reads("经过");
  await phone.reads("更改房间或时间");
});
