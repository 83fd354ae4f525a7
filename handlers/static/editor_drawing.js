// The drawing of the plan that is edited. Drawn once and mended: a drag that made everything anew would
// stutter. It tells which seat or mark a pointer or the focus is on, and decides nothing.
"use strict";

class PlanDrawing {
  // Marks and what a seat can have, each by its name with its word.
  constructor(svg, draft, markNames, featureNames) {
    this.svg = svg;
    this.draft = draft;
    this.markNames = markNames;
    this.featureNames = featureNames;
    this.drawn = new Map(); // of each seat and mark: its element, the parts of that, what they show
    this.things = new WeakMap(); // and back
    this.redrawing = false;
    this.first = null; // what Tab reaches
    this.frame = PlanDrawing.make("rect", { class: "frame" });
    this.above = PlanDrawing.make("g", { class: "above" }); // guides, the lasso, seats to come
  }
  static make(name, attributes) {
    return PlanDrawing.set(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
  }
  static set(one, attributes) {
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  }

  draw() {
    const { svg, draft, draft: { plan } } = this;
    PlanDrawing.set(svg, { viewBox: `0 0 ${plan.width} ${plan.height}` });
    PlanDrawing.set(this.frame, { width: plan.width, height: plan.height });
    const all = draft.all();
    if (all.length !== this.drawn.size || !all.every((thing) => this.drawn.has(thing))) {
      const focused = this.underFocus();
      const before = this.drawn;
      this.drawn = new Map(all.map((thing) => [thing, before.get(thing) ?? this.newOne(thing)]));
      svg.replaceChildren(this.frame, ...[...this.drawn.values()].map((one) => one.element), this.above);
      this.redrawing = true;
      this.drawn.get(focused)?.element.focus({ preventScroll: true });
      this.redrawing = false;
    }
    this.mendAll();
  }
  newOne(thing) {
    const { make } = PlanDrawing;
    const element = make("g", { role: "button" });
    const box = make("rect", { rx: this.draft.isSeat(thing) ? 8 : 4 });
    const label = make("text", {});
    element.append(box, label);
    this.things.set(element, thing);
    return { element, box, label, shown: new Map() };
  }
  mendAll() {
    this.mendThese(this.drawn.keys());
  }
  // After another choice: what was chosen before, what is now, and what Tab reaches.
  mendChosen(before) {
    this.mendThese(new Set([...before, ...this.draft.chosen, this.first]));
  }
  mendThese(things) {
    const { draft: { plan, chosen } } = this;
    const first = chosen.size ? this.draft.firstChosen() : plan.seats[0] || plan.marks[0];
    for (const thing of things) if (this.drawn.has(thing)) this.mend(thing, first);
    if (this.drawn.has(first) && first !== this.first) this.mend(first, first);
    this.first = first;
  }
  mend(thing, first) {
    const { draft, draft: { chosen } } = this;
    const one = this.drawn.get(thing);
    const seat = draft.isSeat(thing);
    const [w, h] = [draft.width(thing), draft.height(thing)];
    const small = !seat && (Math.min(w, h) < 16 || Math.max(w, h) < 40);
    const text = seat ? thing.no : (small ? "" : this.markNames[thing.kind]);
    const kind = seat ? `seat ${thing.disabled ? "disabled" : "free"}` : `mark ${thing.kind}`;
    this.place(thing);
    if (this.news(one, "size", `${w} ${h} ${text}`)) {
      PlanDrawing.set(one.box, { width: w, height: h });
      const long = seat && text.length > 4 ? " long" : "";
      PlanDrawing.set(one.label, { x: w / 2, y: h / 2, class: (h > 2 * w ? "tall" : "") + long });
      if (seat && text.length > 6) PlanDrawing.set(one.label, { textLength: 36, lengthAdjust: "spacingAndGlyphs" });
      else one.label.removeAttribute("textLength");
      one.label.textContent = text;
    }
    const state = {
      class: kind + (chosen.has(thing) ? " chosen" : ""),
      "aria-pressed": chosen.has(thing),
      "aria-label": this.spoken(thing),
      tabindex: thing === first ? 0 : -1,
    };
    if (this.news(one, "state", Object.values(state).join("|"))) PlanDrawing.set(one.element, state);
  }
  place(thing) {
    const one = this.drawn.get(thing);
    const at = `translate(${thing.x} ${thing.y})`;
    if (this.news(one, "place", at)) one.element.setAttribute("transform", at);
  }
  // Whether the element shows something else as yet.
  news(one, what, value) {
    if (one.shown.get(what) === value) return false;
    one.shown.set(what, value);
    return true;
  }
  blame(seats) {
    for (const one of this.svg.querySelectorAll(".broken")) one.classList.remove("broken");
    for (const seat of seats) {
      const one = this.drawn.get(seat);
      one.element.classList.add("broken");
      one.shown.delete("state");
    }
  }
  spoken(thing) {
    if (!this.draft.isSeat(thing)) return _("{kind} {x}，{y}", { kind: this.markNames[thing.kind], x: thing.x, y: thing.y });
    const facts = Object.entries(this.featureNames).filter(([name]) => thing[name] === true || thing.features?.includes(name)).map(([, word]) => word);
    const { disabled, disabled_from: from, disabled_until: until } = thing;
    if (disabled) facts.push(_("停用：{disabled} {until}", { disabled, until: from || until ? _("{from} 至 {until}", { from: from || "", until: until || "" }) : "" }));
    return [_("{no} 号", { no: thing.no }), ...facts].join(" ").trim();
  }

  // --- above the plan -----------------------------------------------------------------------------

  // Lines that show what a drag snaps to, the frame of a lasso, seats that a click would make.
  sketch(shapes) {
    this.above.replaceChildren(...shapes.map(([name, attributes]) => PlanDrawing.make(name, attributes)));
  }
  sketchLines(x, y) {
    const { width, height } = this.draft.plan;
    const lines = [];
    if (x !== null) lines.push(["line", { class: "guide", x1: x, x2: x, y1: 0, y2: height }]);
    if (y !== null) lines.push(["line", { class: "guide", x1: 0, x2: width, y1: y, y2: y }]);
    this.sketch(lines);
  }
  sketchSeats(corners, wrong) {
    const size = this.draft.seatSize;
    const kind = wrong ? "ghost wrong" : "ghost";
    this.sketch(corners.map(({ x, y }) => ["rect", { class: kind, rx: 8, x, y, width: size, height: size }]));
  }

  // --- the focus, and where the pointer is --------------------------------------------------------

  thingOf(target) {
    return this.things.get(target.closest?.("#drawing > g"));
  }
  underFocus() {
    return document.activeElement ? this.thingOf(document.activeElement) : undefined;
  }
  hasFocus() {
    return this.svg.contains(document.activeElement);
  }
  // Without a thing, or where it is not in the drawing: the drawing itself, which hears the keys too.
  focus(thing) {
    (this.drawn.get(thing)?.element ?? this.svg).focus({ preventScroll: true });
  }
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    return point.matrixTransform(this.svg.getScreenCTM().inverse());
  }
}
