// 一起坐: a reader chooses seats for friends and sends the invitation, friends accept; and what all of them read who cannot.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { MONDAY, SEAT, agree, at, bound, posted, seatChosen, timesChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const TIME = `date=${MONDAY}&start=14:00&end=16:00`;
const CHOICE = `pages/together/together?area=2f-hall&seat=${SEAT}&${TIME}`;
const [ONE, TWO] = ["2f-hall-066", "2f-hall-067"];
const invitationPage = (invitation) => `pages/together/together?invitation=${invitation}`;

/** That reader's phone at 08:00 of Monday. */
async function begin(options) {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", options);
  return phone.storage.get("token");
}

/** Li holds two seats for friends, from 14:00 to 16:00: Li's token, and the party. */
async function asked(friends = [ONE, TWO]) {
  const li = await service.reader("li", "21070002");
  const body = { seat_id: SEAT, friends, date: MONDAY, start: "14:00", end: "16:00" };
  return { li, ...(await service.call("POST", "/api/v1/parties", { as: li, body })) };
}

/** Taps a seat of the picture. */
async function picked(id) {
  phone.touch(await phone.until(() => phone.all("seat").find((node) => node.dataset.id === id), id));
}

const mine = (token) => service.call("GET", "/api/v1/reservations", { as: token }).then(({ items }) => items);

for (const [language, said] of Object.entries({
  zh_CN: { with: "和同学一起来？", together: "一起坐", plan: "也可以在图上选", book: "预约 3 个座位", most: "这里最多 4 人一起坐", send: "发给同伴", waits: "等同伴接受", accepted: "同伴已接受", until: "为他们保留到 08:10", end: "不再保留", free: "已放开", ended: "不再为同伴保留座位。" },
  en: { with: "Coming with friends?", together: "Sit together", plan: "Or pick seats on the plan", book: "Book 3 seats", most: "At most 4 people", send: "Send to friends", waits: "Waiting for a friend", accepted: "Accepted by a friend", until: "held until 08:10", end: "Stop holding", free: "Open to everybody again", ended: "No seats are held for friends any more." },
})) {
  test(`from a seat's sheet to three seats, an invitation that is sent, and what is given back, in ${language}`, async () => {
    const token = await begin({ language });
    await seatChosen(phone);
    await timesChosen(phone, "14:00", "16:00");
    await phone.reads(said.with);
    await phone.tap(said.together);
    await phone.reaches("pages/together/together");
    assert.equal(phone.title, said.together);
    await phone.reads(said.plan);
    await phone.until((data) => data.seats.length === 2 && data.seats[0].id === SEAT, "two are proposed around the seat");
    assert.deepEqual(phone.page.data.numbers, [2, 3, 4]);
    await phone.tap("4");
    const four = await phone.until((data) => data.seats.length === 4 && data.seats, "four");
    assert.equal(phone.page.data.group, phone.page.data.groups[0].key);
    // There is no room for one more; two are left out, and another one is taken in. One friend and the own seat stay.
    const other = phone.page.data.glimpse.seats.find(({ id, status }) => status === "free" && !four.some((seat) => seat.id === id));
    await picked(other.id);
    await phone.until(() => phone.toasts.some((text) => text.includes(said.most)), "so many at most");
    for (const id of [four[3].id, four[2].id, four[1].id, other.id, SEAT]) await picked(id);
    const friends = [four[1].id, other.id].sort();
    assert.deepEqual(phone.page.data.seats.map(({ id }) => id).slice(1).sort(), friends);
    assert.equal(phone.page.data.seats[0].id, SEAT);
    assert.deepEqual(phone.page.data.glimpse.seats.filter(({ status }) => status === "mine").map(({ id }) => id).sort(), [SEAT, ...friends].sort());
    await phone.tap(said.book);
    await phone.reaches("pages/reservation/detail");
    const [{ status, body, headers }] = posted(phone, "/parties");
    assert.deepEqual([status, body.seat_id, [...body.friends].sort(), body.start, body.end], [201, SEAT, friends, "14:00", "16:00"]);
    assert.ok(headers["Idempotency-Key"]);

    await phone.reads(said.until);
    await phone.until((data) => data.party?.seats.filter(({ state }) => state === said.waits).length === 2, "two seats wait for friends");
    const card = phone.page.onShareAppMessage();
    const invitation = /^\/pages\/together\/together\?invitation=(\w+)$/.exec(card.path)[1];
    assert.equal(card.title, `${said.together} · 12-07 二层中厅`);
    assert.ok(document.querySelector("wx-button").__wxElement._vt.attrs.some(({ name, value }) => name === "openType" && value === "share"));
    assert.ok(phone.find(said.send));
    // A friend accepts: the page shows it when the reader comes back to it.
    const li = await service.reader("li", "21070002");
    await service.call("POST", `/api/v1/invitations/${invitation}/accept`, { as: li, body: { seat_id: friends[0] } });
    phone.hide();
    phone.show();
    await phone.reads(said.accepted);
    await phone.tap(said.end);
    await phone.reads(said.ended);
    assert.deepEqual(phone.page.data.party.seats.map(({ state }) => state).sort(), [said.accepted, said.free].sort());
    assert.equal(phone.find(said.send), undefined);
    assert.deepEqual((await mine(token)).map(({ seat, state }) => [seat.id, state]), [[SEAT, "reserved"]], "the own booking stays");
  });
}

