// 学期座位与储物柜: a reader applies for a locker, changes and withdraws, and sees what the draw has given; and what those read who cannot.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { at, bound, posted } from "./reader.mjs";
import { start } from "./service.mjs";

const VALUE = "05 11 16 20 25 31 + 09";
const LIST = "pages/seasons/seasons";

let service;
let phone;
let id;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const seasonPage = () => `pages/seasons/season?id=${id}`;
const mine = () => `/api/v1/seasons/${id}/application`;
const isMine = ({ path, method }, verb) => path === mine() && method === verb;

/** That reader's phone at 08:00 of Monday, with a season to come. */
async function begin({ fields, areas, ...options } = {}) {
  await service.reset(at("08:00"));
  id = await service.season(fields, areas);
  phone = await bound(service, "wang", "21070001", options);
  return phone.storage.get("token");
}

/** The same while one can apply, on the season's page. */
async function applying(options) {
  const token = await begin(options);
  await service.clock(at("09:30"));
  phone.open(seasonPage());
  await phone.until((data) => data.applies, "applications are open");
  return token;
}

async function later(clock) {
  await service.clock(at(clock));
  await phone.page.load();
}

/** Taps a locker on its front, or with `on` a line of the list. */
async function pick(thing, on = "front") {
  const row = await phone.until((data) => !data.busy && phone.all(on).find((node) => node.dataset.id === thing), thing);
  phone.touch(row);
  await phone.until((data) => data.wishes.some((wish) => wish.id === thing), `${thing} among the wishes`);
}

const wished = () => phone.page.data.wishes.map((wish) => wish.id);
const stored = async (as) => (await service.call("GET", mine(), { as })).wishes.map((wish) => wish.id);

