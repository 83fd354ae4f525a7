// Pictures of the story's pages: `node tools/screenshots.mjs FOLDER [dark] [short] [wide] [side]`. The pages are what the
// phone of the tests shows; Chromium draws them, with WeChat's bars around them. `short` is the screen of a small phone, `wide` a tablet's,
// `side` a phone's on its side.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BOOK, MONDAY, SEAT, agree, at, bound, seatChosen } from "../tests/reader.mjs";
import { Phone } from "../tests/phone.mjs";
import { start } from "../tests/service.mjs";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const [folder, ...how] = process.argv.slice(2);
if (!folder) throw new Error("where to?");
const scheme = how.includes("dark") ? "dark" : "light";
const side = how.includes("side");
const height = side ? 390 : how.includes("short") ? 568 : 844;
const width = side ? 844 : how.includes("wide") ? 1024 : how.includes("short") ? 320 : 390;
mkdirSync(folder, { recursive: true });

const app = JSON.parse(readFileSync(join(ROOT, "app.json"), "utf8"));
const theme = JSON.parse(readFileSync(join(ROOT, "theme.json"), "utf8"))[scheme];
const tabs = app.tabBar.list.map((tab) => tab.pagePath);
// WeChat's own bars are no part of 100vh.
const style = (path) => readFileSync(join(ROOT, `${path}.wxss`), "utf8").replace(/@import[^;]*;/g, "").replaceAll("100vh", "calc(100vh - 48px)");
const icon = (name) => `data:image/png;base64,${readFileSync(join(ROOT, theme[name.slice(1)])).toString("base64")}`;
const COMPONENTS = Object.keys(app.usingComponents);
const WECHAT = `
  * { animation: none !important; } html { font-size: 16px; } body { margin: 0; min-height: ${height}px; padding: 48px 0 0; box-sizing: border-box; }
  wx-view, wx-scroll-view, wx-movable-area, wx-movable-view, wx-button, wx-rich-text, main, ${COMPONENTS.join(", ")} { display: block; }
  .tabbed { padding-bottom: 56px; }
  wx-movable-area { position: relative; } wx-movable-view { position: absolute; transform-origin: 0 0; }
  wx-scroll-view { overflow-x: auto; } wx-input, wx-page-meta { display: none; }
  .bar { position: fixed; left: 0; right: 0; z-index: 9; display: flex; align-items: center; justify-content: space-around; background: ${theme.navBackground}; color: ${theme.navText === "white" ? "#fff" : "#000"}; }
  .bar.top { top: 0; height: 48px; font-weight: 600; } .bar.bottom { bottom: 0; height: 56px; font-size: 10px; color: ${theme.soft}; border-top: 1px solid rgba(128, 128, 128, 0.25); }
  .bar.bottom span { display: flex; flex-direction: column; align-items: center; gap: 2px; } .bar.bottom img { width: 27px; height: 27px; } .bar .here { color: ${theme.brand}; }
`;

function draw(phone, name) {
  const own = COMPONENTS.map((name) => `${name} { ${style(`components/${name}/${name}`)} }`);
  const css = [WECHAT, style("marks"), style("app").replace(/(?<!-)\bpage\b/g, "body"), ...own, style(phone.path)].join("\n");
  const body = document.body.cloneNode(true);
  for (const node of body.querySelectorAll("*")) if (node.className) node.className = node.className.replace(/\S+?--/g, "");
  const plan = body.querySelector("wx-movable-view");
  if (plan) {
    const { x, y } = phone.page.data.drawing;
    plan.style.transform = `translate(${x}px, ${y}px) scale(${phone.scale})`;
  }
  const rich = body.querySelector("wx-rich-text");
  if (rich) rich.innerHTML = phone.page.data.notice.body_html;
  const bar = app.tabBar.list.map((tab) => {
    const here = tab.pagePath === phone.path;
    return `<span class="${here ? "here" : ""}"><img src="${icon(here ? tab.selectedIconPath : tab.iconPath)}">${tab.text}</span>`;
  }).join("");
  const html = `<!DOCTYPE html><meta charset="utf-8"><style>${css}</style><body class="${tabs.includes(phone.path) ? "tabbed" : ""}"><div class="bar top">${phone.title}</div>${body.innerHTML}${tabs.includes(phone.path) ? `<div class="bar bottom">${bar}</div>` : ""}`;
  const work = mkdtempSync(join(tmpdir(), "miniprogram-look-"));
  writeFileSync(join(work, "page.html"), html);
  execFileSync("/usr/bin/chromium", [
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", `--window-size=${width},${height}`, `--user-data-dir=${join(work, "profile")}`,
    `--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`, `--screenshot=${join(folder, `miniprogram-${name}.png`)}`, `file://${join(work, "page.html")}`,
  ], { stdio: "ignore" });
  rmSync(work, { recursive: true });
}

