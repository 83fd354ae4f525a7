// Every page of app.json, in both languages, with something on it and with nothing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { MONDAY, SEAT, at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

const { pages } = JSON.parse(readFileSync(new URL("../app.json", import.meta.url), "utf8"));
const CHINESE = /\p{Script=Han}/u;
const OURS = ["现在", "号 ·", "当前", "开始时间", "结束时间", "立即预约", "签到", "暂离", "取消", "详情", "全部", "可用", "总数", "候补", "解绑", "绑定", "还可收", "版本", "加载"];
const THEIRS = new Set(["pages/index/index", "pages/notices/notices", "pages/notices/notice"]);
/** The program that schools share has one page and one row more. */
const SHARED = {
  schools: [...Array(10).keys()].map((n) => ({ name: `Library ${n}`, title: "T", url: `https://s${n}.test`, suspended: n === 3 })),
  school: { name: "Library 0", url: "https://s0.test" },
};
const ROLES = ["button", "tab", "checkbox", "radio"];

let service;
before(async () => { service = await start(); });
after(() => service?.stop());

/** What each page is opened with, and the data in which its content is. */
const OPENED = {
  "pages/index/index": ["", (data) => data.floors.length],
  "pages/seats/seats": ["", (data) => data.floors.length],
  "pages/me/me": ["", (data) => data.name],
  "pages/plan/plan": [`?area=2f-hall&date=${MONDAY}&seat=${SEAT}`, (data) => data.ends.length],
  "pages/reservation/detail": ["?id=RESERVATION", (data) => data.lines.length],
  "pages/bind/bind": ["", (data) => data.address],
  "pages/messages/messages": ["", (data) => data.rows.length],
  "pages/notices/notices": ["", (data) => data.rows.length],
  "pages/notices/notice": ["?id=how-to-book", (data) => data.notice],
  "pages/waitlist/waitlist": ["", (data) => data.rows.length],
  "pages/subscriptions/subscriptions": ["", (data) => data.rows.length],
  "pages/devices/devices": ["", (data) => data.rows.length],
  "pages/fault/fault": [`?seat=${SEAT}&label=065`, (data) => data.kinds.length],
  "pages/privacy/privacy": ["", (data) => data.rows.length],
  "pages/schools/schools": ["", (data) => data.rows.length],
  "pages/together/together": [`?area=2f-hall&seat=${SEAT}&date=${MONDAY}&start=15:00&end=17:00`, (data) => data.seats.length],
  "pages/rooms/rooms": ["?room=r402", (data) => data.starts.length && data.purposeWanted],
  "pages/rooms/booking": ["?id=ROOM_BOOKING", (data) => data.name],
  "pages/seasons/seasons": ["", (data) => data.rows.length],
  "pages/seasons/season": ["?id=SEASON", (data) => data.applies && data.own],
};

test("every page is tried", () => { assert.deepEqual(Object.keys(OPENED), pages); });

/** Elements that take taps, with what a screen reader says of them. */
function tappable() {
  return [...document.body.querySelectorAll("*")].flatMap((node) => {
    const made = node.__wxElement?._vt;
    if (!made || !("tap" in made.event)) return [];
    const attributes = Object.fromEntries(made.attrs.map(({ name, value }) => [name, value]));
    // WeChat's compiler writes aria-role as ariaRole.
    return [{ node, role: attributes.ariaRole, said: attributes.ariaLabel ?? node.textContent.trim() }];
  });
}

for (const language of ["zh_CN", "en"]) {
  describe(`in ${language}`, () => {
    let phone, id, room, season;
    before(async () => {
      await service.reset(at("08:40"));
      phone = await bound(service, "wang", "21070001", { language, ...SHARED });
      const token = phone.storage.get("token");
      ({ id } = await service.reserve(token, SEAT, MONDAY, "09:00", "12:00"));
      const other = await service.reader("li", "21070002");
      await service.reserve(other, "2f-hall-001", MONDAY, "13:00", "15:00");
      await service.call("POST", "/api/v1/waitlist", { as: token, body: { area_id: "2f-hall", seats: ["2f-hall-001"], date: MONDAY, start: "13:00", end: "15:00" } });
      room = await service.call("POST", "/api/v1/room-bookings", { as: token, body: { room_id: "r301", date: MONDAY, start: "13:00", end: "15:00" } });
      season = await service.season({ opens_at: `${MONDAY}T08:41` });
      await service.clock(at("08:41")); // messages have gone out
      await service.call("POST", `/api/v1/seasons/${season}/application`, { as: token, body: { wishes: ["B-01", "any"] } });
    });
    after(() => phone?.close());

    for (const page of pages) {
      test(page, async () => {
        phone.title = "";
        phone.tabNames = [];
        const [query, shown] = OPENED[page];
        phone.open(page + query.replace("ROOM_BOOKING", room.id).replace("RESERVATION", id).replace("SEASON", season));
        await phone.until(shown);
        assert.doesNotMatch(phone.text, /undefined|null|NaN|\{\w+\}|\[object/);
        assert.ok(phone.title, "a title");
        if (phone.isTab(page)) assert.deepEqual(phone.tabNames, language === "en" ? ["Home", "Seats", "Me"] : ["首页", "预约座位", "我的"]);
        const given = Object.entries(phone.page.data.words);
        for (const [name, text] of given) {
          assert.ok(text, name);
          if (language === "en" && !name.startsWith("bind_")) assert.doesNotMatch(text, CHINESE, name);
        }
        // Names of places and the library's notices stay as they are.
        if (language === "en" && !THEIRS.has(page)) for (const text of OURS) assert.ok(!phone.text.includes(text), text);
        for (const { node, role, said } of tappable()) {
          assert.ok(said, `no name: ${node.outerHTML.slice(0, 200)}`);
          assert.ok(ROLES.includes(role), `no role: ${node.outerHTML.slice(0, 200)}`);
        }
      });
    }
  });
}

for (const [language, wanted, named] of [["zh_CN", "地下二层", ["EG", "A区"]], ["en", "Basement 2", ["Ground floor", "Zone A"]]]) {
  test(`floors below the ground and with names of their own, in ${language}`, async () => {
    await service.reset(at("08:40"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      const as = phone.storage.get("token");
      const { items } = await service.call("GET", `/api/v1/areas?date=${MONDAY}`, { as });
      const areas = items.map((area) => ({ ...area, floor: -area.floor }));
      phone.network = ({ path }) => (/\/areas(\?|$)/.test(path) ? { status: 200, data: { items: areas } } : undefined);
      for (const page of ["index/index", "seats/seats"]) {
        phone.open(`pages/${page}`);
        await phone.reads(wanted);
      }
      const names = { name: "A区", names: { en: "Zone A" }, floor_name: "EG", floor_names: { en: "Ground floor" } };
      for (const area of areas) Object.assign(area, names);
      phone.open("pages/index/index");
      await phone.reads(named[0]);
      phone.open("pages/seats/seats");
      for (const name of named) await phone.reads(name);
    } finally {
      await phone.close();
    }
  });
}
