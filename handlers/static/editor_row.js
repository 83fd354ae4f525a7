// A row of seats between two points: two clicks in the drawing, or the points' fields and a button.
"use strict";

class SeatRow {
  constructor(page) {
    this.page = page;
    this.on = false;
    this.start = null;
    this.form = document.querySelector("#of-row");
    this.form?.addEventListener("input", () => this.preview(null));
    this.form?.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle();
      else if (event.key === "Enter" && event.target.matches("input")) this.place();
      else return;
      event.preventDefault();
    });
  }
  toggle() {
    this.on = !this.on;
    if (this.page.picture.moving) this.page.picture.toggleMoving();
    this.form.hidden = !this.on;
    this.page.drawing.svg.classList.toggle("placing", this.on);
    this.page.press("row", this.on);
    if (this.on) {
      this.begin();
      this.form.elements.first.value = this.page.draft.nextName();
      this.page.draft.chosen = new Set();
      this.page.show(_("在图上点这一排的起点"));
      this.form.elements.count.select();
    } else {
      this.page.drawing.sketch([]);
      this.page.drawing.focus();
      this.page.show("");
    }
  }
  begin() {
    this.start = null;
    for (const name of ["x1", "y1", "x2", "y2"]) this.form.elements[name].value = "";
    this.page.drawing.sketch([]);
  }
  // The corner of a seat in whose middle the pointer is.
  corner(point) {
    const { draft, snaps } = this.page;
    const corner = { x: point.x - draft.seatSize / 2, y: point.y - draft.seatSize / 2 };
    if (snaps) {
      const { start } = this;
      corner.x = start && Math.abs(corner.x - start.x) < 20 ? start.x : Arrange.onGrid(corner.x);
      corner.y = start && Math.abs(corner.y - start.y) < 20 ? start.y : Arrange.onGrid(corner.y);
    }
    return {
      x: PlanDraft.within(corner.x, draft.plan.width - draft.seatSize),
      y: PlanDraft.within(corner.y, draft.plan.height - draft.seatSize),
    };
  }
  point(at) {
    const { elements } = this.form;
    const { x, y } = this.corner(at);
    if (!this.start) {
      this.start = { x, y };
      elements.x1.value = x;
      elements.y1.value = y;
      this.preview(null);
      this.page.say(_("再点终点，Esc 取消"));
      return;
    }
    elements.x2.value = x;
    elements.y2.value = y;
    this.place();
  }
  number(name) {
    const { value } = this.form.elements[name];
    return value.trim() === "" ? null : Math.round(Number(value));
  }
  count() {
    return Math.max(1, Math.min(this.number("count") || 1, this.page.draft.mostSeats));
  }
  preview(at) {
    const { draft, drawing } = this.page;
    const [x, y] = [this.number("x1"), this.number("y1")];
    this.start = x === null || y === null ? null : { x, y };
    if (!this.start) {
      drawing.sketchSeats(at ? [this.corner(at)] : []);
      return;
    }
    const typed = { x: this.number("x2"), y: this.number("y2") };
    const end = at ? this.corner(at) : (typed.x === null || typed.y === null ? this.start : typed);
    const corners = Arrange.row(this.start, end, this.count(), draft.seatSize);
    drawing.sketchSeats(corners ?? [this.start, end], !corners);
  }
  place() {
    const { draft, drawing } = this.page;
    const [x, y] = [this.number("x2"), this.number("y2")];
    const first = this.form.elements.first.value.trim();
    const [count, size] = [this.count(), draft.seatSize];
    const single = this.start && count === 1;
    if (!this.start || (!single && (x === null || y === null))) this.page.say(_("请先点或填写起点和终点"));
    else if (!first) this.page.say(_("请填写第一个座位号"));
    else {
      const end = single ? this.start : { x, y };
      const corners = Arrange.row(this.start, end, count, size);
      if (!corners) {
        const fit = Math.floor(Math.max(Math.abs(x - this.start.x), Math.abs(y - this.start.y)) / size) + 1;
        this.page.say(_("两点之间只放得下 {fit} 座，请把终点放远一些，或减少座位数", { fit }));
        return;
      }
      this.begin();
      draft.addRow(corners, first);
      this.form.elements.first.value = draft.nextName();
      drawing.focus();
    }
  }
}
