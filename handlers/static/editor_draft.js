// The plan as it is edited: a copy of the form's JSON, what is chosen in it, and the way back. It knows
// nothing of the page, which is told after each change.
"use strict";

class PlanDraft {
  constructor(json, seatSize, changed) {
    this.plan = JSON.parse(json);
    this.seatSize = seatSize;
    this.changed = changed;
    this.chosen = new Set(); // seats and marks, by themselves
    this.past = [];
    this.future = [];
    this.began = this.text();
  }
  // A seat's name as the server keeps it.
  static tidy(name) {
    return name.normalize("NFKC").replace(/[\u2010-\u2015\u2212]/g, "-").trim().replace(/\s+/g, " ");
  }
  static within(value, most) {
    return Math.max(0, Math.min(Math.round(value), most));
  }

  text() {
    return JSON.stringify(this.plan);
  }
  differs() {
    return this.text() !== this.began;
  }

  // --- there and back -----------------------------------------------------------------------------

  change(work) {
    this.keep(this.text());
    if (this.past.length > 100) this.past.shift();
    work();
    this.changed();
  }
  keep(before) {
    this.past.push(before);
    this.future = [];
  }
  undo() {
    return this.restore(this.past, this.future);
  }
  redo() {
    return this.restore(this.future, this.past);
  }
  restore(from, to) {
    if (!from.length) return false;
    const places = [...this.chosen].map((thing) => [this.isSeat(thing), this.list(thing).indexOf(thing)]);
    to.push(this.text());
    this.plan = JSON.parse(from.pop());
    const again = places.map(([seat, n]) => (seat ? this.plan.seats : this.plan.marks)[n]);
    this.chosen = new Set(again.filter(Boolean));
    this.changed();
    return true;
  }

  // --- seats and marks ----------------------------------------------------------------------------

  isSeat(thing) {
    return "no" in thing;
  }
  list(thing) {
    return this.isSeat(thing) ? this.plan.seats : this.plan.marks;
  }
  width(thing) {
    return this.isSeat(thing) ? this.seatSize : thing.w;
  }
  height(thing) {
    return this.isSeat(thing) ? this.seatSize : thing.h;
  }
  place(thing, x, y) {
    thing.x = PlanDraft.within(x, this.plan.width - this.width(thing));
    thing.y = PlanDraft.within(y, this.plan.height - this.height(thing));
  }
  freeNumber() {
    const taken = new Set(this.plan.seats.map((seat) => Number(seat.no)));
    let n = 1;
    while (taken.has(n)) n += 1;
    return String(n).padStart(3, "0");
  }
  meets(a, b) {
    return Math.abs(a.x - b.x) < this.seatSize && Math.abs(a.y - b.y) < this.seatSize;
  }
  freePlace() {
    for (let y = 20; y + this.seatSize <= this.plan.height; y += 22) {
      for (let x = 20; x + this.seatSize <= this.plan.width; x += 22) {
        if (!this.plan.seats.some((seat) => this.meets(seat, { x, y }))) return { x, y };
      }
    }
    return { x: 0, y: 0 };
  }
  seatsInside(x, y, w, h) {
    const size = this.seatSize;
    return this.plan.seats.filter((s) => s.x >= x && s.y >= y && s.x + size <= x + w && s.y + size <= y + h);
  }
  // The nearest one that way; what lies askew is farther.
  nextTo(from, [dx, dy]) {
    const far = (one) => Math.abs(one.x - from.x) * (dx ? 1 : 3) + Math.abs(one.y - from.y) * (dy ? 1 : 3);
    return [...this.plan.seats, ...this.plan.marks]
      .filter((one) => one !== from && (one.x - from.x) * dx + (one.y - from.y) * dy > 0)
      .sort((a, b) => far(a) - far(b))[0];
  }
  // What the server would refuse, and the seats that are to blame.
  firstProblem() {
    const { plan, seatSize } = this;
    const numbers = new Map();
    for (const seat of plan.seats) {
      const name = PlanDraft.tidy(seat.no), known = name.toLowerCase();
      if (name.length > 12 || !/^[\p{L}0-9]([\p{L}0-9 ./-]*[\p{L}0-9])?$/u.test(name)) {
        return [`座位号“${seat.no}”应为 1–12 个字母或数字，中间可以有 - . / 或空格`, [seat]];
      }
      if (numbers.has(known)) return [`座位号 ${seat.no} 重复`, [seat, numbers.get(known)]];
      numbers.set(known, seat);
      if (seat.x + seatSize > plan.width || seat.y + seatSize > plan.height) {
        return [`${seat.no} 号超出平面图`, [seat]];
      }
    }
    const rows = [...plan.seats].sort((a, b) => a.y - b.y);
    for (let i = 0; i < rows.length; i += 1) {
      for (let j = i + 1; j < rows.length && rows[j].y - rows[i].y < seatSize; j += 1) {
        if (this.meets(rows[i], rows[j])) {
          return [`${rows[i].no} 号与 ${rows[j].no} 号重叠`, [rows[i], rows[j]]];
        }
      }
    }
    return ["", []];
  }

  // --- what is chosen -----------------------------------------------------------------------------

  firstChosen() {
    return [...this.chosen][0];
  }
  seatsChosen() {
    return this.plan.seats.filter((seat) => this.chosen.has(seat));
  }
  choose(thing, more) {
    if (!more) this.chosen = new Set([thing]);
    else if (this.chosen.has(thing)) this.chosen.delete(thing);
    else this.chosen.add(thing);
  }

  // --- commands -----------------------------------------------------------------------------------

  addSeat() {
    this.change(() => {
      const seat = { no: this.freeNumber(), ...this.freePlace() };
      this.plan.seats.push(seat);
      this.chosen = new Set([seat]);
    });
  }
  addMark() {
    this.change(() => {
      const mark = { kind: "bookshelf", x: 20, y: 20, w: 160, h: 40 };
      this.plan.marks.push(mark);
      this.chosen = new Set([mark]);
    });
  }
  move(dx, dy) {
    this.change(() => {
      for (const thing of this.chosen) this.place(thing, thing.x + dx, thing.y + dy);
    });
  }
  copy() {
    if (!this.chosen.size) return;
    this.change(() => {
      const made = [];
      for (const thing of this.chosen) {
        const right = PlanDraft.within(thing.x + this.seatSize + 4, this.plan.width - this.width(thing));
        const twin = { ...thing, x: right };
        if (this.isSeat(thing)) {
          delete twin.id;
          twin.no = this.freeNumber();
          this.plan.seats.push(twin);
        } else this.plan.marks.push(twin);
        made.push(twin);
      }
      this.chosen = new Set(made);
    });
  }
  remove() {
    if (!this.chosen.size) return false;
    this.change(() => {
      this.plan.seats = this.plan.seats.filter((seat) => !this.chosen.has(seat));
      this.plan.marks = this.plan.marks.filter((mark) => !this.chosen.has(mark));
      this.chosen = new Set();
    });
    return true;
  }
  // Row by row, as they are read; seats of one row may lie a little apart.
  renumber(first) {
    const row = (seat) => Math.round(seat.y / (this.seatSize / 2));
    this.change(() => {
      this.seatsChosen()
        .sort((a, b) => row(a) - row(b) || a.x - b.x)
        .forEach((seat, n) => { seat.no = String(first + n).padStart(3, "0"); });
    });
  }
}
