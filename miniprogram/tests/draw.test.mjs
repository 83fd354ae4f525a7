// The draw at an opening: it is said before, while one waits, and to whom was not drawn.
import { after, before, test } from "node:test";
import { BOOK, BUSY, SEAT, at, bound, seatTapped } from "./reader.mjs";
import { start } from "./service.mjs";

let service;

before(async () => { service = await start(); });
after(() => service?.stop());

const WORDS = {
  zh_CN: {
    day: "明天 的座位 08:10 开放预约。开放后前 10 秒的请求抽签，不分先后。", before: "08:10 开放预约；前 10 秒抽签，不分先后",
    now: "前 10 秒抽签，不分先后", waits: "抽签中…几秒后有结果", lost: "这次没有抽中",
  },
  en: {
    day: "opens at 08:10. Requests made in the first 10 seconds are drawn by lot", before: "Opens at 08:10; the first 10 seconds are drawn by lot",
    now: "The first 10 seconds are drawn by lot", waits: "Drawing lots… a few seconds", lost: "Not drawn this time",
  },
};

for (const [language, words] of Object.entries(WORDS)) {
  test(`the draw at an opening, in ${language}`, async () => {
    await service.reset(at("08:00"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      // The demo's days are open at once: here is a tomorrow whose opening is drawn.
      const venues = await service.call("GET", "/api/v1/venues", { as: phone.storage.get("token") });
      const [, tomorrow] = venues.items[0].dates;
      Object.assign(tomorrow, { bookable: false, opens_at: at("08:10"), drawn_until: "2026-12-07T08:10:10.500000+08:00" });
      let answer;
      phone.network = ({ method, path }) => {
        if (path.endsWith("/venues")) return { status: 200, data: venues };
        return method === "POST" && path.endsWith("/reservations") ? new Promise((resolve) => { answer = resolve; }) : undefined;
      };
      phone.open("pages/seats/seats");
      await phone.until((data) => data.ready);
      phone.touch(phone.all("day")[1]);
      await phone.reads(words.day);
      phone.open(`pages/plan/plan?area=2f-hall&date=${tomorrow.date}`);
      await phone.reads(words.before);
      await service.clock("2026-12-07T08:10:01+08:00");
      await seatTapped(phone);
      await seatTapped(phone, "2f-hall-066"); // the answers have told the time
      await phone.until(() => phone.text.includes(words.now) && !phone.text.includes(words.before), "it has opened");
      await phone.tap(BOOK);
      await phone.reads(words.waits);
      await service.clock("2026-12-07T08:10:11+08:00");
      const message = `${words.lost}: the service's own words`;
      const nearest = [{ id: SEAT, no: "065" }];
      answer({ status: 409, data: { error: { code: "seat_taken", message, details: { drawn: true, nearest } } } });
      await phone.reads(words.lost);
      await phone.until((data) => data.draw === "" && data.near.length === 1, "it is over, and another seat is near");
    } finally {
      await phone.close();
    }
  });
}

test("the plan comes where only what stands beside it is refused", async () => {
  await service.reset(at("08:00"));
  const phone = await bound(service, "wang", "21070001");
  try {
    phone.network = ({ path }) => (/\/(venues|forecast)$/.test(path.split("?")[0]) ? BUSY : undefined);
    phone.open("pages/plan/plan?area=2f-hall&date=2026-12-08");
    await phone.until((data) => data.seats?.length > 0, "the map is shown");
  } finally {
    await phone.close();
  }
});
