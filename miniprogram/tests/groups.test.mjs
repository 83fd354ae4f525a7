// Seats and areas that are reserved for reader groups, and an area that is closed: shown as not to be
// had, with the reason.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MONDAY, SEAT, at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

let service;

before(async () => { service = await start(); });
after(() => service?.stop());

for (const [language, wanted] of [["zh_CN", "仅限研究生、教师"], ["en", "Only for 研究生, 教师"]]) {
  test(`not the reader's seats in ${language}: ${wanted}`, async () => {
    await service.reset(at("08:40"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      const as = phone.storage.get("token"), groups = ["研究生", "教师"];
      const map = await service.call("GET", `/api/v1/areas/2f-hall/map?date=${MONDAY}`, { as });
      const seats = map.seats.map((seat) => (seat.id === SEAT ? { ...seat, no: "Carrel-Nord-Ost-0003", status: "disabled", free_until: null, reserved_for: groups } : seat));
      const { items } = await service.call("GET", `/api/v1/areas?date=${MONDAY}`, { as });
      const closed = { "2f-hall": { reserved_for: groups }, "3f-north": { closed: "地面维修" } };
      const areas = items.map((area) => (area.id in closed ? { ...area, seats_free: 0, ...closed[area.id] } : area));
      phone.network = ({ path }) => {
        if (path.includes("/areas/2f-hall/map")) return { status: 200, data: { ...map, seats } };
        return /\/areas(\?|$)/.test(path) ? { status: 200, data: { items: areas } } : undefined;
      };
      phone.open("pages/seats/seats");
      await phone.reads(wanted);
      phone.touch(phone.all("part")[1]); // the next floor
      await phone.reads(language === "en" ? "Closed (地面维修)" : "闭馆（地面维修）");
      phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}`);
      const node = await phone.until(() => phone.all("seat").find((one) => one.dataset.id === SEAT), SEAT);
      phone.touch(node);
      await phone.until(() => phone.toasts.length, "the reason");
      assert.match(phone.toasts.at(-1), new RegExp(wanted));
      assert.match(phone.toasts.at(-1), /Carrel-Nord-Ost-0003/);
      assert.match(node.textContent, /^Carre…t-0003/, "the tile has room for both ends");
      assert.equal(phone.requests.some((sent) => sent.path.includes(`/seats/${SEAT}/times`)), false);
    } finally {
      await phone.close();
    }
  });
}