for (const [language, said] of Object.entries({
  zh_CN: {
    entry: "学期座位与储物柜", announced: "尚未开放申请", gives: "储物柜 4 个", days: "2026-12-14 至 2027-01-24", times: "申请：12-07 09:00 至 12-07 12:00",
    first: "决定顺序的数值：双色球第2026140期，12-07 13:00 公布", reveal: "图书馆最晚 12-07 15:00 公布种子", weight: "您的权重：1", full: "已选满 3 个志愿",
    earlier: "B-01 提前一位", remove: "去掉 A-02", send: "提交申请", save: "保存志愿", applied: "申请已记下。", copy: "复制凭证", copied: "凭证已复制",
    withdraw: "撤回申请", withdrawn: "申请已撤回。", closed: "申请已截止", frozen: "名单已封存，等待抽签", root: "名单的指纹（2 份申请，12-07 12:30 封存）",
    proof: "共 2 份，权重 1。", got: "您分到：B-01", rank: /第 [12] 位，共 2 份申请/, drawn: `12-07 13:30 抽签，用的数值：${VALUE}`, rule: "规则的全文", address: "复制网址",
  },
  en: {
    entry: "Term seats and lockers", announced: "Applications have not opened yet", gives: "Lockers: 4", days: "2026-12-14 to 2027-01-24", times: "Apply from 12-07 09:00 to 12-07 12:00",
    first: "The value that decides the order: 双色球第2026140期, published 12-07 13:00", reveal: "The library publishes its seed by 12-07 15:00", weight: "Your weight: 1", full: "No wish is left (at most 3)",
    earlier: "Move B-01 up", remove: "Remove A-02", send: "Apply", save: "Save wishes", applied: "Your application is noted.", copy: "Copy receipt", copied: "Receipt copied",
    withdraw: "Withdraw the application", withdrawn: "Your application is withdrawn.", closed: "Applications are closed", frozen: "The list is frozen, to be drawn", root: "Fingerprint of the list (2 applications, frozen 12-07 12:30)",
    proof: "of 2, with weight 1.", got: "You got: B-01", rank: /Rank [12] of 2/, drawn: `Drawn 12-07 13:30 with the value ${VALUE}`, rule: "Text of the rule", address: "Copy address",
  },
})) {
  test(`a reader applies, changes, withdraws, applies again, and gets a locker, in ${language}`, async () => {
    const token = await begin({ language });
    phone.open("pages/me/me");
    await phone.tap(said.entry);
    await phone.reaches(LIST);
    for (const text of [said.announced, said.gives, said.days, said.times]) await phone.reads(text);
    await phone.tap("2026 秋存包柜");
    await phone.reaches("pages/seasons/season");
    for (const text of [said.announced, said.gives, said.days, said.first, said.reveal, said.weight, "A-02"]) await phone.reads(text);
    assert.equal(phone.find(said.send), undefined, "not open yet");
    assert.equal(phone.page.data.turn, Date.parse(at("09:00")));
    await phone.tap(said.rule);
    await phone.reads("gives: 4 lockers");

    await later("09:30");
    await pick("A-02");
    await pick("B-01");
    await phone.reads(said.full);
    await phone.tap(said.earlier);
    assert.deepEqual(wished(), ["B-01", "A-02"]);
    await phone.tap(said.send);
    await phone.reads(said.applied);
    assert.deepEqual(await stored(token), ["B-01", "A-02", "any"]);
    const { salt } = await service.call("GET", mine(), { as: token });
    await phone.reads(salt);
    await phone.tap(said.copy);
    await phone.until(() => phone.toasts.includes(said.copied));
    assert.equal(phone.clipboard, salt);

    await phone.tap(said.remove);
    await phone.page.load(); // which leaves the form as the reader has it
    assert.deepEqual(wished(), ["B-01"]);
    await phone.tap(said.save);
    await phone.until((data) => data.done && !data.busy);
    assert.deepEqual(await stored(token), ["B-01", "any"]);
    assert.equal(phone.page.data.own.salt, salt);

    await phone.tap(said.withdraw); // and thinks better of it
    await phone.until((data) => phone.asked.length && !data.busy);
    assert.deepEqual(await stored(token), ["B-01", "any"]);
    phone.taps.push(true);
    await phone.tap(said.withdraw);
    await phone.reads(said.withdrawn);
    await phone.until((data) => !data.busy && data.own === null);
    await assert.rejects(stored(token), /404/);
    await pick("B-01");
    await phone.tap(said.send);
    await phone.reads(said.applied);
    const own = await service.call("GET", mine(), { as: token });
    assert.notEqual(own.salt, salt);
    await service.call("POST", mine(), { as: await service.reader("li", "21070002"), body: { wishes: ["A-01"] } });

    await later("12:30");
    await phone.reads(said.closed);
    for (const text of [said.save, said.withdraw]) assert.equal(phone.find(text), undefined, text);
    await service.seasonStep(id, "freeze");
    await phone.page.load();
    for (const text of [said.frozen, said.root, said.proof, own.salt]) await phone.reads(text);
    const { root } = await service.call("GET", `/api/v1/seasons/${id}`, { as: token });
    await phone.reads(root);

    await service.clock(at("13:30"));
    await service.seasonStep(id, "draw", { which: "first", value: VALUE });
    await phone.page.load();
    for (const text of [said.got, said.drawn]) await phone.reads(text);
    assert.match(phone.text, said.rank);
    await phone.tap(said.address);
    await phone.until(() => phone.clipboard === `${service.url}/seasons/${id}`, "the address to verify it");
  });
}

test("what is refused is said, and the wishes stay; without an answer the next tap sends the same once more", async () => {
  const token = await applying();
  await pick("A-01");
  const refusal = { status: 422, data: { error: { code: "wish_not_given", message: "“A-01”不在这次分配里", details: {} } } };
  phone.network = (sent) => (isMine(sent, "POST") ? refusal : undefined);
  await phone.tap("提交申请");
  await phone.reads(refusal.data.error.message);
  await phone.until((data) => !data.busy);
  assert.deepEqual([wished(), phone.page.data.any], [["A-01"], true]);

  phone.network = (sent) => (isMine(sent, "POST") ? "lost" : undefined);
  await phone.tap("提交申请");
  await phone.reads("服务没有回应，请稍后再试");
  await phone.until((data) => !data.busy);
  phone.network = () => undefined;
  await phone.tap("提交申请");
  await phone.reads("申请已记下。");
  const keys = posted(phone, mine()).map(({ headers }) => headers["Idempotency-Key"]);
  assert.equal(new Set(keys.slice(1)).size, 1);
  assert.notEqual(keys[0], keys[1], "what was refused for certain is another tap");
  assert.deepEqual(await stored(token), ["A-01", "any"]);

  phone.network = (sent) => (isMine(sent, "DELETE") ? "lost" : undefined);
  phone.taps.push(true, true);
  await phone.tap("撤回申请");
  await phone.reads("服务没有回应，请稍后再试");
  phone.network = () => undefined;
  await phone.tap("撤回申请");
  await phone.reads("申请已撤回。");

  await phone.until((data) => !data.busy && data.own === null);
  await pick("A-03");
  await service.clock(at("12:00"));
  await phone.tap("提交申请");
  await phone.reads("现在不能申请或更改：申请还没有开放，或已经截止");
  await phone.reads("申请已截止");
  assert.deepEqual(wished(), ["A-03"]);
});

