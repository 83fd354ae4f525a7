// Until when and why a reader may not book, on 我的 and in a refusal.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

let service;

before(async () => { service = await start(); });
after(() => service?.stop());

const UNTIL = "2026-12-14T09:30:00+08:00";
const FAR = "9999-01-01T08:00:00+08:00";
const COUNTED = { until: UNTIL, reason: "30 天内累计违约 3 次", violations: 3, days: 30 };
const ENDLESS = { until: null, reason: "多次转让座位", violations: null, days: null };
const me = (suspension) => ({
  reader: { student_no_masked: "21****01", name: "赵晨阳", kind: "student" },
  active: [], violations_count: 0, suspended_until: suspension.until ?? FAR, suspension, subscriptions: {},
});

for (const [language, suspension, wanted] of [
  ["zh_CN", COUNTED, "预约已暂停，12-14 09:30 前不能预约。原因：30 天内累计违约 3 次"],
  ["zh_CN", ENDLESS, "预约已长期暂停，图书馆解除前不能预约。原因：多次转让座位"],
  ["en", COUNTED, "Booking is suspended until 12-14 09:30. Reason: 3 violations in 30 days"],
  ["en", ENDLESS, "Booking is suspended until the library lifts it. Reason: 多次转让座位"],
]) {
  test(`我的 in ${language}: ${wanted}`, async () => {
    await service.reset(at("08:00"));
    const phone = await bound(service, "wang", "21070001", { language });
    try {
      phone.network = ({ path }) => (path.endsWith("/me") ? { status: 200, data: me(suspension) } : undefined);
      phone.open("pages/me/me");
      await phone.reads(wanted);
      assert.doesNotMatch(phone.text, /9999|01-01/);
    } finally {
      await phone.close();
    }
  });
}

test("a refusal shows what the service says, in the language that the phone asks for", async () => {
  await service.reset(at("08:00"));
  const phone = await bound(service, "wang", "21070001", { language: "en" });
  try {
    const error = { code: "suspended", message: "Booking is suspended", details: { until: UNTIL } };
    phone.network = ({ path }) => (/violations/.test(path) ? { status: 422, data: { error } } : undefined);
    phone.open("pages/me/me");
    await phone.reads("Booking is suspended");
    assert.ok(phone.requests.every(({ headers }) => headers["Accept-Language"] === "en"));
  } finally {
    await phone.close();
  }
});
