// The language of the program: the phone's, or what the reader chooses in 我的 or on the web.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MONDAY, SEAT, at, bound } from "./reader.mjs";
import { start } from "./service.mjs";

let service;

before(async () => { service = await start(); });
after(() => service?.stop());

test("a choice in 我的 changes pages, messages and the service's words", async () => {
  await service.reset(at("08:40"));
  const phone = await bound(service, "wang", "21070001", { language: "de_DE" });
  try {
    await service.reserve(phone.storage.get("token"), SEAT, MONDAY, "09:00", "12:00");
    await service.clock(at("08:41")); // the message has gone out
    phone.open("pages/messages/messages");
    await phone.reads("座位预约成功");
    phone.open("pages/me/me");
    await phone.reads("语言");
    await phone.tap("English");
    await phone.reads("Language");
    assert.deepEqual(phone.tabNames, ["Home", "Seats", "Me"]);
    assert.ok(phone.text.includes("中文"), "the way back");
    phone.open("pages/messages/messages");
    await phone.reads("Check in");
    assert.ok(!phone.text.includes("座位预约成功"));
    assert.equal(phone.requests.at(-1).headers["Accept-Language"], "en");
    const me = await service.call("GET", "/api/v1/me", { as: phone.storage.get("token") });
    assert.equal(me.language, "en");
    // The reader's other choice, on the web, is known from the next look on.
    await service.call("POST", "/api/v1/me/language", { as: phone.storage.get("token"), body: { language: "zh" } });
    phone.open("pages/me/me");
    await phone.until(() => phone.storage.get("language") === "zh");
  } finally {
    await phone.close();
  }
});