test("any is the last wish, and one wish at least is needed", async () => {
  const token = await applying({ fields: { most_wishes: "1" } });
  assert.equal(phone.page.data.any, false, "the only wish is the reader's to choose");
  await phone.tap("提交申请");
  await phone.reads("请至少填写一个志愿，或选择任意一个");
  const any = "这些都没有了，就要任意一个（算最后一个志愿）";
  await pick("A-01");
  await phone.tap(any);
  assert.equal(phone.page.data.any, false, "there is no place for it");
  await phone.tap("去掉 A-01");
  await phone.tap(any);
  await phone.tap("提交申请");
  await phone.reads("申请已记下。");
  assert.deepEqual(await stored(token), ["any"]);
  await phone.reads("任意一个");
});

test("lockers stand row by row in their place, with the wishes numbered", async () => {
  const token = await applying({ fields: { lockers: "A-1,大,Halle,2\nB-1,小,Halle,1\nA-2,大,Halle,2\nC-1" } });
  const rows = () => phone.page.data.fronts.map(({ lockers }) => lockers.map(({ id, order }) => [id, order]));
  assert.deepEqual(rows(), [[["B-1", 0]], [["A-1", 0], ["A-2", 0]]]);
  await pick("A-2");
  await pick("B-1");
  assert.deepEqual(rows(), [[["B-1", 2]], [["A-1", 0], ["A-2", 1]]]);
  for (const said of ["B-1 · 小，第 2 志愿；去掉", "A-1 · 大，选为志愿"]) assert.ok(phone.find(said), said);
  await phone.tap("A-2 · 大，第 1 志愿；去掉");
  await phone.tap("其他位置");
  await pick("C-1");
  assert.deepEqual([rows(), wished()], [[[["C-1", 2]]], ["B-1", "C-1"]]);
  await phone.tap("提交申请");
  await phone.reads("申请已记下。");
  assert.deepEqual(await stored(token), ["B-1", "C-1", "any"]);
});

/** Does that with the area Lesesaal A in the library, of which a season gives Carrel 3 and Carrel 4. */
async function withCarrels(work) {
  const form = await service.console("administrator");
  const seats = [3, 4, 5].map((n) => ({ no: `Carrel ${n}`, x: 50 * n, y: 50, ...(n === 5 ? { disabled: "Lampe defekt" } : {}) }));
  const areas = [{ base: -1, area: "lesesaal", name: "Lesesaal A", floor: 1, venue: "library", width: 400, height: 200, seats }];
  const imported = await form("/console/plans/import", { confirmed: "yes", plans: JSON.stringify({ areas }) }, new FormData());
  assert.equal(imported.status, 303);
  try {
    await work();
  } finally {
    // A reset has signed everybody out.
    assert.equal((await (await service.console("administrator"))("/console/plans/lesesaal/retire", { base: "0", confirmed: "yes" })).status, 303);
  }
}

const LESESAAL = "Floor 1 · Lesesaal A";

/** The wishes as the plan that is shown numbers them. */
const numbered = () => Object.fromEntries(phone.page.data.seats.filter(({ order }) => order).map(({ number }, n) => [number, phone.all("order")[n].textContent]));

/** Taps a seat of the plan. */
const tapSeat = async (number) => { phone.touch(await phone.until(() => phone.all("seat").find((node) => node.textContent.startsWith(number)), number)); };

