// What the network and the service do to a phone: nothing is sent twice, nothing is lost, and the
// reader is told in words.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Phone } from "./phone.mjs";
import { BOOK, BUSY, MONDAY, SEAT, agree, at, bound, posted, seatChosen, timesChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

async function begin() {
  await service.reset(at("08:00"));
  phone = await bound(service);
  phone.requests.length = 0;
}

const home = async () => {
  phone.open("pages/index/index");
  await phone.until((data) => data.ready || data.wrong);
};
const mine = async () => (await service.call("GET", "/api/v1/reservations", { as: phone.storage.get("token") })).items;

/** That weather for the first `times` requests there, and no weather after. */
function weather(what, times, path, method = "POST") {
  let left = times;
  phone.network = (sent) => {
    if (left === 0 || sent.method !== method || !sent.path.startsWith(path)) return undefined;
    left -= 1;
    return what;
  };
}

test("a dead token is renewed once, however many ask at once, and nobody sees it", async () => {
  await begin();
  const logins = phone.logins;
  phone.storage.set("token", "dead");
  await home();
  assert.equal(phone.page.data.wrong, "");
  await phone.reads("当前空位");
  assert.equal(phone.logins, logins + 1);
  assert.equal(phone.requests.filter((sent) => sent.path.endsWith("/wx/login")).length, 1);
});

test("a token that is refused again right after login is no endless loop", async () => {
  await begin();
  phone.network = ({ path }) => (path.endsWith("/me") ? { status: 401, data: { error: { code: "unauthenticated", message: "请重新登录", details: {} } } } : undefined);
  await home();
  await phone.reads("请重新登录");
  assert.equal(phone.requests.filter((sent) => sent.path.endsWith("/me")).length, 2);
});

test("without a network the page says so, and comes with a tap when there is one", async () => {
  await begin();
  phone.network = () => "offline";
  await home();
  await phone.reads("没有网络，请检查后重试");
  phone.network = () => undefined;
  await phone.tap("重试");
  await phone.reads("当前空位");
  assert.ok(!phone.text.includes("没有网络"));
});

test("a service that does not answer is told apart from a missing network", async () => {
  await begin();
  phone.network = () => "timeout";
  await home();
  await phone.reads("服务没有回应，请稍后再试");
});

test("a busy service is asked again by itself, when it wants to be", async () => {
  await begin();
  weather(BUSY, 2, "/api/v1/me", "GET");
  await home(); // refused twice: once in silence, then with words and a countdown
  await phone.reads("秒后自动重试");
  await phone.reads("当前空位");
  assert.deepEqual(phone.requests.filter((sent) => sent.path.endsWith("/me")).map((sent) => sent.status), [503, 503, 200]);
});

test("maintenance without our words says that nothing is lost", async () => {
  await begin();
  phone.network = () => ({ status: 502, data: "<html>Bad Gateway</html>" });
  await home();
  await phone.reads("服务暂时不可用，请稍后再试；您的预约不会丢失");
});

test("what is shown stays when the network goes", async () => {
  await begin();
  await seatChosen(phone);
  phone.network = () => "offline";
  await phone.page.refresh();
  await phone.reads("网络不稳，显示的可能不是最新");
  assert.ok(phone.all("seat").length > 60);
  phone.network = () => undefined;
  await phone.page.refresh();
  assert.equal(phone.page.data.stale, "");
});

test("a plan that has not changed is not sent again", async () => {
  await begin();
  await seatChosen(phone);
  await phone.page.refresh();
  assert.equal(phone.requests.at(-1).status, 304);
});

test("two taps make one reservation", async () => {
  await begin();
  await seatChosen(phone);
  const button = phone.find(BOOK);
  phone.touch(button);
  phone.touch(button);
  await phone.reads("预约成功");
  assert.equal(posted(phone, "/reservations").length, 1);
  assert.equal((await mine()).length, 1);
});

for (const [what, said] of [["lost", "an answer that is lost"], [{ status: 503, headers: { "Retry-After": "1" } }, "a busy service"]]) {
  test(`${said} makes one reservation, under one key`, async () => {
    await begin();
    await seatChosen(phone);
    weather(what, 1, "/api/v1/reservations");
    await phone.tap(BOOK);
    await phone.reads("预约成功");
    const sent = posted(phone, "/reservations");
    assert.equal(sent.length, 2);
    assert.equal(new Set(sent.map((one) => one.headers["Idempotency-Key"])).size, 1);
    assert.deepEqual(sent.map((one) => one.headers["Idempotency-Repeat"]), [undefined, ...sent.slice(1).map(() => "1")]);
    assert.equal((await mine()).length, 1);
  });
}

test("what could not be sent at all may be tapped again, under the same key", async () => {
  await begin();
  await seatChosen(phone);
  weather("lost", 3, "/api/v1/reservations");
  await phone.tap(BOOK);
  await phone.reads("服务没有回应，请稍后再试");
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.equal(new Set(posted(phone, "/reservations").map((one) => one.headers["Idempotency-Key"])).size, 1);
  assert.equal((await mine()).length, 1);
});

test("a refusal leaves everything as it was, and another tap is another try", async () => {
  await begin();
  const token = phone.storage.get("token");
  await seatChosen(phone);
  await service.reserve(token, "2f-hall-001", MONDAY, "09:00", "12:00"); // on another phone, meanwhile
  for (let n = 0; n < 2; n += 1) {
    await phone.tap(BOOK);
    await phone.until((data) => data.refused && !data.busy, "a refusal");
  }
  assert.equal(new Set(posted(phone, "/reservations").map((one) => one.headers["Idempotency-Key"])).size, 2);
  assert.deepEqual((await mine()).map((r) => r.seat.id), ["2f-hall-001"]);
});

test("wrong digits end in words about when to go on; what was not sent stays", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "new");
  phone.open("pages/bind/bind");
  agree(phone);
  phone.network = () => "offline";
  phone.type("123456");
  await phone.reads("没有网络");
  assert.equal(phone.page.data.digits, "123456");
  phone.network = () => undefined;
  for (let n = 0; n < 12 && !/尝试次数过多/.test(phone.text); n += 1) {
    phone.type(String(100000 + n));
    await phone.until((data) => !data.busy && data.wrong);
  }
  assert.match(phone.text, /尝试次数过多，请 .+后再试/);
});

