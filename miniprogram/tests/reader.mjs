// What the tests have in common: a bound reader on a phone, and the way to a seat.
import { Phone } from "./phone.mjs";

export const MONDAY = "2026-12-07";
export const SEAT = "2f-hall-065";
/** The button of a seat's sheet, which says what is booked. */
export const BOOK = /^(预约 .+ 号|Book seat .+) · /;
/** The answer of a service that is busy for a second. */
export const BUSY = { status: 503, headers: { "Retry-After": "1" }, data: { error: { code: "busy", message: "人多，请稍后再试", details: { retry_after: 1 } } } };

/** An instant of that Monday, on the library's clock. */
export const at = (clock, day = MONDAY) => `${day}T${clock}:00+08:00`;

/** Ticks the box of the binding page, which is shown. */
export function agree(phone) {
  phone.touch(phone.all("agree")[0]);
}

/** A phone whose reader, 赵晨阳 unless told, is bound; on the home page. */
export async function bound(service, name = "wang", username = "21070001", options = {}) {
  const phone = new Phone(service, name, options);
  phone.open("pages/bind/bind");
  agree(phone);
  phone.type(await service.activationCode(username));
  await phone.reaches("pages/index/index");
  return phone;
}

/** Taps a seat of the plan that is shown, and waits for its times. */
export async function seatTapped(phone, seat = SEAT) {
  phone.touch(await phone.until(() => phone.all("seat").find((node) => node.dataset.id === seat), seat));
  await phone.until((data) => data.seat?.id === seat && data.end, `the times of ${seat}`);
}

/** The plan of that seat's area, with its sheet open. */
export async function seatChosen(phone, seat = SEAT, query = "") {
  phone.open(`pages/plan/plan?area=${seat.replace(/-\d+$/, "")}&date=${MONDAY}${query}`);
  await phone.until((data) => data.ready, "the plan");
  await seatTapped(phone, seat);
}

/** Taps a start, and when they are there one of its ends. */
export async function timesChosen(phone, from, to) {
  const chip = (value, n) => phone.all("chip").filter((node) => node.dataset.value === value).at(n);
  phone.touch(chip(from, 0));
  await phone.until((data) => data.start === from && data.end, `the ends of ${from}`);
  phone.touch(chip(to, -1));
  await phone.until((data) => data.end === to, to);
}

/** What the phone has sent there. */
export const posted = (phone, path) => phone.requests.filter((sent) => sent.method === "POST" && sent.path.endsWith(path));