test("seats of two areas are chosen on their plans, which number the wishes", () => withCarrels(async () => {
  const token = await applying({ language: "en", width: 320, areas: ["2f-hall", "lesesaal"] });
  await phone.reads("Tap seats in the order of your liking, 3 wishes at most");
  await tapSeat("Carrel 3");
  await phone.until(() => numbered()["Carrel 3"] === "1");
  const [, , broken] = phone.all("seat");
  assert.equal(broken.textContent, "", "it is not given");
  phone.touch(broken);
  await phone.tap("二层中厅");
  await tapSeat("066");
  await phone.until(() => numbered()["066"] === "2");
  await tapSeat("067");
  await phone.until(() => phone.toasts.includes("No wish is left (at most 3). Remove one to choose another."));
  assert.deepEqual(wished(), ["lesesaal-scarrel3", "2f-hall-066"]);
  await phone.tap(LESESAAL);
  await phone.tap(/Carrel 3, wish 1; remove$/);
  await phone.until(() => wished().length === 1 && !phone.all("order").length);
  await phone.tap(/Carrel 3, add as a wish$/);
  await phone.until(() => numbered()["Carrel 3"] === "2");
  await phone.tap(/^Move .*Carrel 3 up$/);
  await phone.until(() => numbered()["Carrel 3"] === "1");
  await phone.tap("Apply");
  await phone.reads("Your application is noted.");
  assert.deepEqual(await stored(token), ["lesesaal-scarrel3", "2f-hall-066", "any"]);

  phone.open(seasonPage());
  await phone.until((data) => data.area === "lesesaal" && data.drawing, "the plan of the first wish");
  assert.deepEqual(numbered(), { "Carrel 3": "1" });
  await phone.tap("二层中厅");
  await phone.until((data) => data.area === "2f-hall" && data.drawing);
  assert.deepEqual(numbered(), { "066": "2" });
  await phone.tap(/066.*wish 2; remove$/);
  await phone.tap("List");
  phone.type("no such seat");
  await phone.reads("There is no such number");
  phone.type("067");
  await phone.until((data) => data.found.length === 1);
  await pick("2f-hall-067", "line");
  await phone.tap("Plan");
  assert.deepEqual(numbered(), { "067": "2" });
  await phone.tap("Save wishes");
  await phone.until((data) => data.done && !data.busy);
  assert.deepEqual(await stored(token), ["lesesaal-scarrel3", "2f-hall-067", "any"]);

  phone.network = ({ path }) => (path.includes("/map?") ? { status: 500, data: {} } : undefined);
  await phone.tap(LESESAAL);
  await phone.until((data) => data.list && phone.toasts.at(-1) === "The plan did not open; choose from the list");
  phone.network = () => undefined;
  await phone.tap("Plan");
  await phone.until((data) => data.drawing && numbered()["Carrel 3"] === "1");
  await later("12:00");
  assert.deepEqual([phone.all("plan"), phone.page.data.plans], [[], []], "closed");
}));

test("who waits, and who was left out", async () => {
  const token = await begin();
  await service.clock(at("09:30"));
  await service.call("POST", mine(), { as: token, body: { wishes: ["A-01"] } });
  await service.clock(at("12:30"));
  await service.seasonStep(id, "freeze");
  await service.clock(at("13:30"));
  await service.seasonStep(id, "draw", { which: "first", value: VALUE });
  const own = await service.call("GET", mine(), { as: token });
  for (const [other, said] of [
    [{ rank: 7, thing: null }, ["没有分到，您在候补的名单上", "第 7 位，共 1 份申请"]],
    [{ weight: 0, proof: null, rank: null, thing: null }, ["封存名单时您不在可以申请的读者之中，这份申请没有参加抽签。"]],
  ]) {
    phone.network = (sent) => (isMine(sent, "GET") ? { status: 200, data: { ...own, ...other } } : undefined);
    phone.open(seasonPage());
    for (const text of said) await phone.reads(text);
  }
});

test("two holders swap, and one gives up what the other had", async () => {
  const token = await begin();
  const other = await service.reader("li", "21070002");
  await service.clock(at("09:30"));
  for (const [as, wish] of [[token, "A-01"], [other, "B-01"]]) await service.call("POST", mine(), { as, body: { wishes: [wish] } });
  await service.clock(at("12:30"));
  await service.seasonStep(id, "freeze");
  await service.clock(at("13:30"));
  await service.seasonStep(id, "draw", { which: "first", value: VALUE });
  phone.open(seasonPage());
  await phone.tap("想和别人交换");
  const row = await phone.until(() => phone.all("line").find((node) => node.dataset.id === "B-01"), "B-01 to swap for");
  phone.taps.push(true);
  phone.touch(row);
  await phone.reads("您请求换成 B-01，等对方同意");
  await phone.until((data) => !data.busy);
  await phone.tap("不换了");
  await phone.reads("已不再请求交换。");
  const theirs = `/api/v1/seasons/${id}/swap`;
  await service.call("POST", theirs, { as: other, body: { thing: "A-01" } });
  await phone.page.load();
  await phone.reads("有读者想用 B-01 和您交换");
  phone.taps.push(true);
  await phone.tap("同意交换");
  await phone.reads("已交换。");
  await phone.reads("您分到：B-01");
  await phone.until((data) => !data.busy);
  await phone.tap("放弃，转给候补的读者"); // and thinks better of it
  await phone.until((data) => !data.busy && data.own.holds === "B-01");
  phone.taps.push(true);
  await phone.tap("放弃，转给候补的读者");
  await phone.reads("已放弃。");
  await phone.reads("B-01 已放弃");
  const own = await service.call("GET", mine(), { as: token });
  assert.deepEqual([own.thing, own.lost.reason], [null, "given_up"]);
  assert.equal((await service.call("GET", mine(), { as: other })).thing.id, "A-01");
});