test("a second login is not begun while one is under way", async () => {
  await begin();
  phone.storage.delete("token");
  const logins = phone.logins;
  phone.open("pages/me/me"); // two looks at once
  await phone.reads("赵晨阳");
  assert.equal(phone.logins, logins + 1);
});

test("a code that the camera has not seen is refused in words, and the seat stays as it was", async () => {
  await begin();
  await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "08:00", "12:00");
  await home();
  phone.sees.push(null); // no permission
  await phone.tap("扫码签到");
  await phone.reads("没有扫到签到码");
  assert.deepEqual((await mine()).map((r) => r.state), ["reserved"]);
});

test("who is bound already has nothing to do on the page for it", async () => {
  await begin();
  phone.open("pages/bind/bind");
  await phone.reaches("pages/index/index"); // by itself
  phone.network = ({ path }) => (path.endsWith("/binding-requests/current") ? "offline" : undefined);
  phone.open("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode("21070001"));
  await phone.reaches("pages/index/index");
});

test("an answer that comes after the page for binding has gone leads nowhere", async () => {
  await begin();
  let answer;
  phone.network = ({ path }) => (path.endsWith("/binding-requests/current") ? new Promise((resolve) => { answer = resolve; }) : undefined);
  phone.open("pages/bind/bind");
  await phone.until(() => answer);
  phone.open("pages/messages/messages");
  const before = phone.navigations.length;
  phone.network = () => undefined;
  answer();
  await phone.until(() => phone.requests.some(({ path, status }) => path.endsWith("/binding-requests/current") && status === 200));
  await phone.until((data) => data.ready && !phone.flying);
  assert.deepEqual([phone.path, phone.navigations.slice(before)], ["pages/messages/messages", []]);
});

test("a start that is tapped before its ends have come is what counts, whatever comes late", async () => {
  await begin();
  await seatChosen(phone);
  const slow = [];
  phone.network = ({ path }) => (/start=09/.test(path) ? new Promise((resolve) => { slow.push(resolve); }) : undefined);
  const chip = (value) => phone.all("chip").find((node) => node.dataset.value === value);
  phone.touch(chip("09:00"));
  await phone.until((data) => data.start === "09:00");
  assert.equal(phone.find(BOOK), undefined, "nothing is booked while the ends are unknown");
  phone.touch(chip("10:00"));
  await phone.until((data) => data.start === "10:00" && data.end);
  const { ends } = phone.page.data;
  slow[0]();
  await phone.until(() => phone.requests.filter((sent) => /start=09/.test(sent.path)).at(-1).status === 200);
  await phone.page.refresh();
  assert.deepEqual([phone.page.data.start, phone.page.data.ends], ["10:00", ends]);
});

test("numbers that come late are not shown under another time", async () => {
  await begin();
  phone.open("pages/seats/seats");
  await phone.until((data) => data.floors.length);
  let let_go;
  phone.network = ({ path }) => (/areas.*start=/.test(path) ? new Promise((resolve) => { let_go = resolve; }) : undefined);
  phone.touch(document.body.querySelector("wx-picker"), "change", { value: 1 });
  await phone.until(() => let_go);
  assert.deepEqual(phone.page.data.floors, []);
  await phone.tap("清除");
  await phone.until((data) => data.floors.length);
  const { floors } = phone.page.data;
  let_go({ status: 200, data: { items: [] } });
  await phone.page.load();
  assert.deepEqual(phone.page.data.floors.map((floor) => floor.floor), floors.map((floor) => floor.floor));
});

test("closing the sheet while the reservation is under way does not hide how it ended", async () => {
  await begin();
  await seatChosen(phone);
  let let_go;
  phone.network = ({ method, path }) => (method === "POST" && /reservations$/.test(path) ? new Promise((resolve) => { let_go = resolve; }) : undefined);
  await phone.tap(BOOK);
  await phone.until(() => let_go);
  await phone.tap("关闭");
  let_go();
  await phone.reads("预约成功");
});

test("a service that is away for longer says so at once, and the next tap goes on under the same key", async () => {
  await begin();
  await seatChosen(phone);
  weather({ status: 503, headers: { "Retry-After": "600" }, data: "" }, 1, "/api/v1/reservations");
  await phone.tap(BOOK);
  await phone.reads("服务暂时不可用");
  assert.equal(posted(phone, "/reservations").length, 1);
  await phone.tap(BOOK);
  await phone.reads("预约成功");
  assert.equal(new Set(posted(phone, "/reservations").map((one) => one.headers["Idempotency-Key"])).size, 1);
});

test("a change that is still being done is asked for again under its key, and the reader sees that", async () => {
  await begin();
  await seatChosen(phone);
  weather({ status: 409, data: { error: { code: "in_progress", message: "正在处理", details: {} } } }, 1, "/api/v1/reservations");
  await phone.tap(BOOK);
  await phone.until(() => phone.loading === "正在重试…", "a word about it");
  await phone.reads("预约成功");
  assert.equal(phone.loading, "");
  assert.equal(new Set(posted(phone, "/reservations").map((one) => one.headers["Idempotency-Key"])).size, 1);
});

test("a poll that succeeds does not make nothing of what has failed", async () => {
  await begin();
  phone.network = ({ path }) => (path.endsWith("/areas") ? "offline" : undefined);
  await home();
  await phone.reads("没有网络");
  await phone.page.look();
  assert.ok(!phone.text.includes("当前空位") && phone.text.includes("没有网络"));
});

test("a network that answers with its own page is none", async () => {
  await begin();
  phone.network = () => ({ status: 200, data: "<html>Please sign in to the campus network</html>" });
  await home();
  await phone.reads("服务暂时不可用");
});

test("two taps on 更多 bring one page", async () => {
  await begin();
  const items = Array.from({ length: 20 }, (_, n) => ({ id: `m${n}`, title: "消息", text: "", at: at("08:00"), read: true, reservation_id: null }));
  phone.network = ({ path }) => {
    const page = Number(/messages\?page=(\d)/.exec(path)?.[1]);
    return page ? { status: 200, data: { items: items.map((one) => ({ ...one, id: `${page}:${one.id}` })), page, page_size: 20, total: 60 } } : undefined;
  };
  phone.open("pages/messages/messages");
  await phone.until((data) => data.rows.length === 20);
  phone.page.onReachBottom();
  phone.page.onReachBottom();
  await phone.until((data) => data.rows.length > 20 && !data.busy);
  assert.equal(phone.page.data.rows.length, 40);
});

test("more choices than WeChat shows at once are all there", async () => {
  await begin();
  const token = phone.storage.get("token");
  const { id } = await service.reserve(token, SEAT, MONDAY, "08:00", "12:00");
  await service.call("POST", `/api/v1/reservations/${id}/check-in`, { as: token, body: { qr: await service.kioskCode() } });
  await service.clock(at("11:30"));
  const ends = Array.from({ length: 8 }, (_, n) => ({ value: `${13 + n}:00`, label: `${13 + n}:00` }));
  let asked;
  phone.network = ({ path, body }) => {
    if (path.endsWith("/extend")) asked = body;
    return path.endsWith("/extensions") ? { status: 200, data: { ends } } : undefined;
  };
  await home();
  phone.taps.push(5, 1);
  await phone.tap("续约");
  await phone.until(() => asked);
  assert.deepEqual(asked, { end: "19:00" });
});

test("where the address cannot be copied the reader is told how else", async () => {
  await service.reset(at("08:00"));
  phone = new Phone(service, "new");
  phone.open("pages/bind/bind");
  phone.mayCopy = false;
  // WeChat has not got the reader's consent: the words say so, and lead to the guide.
  phone.taps.push(true);
  await phone.tap("复制网址");
  await phone.reaches("pages/privacy/privacy");
  assert.match(phone.asked.at(-1), /微信还没有得到您的同意：请长按网址复制/);
  await phone.tap("查看用户隐私保护指引");
  assert.ok(phone.guideShown);
  phone.back();
  agree(phone);
  phone.sees.push(undefined);
  await phone.tap("扫码绑定");
  await phone.reads("没有同意隐私保护指引，不能使用摄像头");
  // Nor is anything bound by who has not agreed; an old WeChat cannot ask, and says so of the guide.
  phone.agreesToGuide = false;
  phone.type(await service.activationCode("21070001"));
  await phone.reads("没有同意隐私保护指引，不能绑定");
  assert.deepEqual(posted(phone, "/bindings"), []);
  phone.lacks = new Set(["openPrivacyContract", "requirePrivacyAuthorize"]);
  await phone.tap("用户隐私保护指引");
  assert.match(phone.toasts.at(-1), /^微信版本较旧/);
  await phone.tap("绑定");
  await phone.reaches("pages/index/index");
});

test("a start without a network shows the bookings that were seen last, and goes on by itself when there is one", async (t) => {
  await begin();
  await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "09:00", "12:00");
  await home();
  await phone.reads("已预约065 号");
  const { storage } = phone;
  await phone.close();
  // Without an answer the program has the phone's own time, which is the library's here.
  const ahead = Date.parse(at("08:01")) - Date.now();
  const real = Date.now;
  t.mock.method(Date, "now", () => real() + ahead);
  phone = new Phone(service, "wang");
  phone.storage = storage;
  phone.network = () => "offline";
  phone.open("pages/index/index");
  await phone.reads("没有网络，请检查后重试");
  await phone.reads("下面是 12-07 08:00 看到的预约");
  assert.ok(phone.text.includes("已预约065 号二层中厅 · 图书馆"), phone.text);
  assert.equal(phone.find("取消"), undefined, "nothing to tap that cannot be done");
  phone.network = () => undefined;
  phone.connected();
  await phone.reads("当前空位");
  assert.ok(phone.find("取消") && !phone.text.includes("下面是") && !phone.text.includes("没有网络"));
  // Elsewhere there is nothing to listen for any more.
  const asked = phone.requests.length;
  phone.connected();
  assert.equal(phone.requests.length, asked);
});

