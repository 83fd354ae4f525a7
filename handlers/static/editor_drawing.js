// The drawing of the plan that is edited. Drawn once and mended: a drag that made everything anew would
// stutter. It tells which seat or mark a pointer or the focus is on, and decides nothing.
"use strict";

const FACTS = { power: "电源", window: "靠窗", computer: "电脑", accessible: "无障碍" };

class PlanDrawing {
  constructor(svg, draft, markNames, { grabbed, focused }) {
    this.svg = svg;
    this.draft = draft;
    this.markNames = markNames;
    this.grabbed = grabbed;
    this.focused = focused;
    this.drawn = new Map(); // of each seat and mark, its element
    this.redrawing = false;
    this.zoom = 1;
  }
  static make(name, attributes) {
    return PlanDrawing.set(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
  }
  static set(one, attributes) {
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  }

  draw() {
    const { svg, draft: { plan } } = this;
    svg.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
    const focused = this.underFocus();
    const all = [...plan.marks, ...plan.seats];
    const frame = PlanDrawing.make("rect", { class: "frame", width: plan.width, height: plan.height });
    this.drawn = new Map(all.map((thing) => [thing, this.element(thing)]));
    svg.replaceChildren(frame, ...this.drawn.values());
    this.mendAll();
    this.redrawing = true;
    this.drawn.get(focused)?.focus({ preventScroll: true });
    this.redrawing = false;
  }
  element(thing) {
    const { make } = PlanDrawing;
    const one = make("g", {});
    one.append(make("rect", { rx: this.draft.isSeat(thing) ? 8 : 4 }), make("text", {}));
    one.addEventListener("pointerdown", (event) => this.grabbed(event, thing));
    one.addEventListener("focus", () => {
      if (!this.redrawing) this.focused(thing);
    });
    return one;
  }
  mendAll() {
    for (const thing of this.drawn.keys()) this.mend(thing);
  }
  mend(thing) {
    const { draft, draft: { plan, chosen } } = this;
    const one = this.drawn.get(thing);
    const [box, label] = one.children;
    const seat = draft.isSeat(thing);
    const [w, h] = [draft.width(thing), draft.height(thing)];
    PlanDrawing.set(box, { x: thing.x, y: thing.y, width: w, height: h });
    const small = !seat && (Math.min(w, h) < 16 || Math.max(w, h) < 40);
    label.textContent = seat ? thing.no : (small ? "" : this.markNames[thing.kind]);
    PlanDrawing.set(label, { x: thing.x + w / 2, y: thing.y + h / 2, class: h > 2 * w ? "tall" : "" });
    const kind = seat ? `seat ${thing.disabled ? "disabled" : "free"}` : `mark ${thing.kind}`;
    const first = chosen.size ? draft.firstChosen() : plan.seats[0] || plan.marks[0];
    PlanDrawing.set(one, {
      class: kind + (chosen.has(thing) ? " chosen" : ""),
      role: "button",
      "aria-pressed": chosen.has(thing),
      "aria-label": this.spoken(thing),
      tabindex: thing === first ? 0 : -1,
    });
  }
  spoken(thing) {
    if (!this.draft.isSeat(thing)) return `${this.markNames[thing.kind]} ${thing.x}，${thing.y}`;
    const facts = Object.keys(FACTS).filter((name) => thing[name]).map((name) => FACTS[name]);
    const { disabled, disabled_from: from, disabled_until: until } = thing;
    if (disabled) facts.push(`禁用：${disabled} ${from || until ? `${from || ""} 至 ${until || ""}` : ""}`);
    return [`${thing.no} 号`, ...facts].join(" ").trim();
  }

  // --- the focus, and where the pointer is --------------------------------------------------------

  underFocus() {
    return [...this.drawn].find(([, one]) => one === document.activeElement)?.[0];
  }
  hasFocus() {
    return this.svg.contains(document.activeElement);
  }
  // Or, where it is not in the drawing, what Tab would reach.
  focus(thing) {
    (this.drawn.get(thing) || this.svg.querySelector("[tabindex='0']"))?.focus();
  }
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    return point.matrixTransform(this.svg.getScreenCTM().inverse());
  }
  scale(by) {
    this.zoom = Math.max(0.5, Math.min(this.zoom * by, 6));
    this.svg.style.width = `${this.zoom * 100}%`;
  }
  // On a phone a seat is to be hit with a finger.
  fitFinger() {
    const size = (this.draft.seatSize * this.svg.getBoundingClientRect().width) / this.draft.plan.width;
    if (size && size < 28) this.scale(28 / size);
  }
}