test("who does not use a seat is told when they lose it", async () => {
  const token = await begin({ language: "en", width: 320 });
  await service.clock(at("09:30"));
  const own = await service.call("POST", mine(), { as: token, body: { wishes: ["A-01"] } });
  const held = { rank: 1, thing: { id: "2f-hall-065", label: "Hauptbibliothek · 1. OG · Lesesaal A · Carrel 3", size: "" }, unused: 3, from_day: "2026-12-20" };
  phone.network = (sent) => (isMine(sent, "GET") ? { status: 200, data: { ...own, ...held } } : undefined);
  phone.open(seasonPage());
  for (const text of ["Unused days in a row: 3.", "Changes count from 2026-12-20 on", "Carrel 3"]) await phone.reads(text);
});

test("a season that was not drawn in time is void, and an aborted one says why", async () => {
  await begin();
  await (await service.console("administrator"))(`/console/seasons/${id}/abort`, { reason: "柜子要维修" });
  phone.open(seasonPage());
  await phone.reads("已中止");
  await phone.reads("原因：柜子要维修");
  id = await service.season({ title: "没有抽签的" });
  await service.clock(at("15:01"));
  phone.open(seasonPage());
  await phone.reads("作废：图书馆没有按期公布种子");
  assert.equal(phone.find("提交申请"), undefined);
});

test("a reader whom the rule does not name sees what is given, and is told so", async () => {
  await begin();
  await service.clock(at("09:30"));
  const season = await service.call("GET", `/api/v1/seasons/${id}`, { as: phone.storage.get("token") });
  phone.network = ({ path }) => (path.endsWith(`/seasons/${id}`) ? { status: 200, data: { ...season, weight: 0 } } : undefined);
  phone.open(seasonPage());
  await phone.reads("按规则，您不在可以申请的读者之中。");
  await phone.reads("B-01");
  assert.equal(phone.find("提交申请"), undefined);
});

test("somebody who is not bound is led to binding, and 我的 shows them no way to seasons", async () => {
  await service.reset(at("08:00"));
  id = await service.season();
  phone = new Phone(service, "nobody");
  phone.open("pages/me/me");
  await phone.until((data) => data.ready && !phone.flying);
  assert.equal(phone.find("学期座位与储物柜"), undefined);
  for (const page of [LIST, seasonPage()]) {
    phone.open(page);
    await phone.reaches("pages/bind/bind");
  }
});

test("a library without seasons, or a service that knows none, offers nothing and is not asked", async () => {
  const token = await begin();
  const library = await service.call("GET", "/api/v1/library", { as: token });
  assert.equal(library.seasons, true);
  for (const older of [false, true]) {
    if (older) delete library.seasons;
    else library.seasons = false;
    const network = ({ path }) => {
      if (path.endsWith("/library")) return { status: 200, data: library };
      return /\/seasons/.test(path) ? { status: 404, data: { error: { code: "not_found", message: "没有这个页面", details: {} } } } : undefined;
    };
    await phone.close();
    const { storage } = phone;
    phone = new Phone(service, "wang");
    Object.assign(phone, { storage, network });
    phone.open("pages/me/me");
    await phone.until((data) => data.name && !phone.flying);
    assert.equal(phone.find("学期座位与储物柜"), undefined);
    assert.deepEqual(phone.requests.filter(({ path }) => /\/seasons/.test(path)), []);
  }
  for (const page of [LIST, seasonPage()]) {
    phone.open(page);
    await phone.reads("没有这个页面");
  }
});