/** WeChat's own scanner opens the program with that code; `slow` is what the login takes, by the service's clock. */
async function scannedWith(code, slow) {
  const held = phone.network;
  phone.network = async (sent) => {
    if (sent.path.endsWith("/wx/login") || sent.path.endsWith("/me")) {
      const { at: now } = slow;
      slow.at = "";
      if (now) await service.clock(now);
    }
    return held(sent);
  };
  phone.open(`pages/index/index?q=${encodeURIComponent(code)}`);
}

for (const [start, token] of [["a start with a session", "kept"], ["a start without one", ""], ["a start with a dead one", "dead"]]) {
  test(`a code checks its reader in though the login takes a minute: ${start}`, async () => {
    await begin();
    const { storage } = phone;
    const r = await service.reserve(storage.get("token"), SEAT, MONDAY, "08:00", "12:00");
    await phone.close();
    phone = new Phone(service, "wang");
    phone.storage = storage;
    if (token === "") storage.delete("token");
    if (token === "dead") storage.set("token", "dead");
    const code = await service.kioskCode();
    // It is noted before anything else is waited for.
    let noted;
    const told = new Promise((resolve) => { noted = resolve; });
    phone.network = async (sent) => {
      if (sent.path.endsWith("/scans")) { setTimeout(noted, 300); return undefined; }
      await told;
      return undefined;
    };
    await scannedWith(code, { at: at("08:00").replace(/:00\+/, ":45+") }); // less than a minute, however busy this machine
    await phone.reads("使用中065 号");
    assert.equal((await mine()).find((one) => one.id === r.id).state, "in_use");
  });
}

test("without the note of a code the code itself is tried", async () => {
  await begin();
  await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "08:00", "12:00");
  phone.network = ({ path }) => (path.endsWith("/scans") ? "offline" : undefined);
  phone.open(`pages/index/index?q=${encodeURIComponent(await service.kioskCode())}`);
  await phone.reads("使用中065 号");
});
