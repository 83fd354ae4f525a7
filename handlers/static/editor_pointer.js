// The pointer on the drawing: a click chooses, a drag moves what is chosen, a drag on the empty floor
// is a lasso. While a row is laid out or the picture is moved, it belongs to that.
"use strict";

class PlanPointer {
  constructor(page) {
    const { svg } = page.drawing;
    this.page = page;
    this.last = null; // where the pointer was last, in the plan
    this.down = null;
    svg.addEventListener("pointerdown", (event) => this.pressed(event));
    svg.addEventListener("pointermove", (event) => {
      this.last = page.drawing.at(event);
      if (page.row.on) page.row.preview(this.last);
    });
    svg.addEventListener("pointerleave", () => { this.last = null; });
    svg.addEventListener("click", (event) => {
      if (!page.row.on) return;
      const up = page.drawing.at(event);
      const dragged = this.down && Math.hypot(up.x - this.down.x, up.y - this.down.y) > page.draft.seatSize / 2;
      if (dragged && !page.row.start) page.row.point(this.down);
      page.row.point(up);
    });
    svg.addEventListener("focusin", (event) => {
      const thing = page.drawing.thingOf(event.target);
      const { redrawing } = page.drawing;
      if (thing && !redrawing && !page.adding && !page.draft.chosen.has(thing)) page.choose(thing, false);
    });
  }
  pressed(event) {
    const { page } = this;
    if (event.button) return;
    this.down = page.drawing.at(event);
    const thing = page.drawing.thingOf(event.target);
    if (page.picture.moving) page.picture.grab(event);
    else if (page.row.on) event.preventDefault();
    else if (thing) this.grab(event, thing);
    else if (event.pointerType !== "touch") this.lasso(event);
  }
  grab(event, thing) {
    const { page, page: { draft, drawing } } = this;
    event.preventDefault();
    if (page.many || event.shiftKey || event.ctrlKey || event.metaKey) {
      page.choose(thing, true);
      return;
    }
    // A finger that scrolls begins on some seat: only what is chosen already is moved by it.
    const known = draft.chosen.has(thing);
    if (!known) page.choose(thing, false);
    drawing.focus(thing);
    if (page.structure && (event.pointerType !== "touch" || known)) this.drag(thing);
  }
  drag(held) {
    const { page, page: { draft, drawing, view } } = this;
    const start = this.down;
    const before = draft.snapshot();
    const places = new Map([...draft.chosen].map((one) => [one, [one.x, one.y]]));
    const others = draft.all().filter((one) => !draft.chosen.has(one)).map((one) => draft.boxed(one));
    const snap = new Snap(draft.boxed(held), others, 6 / view.unit());
    const box = Arrange.box(draft.boxesChosen());
    let moved = false;
    PlanPointer.follow((to) => {
      const end = drawing.at(to);
      const wanted = { x: end.x - start.x, y: end.y - start.y };
      moved = moved || Math.hypot(wanted.x, wanted.y) * view.unit() >= 3;
      if (!moved) return;
      const free = !page.snaps || to.altKey;
      const along = (axis) => (free ? { by: Math.round(wanted[axis]) } : snap.along(axis, wanted[axis]));
      const [x, y] = [along("x"), along("y")];
      const { dx, dy } = draft.room(box, x.by, y.by);
      for (const [one, [fromX, fromY]] of places) {
        one.x = fromX + dx;
        one.y = fromY + dy;
        drawing.place(one);
      }
      drawing.sketchLines(x.line ? held.x : null, y.line ? held.y : null);
    }, (cancelled) => {
      drawing.sketch([]);
      if (!moved) return;
      if (cancelled) for (const [one, [x, y]] of places) Object.assign(one, { x, y });
      else draft.keep(before);
      page.show(cancelled ? "" : _("移动 {size} 项", { size: places.size }));
    });
  }
  // On the empty floor: a frame that chooses what lies in it.
  lasso(event) {
    const { page, page: { draft, drawing } } = this;
    event.preventDefault();
    const start = this.down;
    const before = event.shiftKey ? [...draft.chosen] : [];
    page.onlyChoose(before);
    PlanPointer.follow((to) => {
      const end = drawing.at(to);
      const [x, y] = [Math.min(start.x, end.x), Math.min(start.y, end.y)];
      const [width, height] = [Math.abs(start.x - end.x), Math.abs(start.y - end.y)];
      drawing.sketch([["rect", { class: "lasso", x, y, width, height }]]);
      page.onlyChoose([...before, ...draft.seatsInside(x, y, width, height)]);
    }, () => {
      drawing.sketch([]);
      // The keys are for what was chosen.
      page.adding = true;
      drawing.focus(draft.firstChosen());
      page.adding = false;
      page.chosenNow();
    });
  }
  // Once a frame: pointers tell more often than a screen shows.
  static follow(moving, ended) {
    let latest = null;
    const step = () => {
      if (latest) moving(latest);
      latest = null;
    };
    const moved = (event) => {
      if (!latest) requestAnimationFrame(step);
      latest = event;
    };
    const stop = (event) => {
      step();
      removeEventListener("pointermove", moved);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      ended(event.type === "pointercancel");
    };
    addEventListener("pointermove", moved);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }
}