for (const [language, said] of Object.entries({
  zh_CN: { invites: "同学邀请您坐在一起。", until: "为您保留到 08:10", accept: "接受并预约", no: (id) => `${id.slice(-3)} 号`, over: "这些座位不再保留", near: "看附近的空位", reserved: "已预约" },
  en: { invites: "A friend has invited you to sit together.", until: "Held for you until 08:10", accept: "Accept and book", no: (id) => `No.\u00a0${id.slice(-3)}`, over: "These seats are no longer held", near: "See free seats nearby", reserved: "Reserved" },
})) {
  test(`a friend chooses one of the seats and has it; who comes too late reads that, in ${language}`, async () => {
    const token = await begin({ language });
    const { party, li } = await asked();
    phone.open(invitationPage(party.invitation));
    await phone.reads(said.invites);
    await phone.reads(said.until);
    await phone.until((data) => data.glimpse, "the seats in their place");
    assert.deepEqual(phone.page.data.glimpse.seats.filter(({ status }) => status === "mine").map(({ id }) => id), [ONE, TWO]);
    await phone.tap(said.no(TWO));
    await phone.tap(said.accept);
    await phone.reaches("pages/reservation/detail");
    await phone.reads(said.reserved);
    assert.deepEqual((await mine(token)).map(({ seat }) => seat.id), [TWO]);
    assert.equal(phone.page.data.party, null, "the other seats are the asker's to give back");
    // The card in the chat leads to the own booking from now on, for the asker as well.
    phone.open(invitationPage(party.invitation));
    await phone.reaches("pages/reservation/detail");
    await service.call("POST", `/api/v1/reservations/${(await mine(li))[0].id}/party/end`, { as: li });
    await service.call("POST", `/api/v1/reservations/${(await mine(token))[0].id}/cancel`, { as: token });
    phone.open(invitationPage(party.invitation));
    await phone.reads(said.over);
    assert.equal(phone.find(said.accept), undefined);
    await phone.tap(said.near);
    await phone.reaches("pages/plan/plan");
    assert.ok(phone.title.startsWith("二层中厅"));
  });
}

test("a refusal is said and the choice stays; what is taken makes room for what is free", async () => {
  const token = await begin();
  phone.open(CHOICE);
  const { seats } = await phone.until((data) => data.seats.length === 2 && data);
  await service.reserve(token, "2f-hall-001", MONDAY, "15:00", "17:00");
  await phone.tap("预约 2 个座位");
  await phone.until((data) => data.refused && !data.busy, "an own booking at that time");
  assert.deepEqual(phone.page.data.seats, seats);
  const [own] = await mine(token);
  await service.call("POST", `/api/v1/reservations/${own.id}/cancel`, { as: token });
  await service.reserve(await service.reader("li", "21070002"), seats[1].id, MONDAY, "14:00", "16:00");
  await phone.tap("预约 2 个座位");
  await phone.until((data) => data.refused && !data.busy, "the seat is taken");
  assert.ok(!phone.page.data.seats.some(({ id }) => id === seats[1].id));
  await phone.tap("预约 2 个座位");
  await phone.reads("预约成功");
  const keys = posted(phone, "/parties").map(({ headers }) => headers["Idempotency-Key"]);
  assert.equal(new Set(keys).size, 3, "each refused tap was another one");
});

