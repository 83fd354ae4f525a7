// Names of seats in a row of names: A-12 is followed by A-13, 009 by 010, A-2 stands before A-10.
"use strict";

class SeatNames {
  // The last number in the name, with what stands around it; a name without one gets it at its end.
  static parts(name) {
    const found = /^(.*?)(\d+)(\D*)$/.exec(name);
    return found ? { before: found[1], digits: found[2], after: found[3] } : { before: name, digits: "0", after: "" };
  }
  static after(name) {
    const { before, digits, after } = SeatNames.parts(name);
    return before + String(Number(digits) + 1).padStart(digits.length, "0") + after;
  }
  // The first one after the name that is not taken.
  static freeAfter(name, taken) {
    let next = SeatNames.after(name);
    while (taken.has(next)) next = SeatNames.after(next);
    return next;
  }
  // So many names from the first one on; those that are taken are left out.
  static series(first, count, taken) {
    const names = [];
    for (let name = first; names.length < count; name = SeatNames.after(name)) {
      if (!taken.has(name)) names.push(name);
    }
    return names;
  }
  static compare(a, b) {
    return a.localeCompare(b, "zh", { numeric: true });
  }
}
