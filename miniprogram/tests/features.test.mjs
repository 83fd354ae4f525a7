// Features of seats that the library has defined: the filter, the plan, the list, and a booking.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BOOK, MONDAY, at, bound, posted, seatTapped } from "./reader.mjs";
import { start } from "./service.mjs";

const WITH_LAMP = ["2f-hall-001", "2f-hall-002"];

let service;

/** The console's forms about the library, which a reset leaves as it is. */
async function changes(...sent) {
  const form = await service.console("administrator");
  for (const [path, fields, made] of sent) assert.equal((await form(path, fields, made)).status, 303, path);
}

/** The form of the hall's plan in which the first two seats have these features. */
async function planWith(base, ...features) {
  const headers = await service.signedIn("administrator");
  const plan = await (await fetch(`${service.url}/console/plans/2f-hall.json`, { headers })).json();
  for (const seat of plan.seats) delete seat.features;
  WITH_LAMP.forEach((id, n) => { plan.seats.find((seat) => seat.id === id).features = features.slice(n); });
  return ["/console/plans/2f-hall", { base, confirmed: "yes", plan: JSON.stringify(plan) }, new FormData()];
}

/** 升降桌, of which there is no English, and 台灯, by which readers may filter. Two seats have a lamp, the first also 升降桌. */
before(async () => {
  service = await start();
  await service.reset(at("08:40"));
  await changes(["/console/features", { base: "0", name: "升降桌", icon: "desk" }], ["/console/features", { base: "1", name: "台灯", english: "Desk lamp", icon: "lamp", filter: "1" }]);
  await changes(await planWith("0", "feature", "desk-lamp"));
});
after(async () => {
  await service.reset(at("08:40"));
  await changes(await planWith("1"), ["/console/features/feature", { base: "2", operation: "retire" }], ["/console/features/desk-lamp", { base: "3", operation: "retire" }]);
  await service.stop();
});

for (const [language, lamp, aside] of [["zh_CN", "台灯", "不合筛选"], ["en", "Desk lamp", "Does not match"]]) {
  test(`seats with a feature of the library's own are looked for in ${language}, and one is booked`, async () => {
    await service.reset(at("08:40"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      phone.open("pages/seats/seats");
      await phone.until((data) => data.floors.length && data.filters.length, "the filter");
      assert.deepEqual(phone.page.data.filters, [{ name: "desk-lamp", text: lamp, on: false }]);
      await phone.tap(lamp);
      const hall = await phone.until((data) => data.floors.flatMap((floor) => floor.areas).find((area) => area.id === "2f-hall" && area.seats_total === 2));
      assert.ok(hall.seats_free === 2 && phone.requests.every(({ path }) => !path.includes("/forecast") || !path.includes("features")));
      phone.touch(phone.all("area").find((node) => node.dataset.id === "2f-hall"));
      await phone.reaches("pages/plan/plan");
      await phone.until((data) => data.ready);
      const { seats, tags } = phone.page.data;
      assert.deepEqual(seats.filter((seat) => !seat.aside).map((seat) => seat.id), WITH_LAMP);
      assert.ok(tags.some(({ sign, text }) => sign === "lamp" && text === lamp) && tags.some(({ sign, text }) => sign === "desk" && text === "升降桌"));
      assert.deepEqual(seats.slice(0, 2).map((seat) => seat.marks), [["power", "accessible", "desk"], ["power", "accessible", "lamp"]], "as many as a seat has room for");
      assert.ok(seats.find((seat) => seat.id === "2f-hall-065").said.endsWith(aside));
      await phone.tap(language === "en" ? "List" : "列表");
      const line = phone.all("line").find((node) => node.dataset.id === WITH_LAMP[0]);
      assert.ok(line.textContent.endsWith(`升降桌 · ${lamp}`));
      await phone.tap(language === "en" ? "Plan" : "座位图");
      await seatTapped(phone, WITH_LAMP[0]);
      await phone.tap(BOOK);
      await phone.reaches("pages/reservation/detail");
      assert.equal(posted(phone, "/reservations").at(-1).body.seat_id, WITH_LAMP[0]);
    } finally {
      await phone.close();
    }
  });
}

test("no seat with the feature is free: the line is for one that has it", async () => {
  await service.reset(at("08:40"));
  const phone = await bound(service);
  try {
    for (const [n, id] of WITH_LAMP.entries()) await service.reserve(await service.reader(`other${n}`, `2107000${n + 2}`), id, MONDAY, "10:00", "12:00");
    phone.open(`pages/plan/plan?area=2f-hall&date=${MONDAY}&start=10:00&end=12:00&features=desk-lamp`);
    await phone.reads("10:00–12:00 这里没有空位");
    await phone.tap("加入候补");
    await phone.reads("已加入候补");
    assert.deepEqual(posted(phone, "/waitlist")[0].body.features, ["desk-lamp"]);
    const { items } = await service.call("GET", "/api/v1/waitlist", { as: phone.storage.get("token") });
    assert.deepEqual(items.map((entry) => entry.state), ["waiting"]);
  } finally {
    await phone.close();
  }
});