test("without an answer the same tap is sent again and books once; without a network the page says so", async () => {
  const token = await begin();
  phone.network = () => "offline";
  phone.open(CHOICE);
  await phone.reads("没有网络，请检查后重试");
  phone.network = () => undefined;
  await phone.tap("重试");
  await phone.until((data) => data.seats.length === 2);
  let lost = 3;
  phone.network = ({ path }) => (path.endsWith("/parties") && lost-- > 0 ? "lost" : undefined);
  await phone.tap("预约 2 个座位");
  await phone.until((data) => data.refused && !data.busy);
  await phone.tap("预约 2 个座位");
  await phone.reads("预约成功");
  assert.equal(new Set(posted(phone, "/parties").map(({ headers }) => headers["Idempotency-Key"])).size, 1);
  assert.equal((await mine(token)).length, 1);
  // What is shown of the party stays while nobody answers, and a refused end is said.
  await phone.reads("等同伴接受");
  phone.network = ({ path }) => (/party/.test(path) ? "offline" : undefined);
  await phone.page.load();
  await phone.tap("不再保留");
  await phone.until(() => phone.toasts.includes("没有网络，请检查后重试"));
  await phone.reads("等同伴接受");
});

test("a seat that is lost to another friend is said, and the other one is there to choose", async () => {
  await begin();
  const { party } = await asked();
  phone.open(invitationPage(party.invitation));
  await phone.until((data) => data.held.length === 2 && data.chosen === ONE);
  const chen = await service.reader("chen", "21070003");
  await service.call("POST", `/api/v1/invitations/${party.invitation}/accept`, { as: chen, body: { seat_id: ONE } });
  await phone.tap("接受并预约");
  await phone.until((data) => data.refused && data.chosen === TWO, "the refusal, and the seat that is left");
  // The time is over.
  await service.clock(at("08:11"));
  await phone.page.load();
  await phone.reads("这些座位不再保留");
});

test("who may not book reads until when; an invitation that is none is not found", async () => {
  const token = await begin();
  const { party } = await asked();
  const me = await service.call("GET", "/api/v1/me", { as: token });
  const suspended = { ...me, suspension: { until: at("08:00", "2026-12-14"), reason: "", violations: 3, days: 30 } };
  phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data: suspended } : undefined);
  phone.open(invitationPage(party.invitation));
  await phone.reads("预约已暂停，12-14 08:00 前不能预约");
  assert.equal(phone.find("接受并预约"), undefined);
  phone.network = () => undefined;
  phone.open(invitationPage("nothing"));
  await phone.until((data) => data.wrong && !data.ready, "not found");
});

test("who is not bound binds, and comes back to the invitation", async () => {
  await service.reset(at("08:00"));
  const { party } = await asked();
  phone = new Phone(service, "wang");
  phone.open(invitationPage(party.invitation));
  await phone.reads("同学邀请您坐在一起。");
  await phone.reads("仅供北京工业大学师生使用");
  assert.ok(!phone.find("接受并预约") && !phone.text.includes("不再保留"));
  await phone.tap("绑定身份");
  await phone.reaches("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/together/together");
  await phone.tap("接受并预约");
  await phone.reads("预约成功");
});