const service = await start();
let phone;
try {
  await service.reset(at("08:00"));
  phone = new Phone(service, "new", { width, height });
  phone.open("pages/index/index");
  await phone.reads("座位预约使用说明");
  await phone.reads("仅供");
  draw(phone, "visitor-home");
  await seatChosen(phone);
  draw(phone, "visitor-plan");
  phone.page.close();
  await phone.reads("仅供");
  draw(phone, "visitor-area");
  phone.open("pages/me/me");
  await phone.reads("仅供");
  draw(phone, "visitor-me");
  phone.open("pages/privacy/privacy");
  await phone.reads("门禁记录");
  draw(phone, "privacy");
  phone.open("pages/bind/bind");
  await phone.reads("仅供");
  agree(phone);
  phone.page.type({ detail: { value: "123" } });
  await phone.until(() => phone.all("box")[2].textContent === "3");
  draw(phone, "bind");
  phone.type("123456");
  await phone.until((data) => data.wrong);
  draw(phone, "bind-wrong");
  await service.guess(101);
  phone.type(await service.activationCode("21070009"));
  await phone.reads("请在网页上确认");
  draw(phone, "bind-waiting");
  await service.reset(at("08:00"));
  await phone.close();

  phone = await bound(service, "wang", "21070001", { width, height });
  const token = phone.storage.get("token");
  const other = await service.reader("li", "21070002");
  await phone.reads("座位预约使用说明");
  await phone.until((data) => data.glimpse);
  draw(phone, "home-empty");
  let wait = null;
  phone.network = () => new Promise((resolve) => { wait = resolve; });
  phone.open("pages/seats/seats");
  await phone.until(() => phone.all("bone").length && wait);
  draw(phone, "loading");
  phone.network = () => undefined;
  wait();
  const known = ["2f-east", "2f-hall", "2f-reserved", "2f-north"].map((area_id, n) => ({ area_id, at: at("10:00"), free: [171, 44, 70, 12][n], error: [14, 6, 8, 4][n] }));
  // A morning on which others have come: few seats are left in the hall, and none where it is quiet.
  const areas = await service.call("GET", `/api/v1/areas?date=${MONDAY}`, { as: token });
  [129, 7, 0].forEach((free, n) => { areas.items[n].seats_free = free; });
  const map = await service.call("GET", `/api/v1/areas/2f-east/map?date=${MONDAY}`, { as: token });
  map.seats.forEach((seat, n) => { if (n % 5 === 1 || n % 7 === 3) seat.status = n % 4 ? "occupied" : "away"; });
  phone.network = ({ path }) => {
    const data = path.includes("/forecast") ? { items: known } : path.includes("/areas?") ? areas : path.includes("/2f-east/map") ? map : undefined;
    return data && { status: 200, data };
  };
  phone.open("pages/seats/seats");
  await phone.until((data) => data.floors.length);
  draw(phone, "seats");
  await seatChosen(phone, "2f-east-013");
  draw(phone, "times");
  phone.page.close();
  draw(phone, "east");
  await seatChosen(phone);
  await service.reserve(other, SEAT, MONDAY, phone.page.data.start, phone.page.data.end);
  await phone.tap(BOOK);
  await phone.until((data) => data.near.length);
  draw(phone, "lost-race");
  phone.page.close();
  await phone.page.refresh();
  draw(phone, "plan");
  await phone.tap("列表");
  draw(phone, "list");
  await seatChosen(phone, "2f-hall-066");
  await phone.tap("09:00");
  await phone.until((data) => data.start === "09:00");
  await phone.tap(BOOK);
  await phone.until((data) => data.glimpse);
  draw(phone, "reserved");
  await service.clock(at("08:50"));
  const home = async (text) => { phone.open("pages/index/index"); await phone.reads(text); await phone.reads("座位预约使用说明"); };
  await home("已预约");
  draw(phone, "home-reserved");
  phone.sees.push(await service.kioskCode());
  await phone.tap("扫码签到");
  await phone.reads("使用中");
  draw(phone, "home-in-use");
  phone.taps.push(0);
  await phone.tap("座位被占");
  await phone.reads("换到附近");
  draw(phone, "home-reported");
  await phone.tap("暂离");
  await phone.reads("暂离066");
  draw(phone, "home-away");
  phone.network = () => "offline";
  await phone.page.load();
  draw(phone, "home-offline");
  phone.network = () => undefined;
  for (const [page, name] of [["me/me", "me"], ["messages/messages", "messages"], ["notices/notices", "notices"], ["notices/notice?id=how-to-book", "notice"], ["subscriptions/subscriptions", "subscriptions"], ["waitlist/waitlist", "waitlist"]]) {
    phone.open(`pages/${page}`);
    await phone.until((data) => data.ready);
    draw(phone, name);
  }
  const { items: [r] } = await service.call("GET", "/api/v1/reservations", { as: token });
  phone.open(`pages/reservation/detail?id=${r.id}`);
  await phone.until((data) => data.lines.length);
  draw(phone, "detail");
  await service.clock(at("11:00"));
  await service.reserve(token, "2f-hall-067", MONDAY, "12:00", "14:00");
  await service.clock(at("13:00"));
  phone.open("pages/me/me");
  await phone.tap("我的违约");
  await phone.until((data) => data.rows.length);
  draw(phone, "violations");
  phone.open(`pages/together/together?area=2f-hall&seat=${SEAT}&date=${MONDAY}&start=15:00&end=17:00`);
  await phone.until((data) => data.seats.length);
  await phone.tap("3");
  await phone.until((data) => data.seats.length === 3);
  draw(phone, "together");
  await phone.tap("预约 3 个座位");
  await phone.reads("等同伴接受");
  draw(phone, "party");
  const { party } = await service.call("POST", "/api/v1/parties", { as: other, body: { seat_id: "2f-hall-001", friends: ["2f-hall-002", "2f-hall-003"], date: MONDAY, start: "18:00", end: "20:00" } });
  phone.open(`pages/together/together?invitation=${party.invitation}`);
  await phone.until((data) => data.glimpse);
  draw(phone, "invitation");
  const room = await service.call("POST", "/api/v1/room-bookings", { as: other, body: { room_id: "r301", date: MONDAY, start: "20:00", end: "21:30" } });
  phone.open(`pages/rooms/rooms?date=${MONDAY}`);
  await phone.until((data) => data.rows.length);
  draw(phone, "rooms");
  phone.open(`pages/rooms/rooms?room=r401&date=${MONDAY}`);
  await phone.until((data) => data.start);
  draw(phone, "room");
  phone.open(`pages/rooms/booking?invitation=${room.invitation}`);
  await phone.reads("确认参加");
  draw(phone, "room-invitation");
  await phone.tap("确认参加");
  await phone.until((data) => data.ending);
  draw(phone, "room-booking");
  const times = Object.fromEntries(["opens_at", "closes_at", "first_value_at", "alternative_value_at", "reveal_by"].map((name, n) => [name, `${MONDAY}T${14 + n}:00`]));
  const season = await service.season(times);
  const seats = await service.season(times, ["2f-hall", "2f-east"]);
  await service.clock(at("14:00"));
  await service.call("POST", `/api/v1/seasons/${season}/application`, { as: token, body: { wishes: ["B-01", "A-02"] } });
  phone.open("pages/seasons/seasons");
  await phone.until((data) => data.rows.length);
  draw(phone, "seasons");
  phone.open(`pages/seasons/season?id=${season}`);
  await phone.until((data) => data.applies);
  draw(phone, "season");
  await service.call("POST", `/api/v1/seasons/${seats}/application`, { as: token, body: { wishes: ["2f-hall-066", "2f-hall-065"] } });
  phone.open(`pages/seasons/season?id=${seats}`);
  await phone.until((data) => data.drawing);
  draw(phone, "season-plan");
} finally {
  await phone?.close();
  await service.stop();
}
