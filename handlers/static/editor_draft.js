// The plan as it is edited: a copy of the form's JSON, where the picture under it lies, what is chosen
// in it, and the way back. It knows nothing of the page, which is told after each change.
"use strict";

class PlanDraft {
  constructor(json, { seatSize, mostSeats, changed }) {
    this.plan = JSON.parse(json);
    this.place = null; // of the picture: x, y, width, opacity
    this.seatSize = seatSize;
    this.mostSeats = mostSeats;
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

  change(said, work) {
    const before = this.snapshot();
    work();
    this.keep(before);
    this.changed(said);
  }
  snapshot() {
    return JSON.stringify([this.plan, this.place]);
  }
  // Where something was changed step by step, as by a drag: what was before is kept at its end.
  keep(before) {
    if (before === this.snapshot()) return;
    this.past.push(before);
    if (this.past.length > 100) this.past.shift();
    this.future = [];
  }
  undo() {
    return this.restore(this.past, this.future, _("已撤销"));
  }
  redo() {
    return this.restore(this.future, this.past, _("已重做"));
  }
  restore(from, to, said) {
    if (!from.length) return false;
    const places = [...this.chosen].map((thing) => [this.isSeat(thing), this.list(thing).indexOf(thing)]);
    to.push(this.snapshot());
    const [plan, place] = JSON.parse(from.pop());
    this.plan = plan;
    if (place && this.place) this.place = place; // a picture that was sent is not taken back by it
    const again = places.map(([seat, n]) => (seat ? this.plan.seats : this.plan.marks)[n]);
    this.chosen = new Set(again.filter(Boolean));
    this.changed(said);
    return true;
  }

  // --- seats and marks ----------------------------------------------------------------------------

  isSeat(thing) {
    return "no" in thing;
  }
  list(thing) {
    return this.isSeat(thing) ? this.plan.seats : this.plan.marks;
  }
  all() {
    return [...this.plan.marks, ...this.plan.seats];
  }
  width(thing) {
    return this.isSeat(thing) ? this.seatSize : thing.w;
  }
  height(thing) {
    return this.isSeat(thing) ? this.seatSize : thing.h;
  }
  boxed(thing) {
    return { x: thing.x, y: thing.y, w: this.width(thing), h: this.height(thing) };
  }
  boxesChosen() {
    return [...this.chosen].map((thing) => this.boxed(thing));
  }
  names() {
    return new Set(this.plan.seats.map((seat) => seat.no));
  }
  // After the chosen seat's, or after the last one's.
  nextName() {
    const chosen = this.seatsChosen();
    const from = chosen.length ? chosen : this.plan.seats;
    const last = from.map((seat) => seat.no).sort(SeatNames.compare).pop();
    return SeatNames.freeAfter(last ?? "000", this.names());
  }
  meets(a, b) {
    return Math.abs(a.x - b.x) < this.seatSize && Math.abs(a.y - b.y) < this.seatSize;
  }
  freePlace() {
    const step = this.seatSize + 10;
    for (let y = 20; y + this.seatSize <= this.plan.height; y += step) {
      for (let x = 20; x + this.seatSize <= this.plan.width; x += step) {
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
    return this.all()
      .filter((one) => one !== from && (one.x - from.x) * dx + (one.y - from.y) * dy > 0)
      .sort((a, b) => far(a) - far(b))[0];
  }
  // What the server would refuse, and the seats that are to blame.
  firstProblem() {
    const { plan, seatSize } = this;
    if (plan.seats.length > this.mostSeats) return [_("一个区域最多 {mostSeats} 个座位", { mostSeats: this.mostSeats }), []];
    const numbers = new Map();
    for (const seat of plan.seats) {
      const name = PlanDraft.tidy(seat.no), known = name.toLowerCase();
      if (name.length > 20 || !/^[\p{L}0-9]([\p{L}0-9 ./-]*[\p{L}0-9])?$/u.test(name)) {
        return [_("座位号“{no}”应为 1–20 个字母或数字，中间可以有 - . / 或空格", { no: seat.no }), [seat]];
      }
      if (numbers.has(known)) return [_("座位号 {no} 重复", { no: seat.no }), [seat, numbers.get(known)]];
      numbers.set(known, seat);
      if (seat.x + seatSize > plan.width || seat.y + seatSize > plan.height) {
        return [_("{no} 号超出平面图", { no: seat.no }), [seat]];
      }
    }
    const rows = [...plan.seats].sort((a, b) => a.y - b.y);
    for (let i = 0; i < rows.length; i += 1) {
      for (let j = i + 1; j < rows.length && rows[j].y - rows[i].y < seatSize; j += 1) {
        if (this.meets(rows[i], rows[j])) {
          return [_("{no} 号与 {no2} 号重叠", { no: rows[i].no, no2: rows[j].no }), [rows[i], rows[j]]];
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

  add(made, said) {
    this.change(said, () => {
      for (const thing of made) this.list(thing).push(thing);
      this.chosen = new Set(made);
    });
  }
  addSeat() {
    const no = this.nextName();
    this.add([{ no, ...this.freePlace() }], _("新增 {no}", { no }));
  }
  addMark() {
    this.add([{ kind: "bookshelf", x: 20, y: 20, w: 160, h: 40 }], _("新增标记"));
  }
  addRow(corners, first) {
    const names = SeatNames.series(first, corners.length, this.names());
    this.add(
      corners.map((corner, n) => ({ no: names[n], ...corner })),
      names.length > 1
        ? _("新增 {count} 座：{first} 至 {last}", { count: names.length, first: names[0], last: names[names.length - 1] })
        : _("新增 {count} 座：{first}", { count: 1, first: names[0] }),
    );
  }
  // How far of that way a box can go inside the plan.
  room({ x, y, w, h }, dx, dy) {
    const most = { x: Math.max(-x, this.plan.width - w - x), y: Math.max(-y, this.plan.height - h - y) };
    return { dx: Math.max(-x, Math.min(dx, most.x)), dy: Math.max(-y, Math.min(dy, most.y)) };
  }
  move(wantedX, wantedY) {
    if (!this.chosen.size) return;
    const { dx, dy } = this.room(Arrange.box(this.boxesChosen()), wantedX, wantedY);
    this.change(_("移动 {count} 项", { count: this.chosen.size }), () => {
      for (const thing of this.chosen) {
        thing.x += dx;
        thing.y += dy;
      }
    });
  }
  align(side, words) {
    const things = [...this.chosen];
    const places = Arrange.align(this.boxesChosen(), side);
    this.change(_("{words}：{count} 项", { words, count: things.length }), () => {
      things.forEach((thing, n) => Object.assign(thing, places[n]));
    });
  }
  distribute(axis, words) {
    const things = [...this.chosen];
    const places = Arrange.distribute(this.boxesChosen(), axis);
    this.change(_("{words}：{count} 项", { words, count: things.length }), () => {
      things.forEach((thing, n) => Object.assign(thing, places[n]));
    });
  }
  remove() {
    const { chosen } = this;
    if (!chosen.size) return false;
    this.change(_("移除 {count} 项", { count: chosen.size }), () => {
      this.plan.seats = this.plan.seats.filter((seat) => !chosen.has(seat));
      this.plan.marks = this.plan.marks.filter((mark) => !chosen.has(mark));
      this.chosen = new Set();
    });
    return true;
  }
  // As they are read: from the top, and in a row from the left. Seats of one row may lie a little apart.
  inOrder(seats) {
    const row = (seat) => Math.round(seat.y / (this.seatSize / 2));
    return [...seats].sort((a, b) => row(a) - row(b) || a.x - b.x);
  }
  renumber(first) {
    const seats = this.inOrder(this.seatsChosen());
    const names = SeatNames.series(first, seats.length, new Set());
    this.change(_("重新编号 {count} 座", { count: seats.length }), () => seats.forEach((seat, n) => { seat.no = names[n]; }));
  }

  // --- copies -------------------------------------------------------------------------------------

  // What is chosen as it stands now, to be pasted later.
  block() {
    const seats = this.inOrder(this.seatsChosen());
    const marks = this.plan.marks.filter((mark) => this.chosen.has(mark));
    return [...marks, ...seats].map((thing) => ({ ...thing }));
  }
  // With the corner of the block at that place, as far as the plan reaches. Seats get new names.
  paste(block, at) {
    const box = Arrange.box(block.map((thing) => this.boxed(thing)));
    const dx = PlanDraft.within(at.x, this.plan.width - box.w) - box.x;
    const dy = PlanDraft.within(at.y, this.plan.height - box.h) - box.y;
    const taken = this.names();
    const made = block.map((thing) => {
      const { id, ...twin } = { ...thing, x: thing.x + dx, y: thing.y + dy };
      if (!this.isSeat(twin)) return twin;
      twin.no = SeatNames.freeAfter(twin.no, taken);
      taken.add(twin.no);
      return twin;
    });
    this.add(made, _("复制 {count} 项", { count: made.length }));
  }
  // Beside the block: the first way where nothing stands.
  beside(block) {
    const { x, y, w, h } = Arrange.box(block.map((thing) => this.boxed(thing)));
    const gap = 4;
    const ways = [[w + gap, 0], [0, h + gap], [-w - gap, 0], [0, -h - gap]];
    const inside = ways.filter(([dx, dy]) => (
      x + dx >= 0 && y + dy >= 0 && x + w + dx <= this.plan.width && y + h + dy <= this.plan.height
    ));
    const free = inside.find(([dx, dy]) => !block.some((thing) => (
      this.isSeat(thing) && this.plan.seats.some((seat) => this.meets(seat, { x: thing.x + dx, y: thing.y + dy }))
    )));
    const [dx, dy] = free ?? inside[0] ?? ways[0];
    return { x: x + dx, y: y + dy };
  }
}