test("the proposed seat leads there as well; a service that says nothing of it offers nothing", async () => {
  await begin();
  const { id, query } = await phone.until((data) => data.proposed?.together && data.proposed, "a seat");
  await phone.tap("一起坐");
  await phone.reaches("pages/together/together");
  await phone.until((data) => data.seats[0]?.id === id && data.place, query);
  phone.back();
  // A service before 1.2 names none of it, and has no such routes.
  const older = (data) => JSON.parse(JSON.stringify(data, (name, value) => (name === "together" || name === "party" ? undefined : value)));
  const token = phone.storage.get("token");
  phone.network = async ({ method, path }) => {
    if (/\/together\?|\/parties|\/party|\/invitations/.test(path)) return { status: 404, data: { error: { code: "not_found", message: "没有这个页面", details: {} } } };
    return method === "GET" && /\/(proposal|seats|reservations)\b/.test(path) ? { status: 200, data: older(await service.call("GET", path, { as: token })) } : undefined;
  };
  phone.open("pages/index/index");
  await phone.until((data) => data.proposed, "a seat");
  assert.equal(phone.find("一起坐"), undefined);
  await seatChosen(phone);
  await timesChosen(phone, "14:00", "16:00");
  assert.equal(phone.find("一起坐"), undefined);
  const r = await service.reserve(token, SEAT, MONDAY, "14:00", "16:00");
  phone.open(`pages/reservation/detail?id=${r.id}`);
  await phone.reads("已预约");
  assert.deepEqual(phone.requests.filter(({ status }) => status === 404), []);
  phone.open(invitationPage("x".repeat(56)));
  await phone.reads("没有这个页面");
});

test("nobody holds seats before a day opens, or where too few are free", async () => {
  const token = await begin();
  const venues = await service.call("GET", "/api/v1/venues", { as: token });
  Object.assign(venues.items[0].dates[0], { bookable: false, opens_at: at("08:10") });
  const few = { most: 4, items: [] };
  phone.network = ({ path }) => (path.endsWith("/venues") ? { status: 200, data: venues } : /\/together\?/.test(path) ? { status: 200, data: few } : undefined);
  await seatChosen(phone);
  assert.equal(phone.find("一起坐"), undefined);
  phone.open(CHOICE);
  await phone.tap("3");
  await phone.reads("这里没有 3 个人的空位了。");
  assert.equal(phone.find(/^预约 \d/), undefined);
  few.most = 1;
  await phone.page.load();
  await phone.reads("这个区域不能为同伴保留座位。");
});

test("who is invited by number finds the seat by the message, and nobody else has it", async () => {
  const token = await begin();
  const li = await service.reader("li", "21070002");
  const body = { seat_id: SEAT, friends: [ONE, TWO], invited: { [TWO]: "21070001" }, date: MONDAY, start: "14:00", end: "16:00" };
  const { reservation } = await service.call("POST", "/api/v1/parties", { as: li, body });
  await service.clock(at("08:01")); // the message has gone out
  phone.open("pages/messages/messages");
  phone.touch((await phone.until(() => phone.find("邀请您一起坐"))).closest("[class*=line]"));
  await phone.reaches("pages/together/together");
  await phone.until((data) => data.held.length === 2);
  await phone.tap("067 号");
  await phone.tap("接受并预约");
  await phone.reads("预约成功");
  assert.deepEqual((await mine(token)).map(({ seat }) => seat.id), [TWO]);
  // The asker reads for whom a seat waits.
  phone.storage.set("token", li);
  const party = await service.call("GET", `/api/v1/reservations/${reservation.id}/party`, { as: li });
  Object.assign(party.seats[0], { named: true });
  phone.network = ({ path }) => (path.endsWith("/party") ? { status: 200, data: party } : undefined);
  phone.open(`pages/reservation/detail?id=${reservation.id}`);
  await phone.until((data) => data.party?.seats.map(({ state }) => state).join() === "等指定的同伴接受,同伴已接受");
});

test("long names of seats and areas are said in full", async () => {
  const token = await begin();
  const long = "Carrel-Nord-Ost-0003";
  const name = "Lesesaal der Naturwissenschaften und Ingenieurwissenschaften";
  const map = await service.call("GET", `/api/v1/areas/2f-hall/map?${TIME}`, { as: token });
  const group = await service.call("GET", `/api/v1/seats/${SEAT}/together?people=2&${TIME}`, { as: token });
  const friend = group.items[0].seats[1];
  for (const seat of [friend, map.seats.find(({ id }) => id === friend.id)]) seat.no = long;
  map.area.name = name;
  phone.network = ({ path }) => (/\/map\?/.test(path) ? { status: 200, data: map } : /\/together\?/.test(path) ? { status: 200, data: group } : undefined);
  phone.open(CHOICE);
  await phone.reads(`您坐 065 号，为同伴保留 ${long}。`);
  await phone.reads(name);
  await phone.reads("Carre…t-0003"); // on its seat in the picture
});
