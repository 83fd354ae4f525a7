// 报修: from the sheet of a seat and from one's own reservation, with what is refused.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { SEAT, at, bound, posted, seatChosen } from "./reader.mjs";
import { start } from "./service.mjs";

let service;
let phone;

before(async () => { service = await start(); });
after(() => service?.stop());
afterEach(() => phone?.close());

const kind = (wanted) => phone.touch(phone.all("chip").find((node) => node.dataset.kind === wanted));
const typed = (text) => phone.touch(phone.all("text")[0], "input", { value: text });

test("from a seat's sheet; without a kind nothing is sent, and what is refused is kept", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service);
  await seatChosen(phone);
  await phone.tap("报修");
  await phone.reaches("pages/fault/fault");
  await phone.reads("065");
  const send = () => phone.touch(phone.all("submit")[0]);
  send();
  assert.deepEqual(posted(phone, "/faults"), []);
  kind("other");
  send();
  await phone.reads("请写一句怎么了");
  typed("桌上有水");
  send();
  await phone.reads("已收到，谢谢");
  const sent = posted(phone, `/seats/${SEAT}/faults`);
  assert.deepEqual(sent.at(-1).body, { kind: "other", text: "桌上有水" });
  phone.touch(phone.all("submit")[0]);
  await phone.reaches("pages/plan/plan");
});

test("from one's own reservation, in English, until the day's reports are used up", async () => {
  await service.reset(at("08:00"));
  phone = await bound(service, "wang", "21070001", { language: "en" });
  phone.network = ({ path }) => (path.endsWith("/faults") ? { status: 429, data: { error: { code: "too_many_faults", message: "You have no reports left", details: {} } } } : undefined);
  phone.open(`pages/fault/fault?seat=${SEAT}&label=${encodeURIComponent("二层中厅 065")}`);
  await phone.reads("二层中厅 065");
  kind("lamp");
  typed("dark");
  phone.touch(phone.all("submit")[0]);
  await phone.reads("You have no reports left");
  assert.equal(phone.page.data.text, "dark");
});
