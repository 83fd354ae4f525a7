// A library that is open past midnight: the times to choose, and 次日 where an end is the next day's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MONDAY, SEAT, at, bound, seatChosen } from "./reader.mjs";
import { start } from "./service.mjs";

const TUESDAY = "2026-12-08";
let service;
before(async () => { service = await start(); });
after(() => service?.stop());

/** What the service answers where its hours are 07:00–02:00. */
function night(answers) {
  return ({ path }) => {
    const found = answers.find(([part]) => path.includes(part));
    return found ? { status: 200, data: found[1] } : undefined;
  };
}

const times = (...values) => values.map((value) => ({ value, label: value }));

for (const [language, next] of [["zh_CN", "次日02:00"], ["en", "02:00 next day"]]) {
  test(`a booking over midnight, in ${language}`, async () => {
    await service.reset(at("20:00"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      phone.network = night([
        ["&start=", { starts: null, ends: times("23:00", "00:00", "01:00", "02:00") }],
        ["/times?", { starts: times("22:00", "23:00"), ends: null }],
      ]);
      await seatChosen(phone, SEAT);
      const ends = phone.page.data.ends.map((end) => end.label);
      assert.equal(ends[0], "23:00");
      assert.equal(ends.at(-1), next);
      assert.ok(phone.text.includes(next), phone.text);

      const token = phone.storage.get("token");
      const { id } = await service.reserve(token, SEAT, MONDAY, "21:00", "22:00");
      const made = await service.call("GET", `/api/v1/reservations/${id}`, { as: token });
      const late = { ...made, start: at("22:00"), end: at("02:00", TUESDAY) };
      phone.network = night([[`/reservations/${id}`, late]]);
      phone.open(`pages/reservation/detail?id=${id}`);
      await phone.until(() => phone.text.includes(`12-07 22:00–${next}`), "the period");
    } finally {
      await phone.close();
    }
  });
}

test("the hours to look for end after midnight, and begin before it", async () => {
  await service.reset(at("21:30"));
  const phone = await bound(service);
  try {
    const { items } = await service.call("GET", "/api/v1/venues", { as: phone.storage.get("token") });
    const open = { from: "07:00", to: "02:00" };
    const late = items.map((venue) => ({ ...venue, dates: venue.dates.map((d) => ({ ...d, open, bookable: true })) }));
    phone.network = night([["/venues", { items: late }]]);
    phone.open("pages/seats/seats");
    await phone.until((data) => data.times.length, "the hours");
    assert.deepEqual(phone.page.data.times, ["22:00", "23:00", "00:00", "01:00", "02:00"]);
    phone.page.fromHour({ detail: { value: 3 } });
    assert.deepEqual([phone.page.data.from, phone.page.data.to], ["23:00", "00:00"]);
    phone.page.toHour({ detail: { value: 4 } });
    assert.deepEqual([phone.page.data.from, phone.page.data.to], ["23:00", "02:00"]);
    phone.page.toHour({ detail: { value: 1 } });
    assert.deepEqual([phone.page.data.from, phone.page.data.to], ["22:00", "23:00"]);
  } finally {
    await phone.close();
  }
});
