// What Thunderbird's parser understands of calendars: a line of JSON (the text) in, a line of JSON out.
import { createInterface } from "node:readline";
import ICAL from "ical.js";

const instant = (time) => time.toJSDate().toISOString();
const one = (component, name) => component.getFirstPropertyValue(name);

function alarm(component, event) {
  const trigger = component.getFirstProperty("trigger");
  const from = trigger.getParameter("related") === "END" ? event.endDate : event.startDate;
  const at = from.clone();
  at.addDuration(trigger.getFirstValue());
  return { at: instant(at), action: one(component, "action"), words: one(component, "description") };
}

function entry(component) {
  const event = new ICAL.Event(component);
  return {
    uid: event.uid,
    sequence: event.sequence,
    status: one(component, "status"),
    transp: one(component, "transp"),
    start: instant(event.startDate),
    end: instant(event.endDate),
    zone: event.startDate.zone.tzid,
    clock: event.startDate.toString(),
    stamp: instant(one(component, "dtstamp")),
    created: instant(one(component, "created")),
    modified: instant(one(component, "last-modified")),
    summary: event.summary,
    location: event.location,
    description: event.description,
    url: one(component, "url"),
    alarms: component.getAllSubcomponents("valarm").map((part) => alarm(part, event)),
  };
}

function calendar(text) {
  const root = new ICAL.Component(ICAL.parse(text));
  return {
    component: root.name,
    version: one(root, "version"),
    method: one(root, "method"),
    product: one(root, "prodid"),
    name: one(root, "x-wr-calname"),
    refresh_s: one(root, "refresh-interval")?.toSeconds() ?? null,
    zones: root.getAllSubcomponents("vtimezone").map((zone) => one(zone, "tzid")),
    entries: root.getAllSubcomponents("vevent").map(entry),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = calendar(JSON.parse(line));
  } catch (error) {
    said = { refused: String(error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
