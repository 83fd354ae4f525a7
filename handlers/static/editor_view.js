// How large the plan is shown: all of it at first, nearer and farther by buttons, keys and wheel.
"use strict";

class PlanView {
  constructor(draft) {
    this.draft = draft;
    this.viewport = document.querySelector("#editor .viewport");
    this.floor = document.querySelector("#floor");
    this.width = 0;
    this.fitted = true;
    addEventListener("resize", () => {
      if (this.fitted) this.fit();
    });
    this.viewport.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.scale(event.deltaY < 0 ? 1.25 : 0.8, event.clientX, event.clientY);
    }, { passive: false });
  }
  // Pixels of a plan unit.
  unit() {
    return this.width / this.draft.plan.width;
  }
  // As tall as what is left of the window below the tools; on a phone, where these take most of it,
  // as tall as is seen at once beside the thumb that scrolls.
  whole() {
    const { plan } = this.draft;
    const top = this.viewport.getBoundingClientRect().top + scrollY;
    const narrow = matchMedia("(max-width: 900px)").matches;
    const tallest = narrow ? innerHeight * 0.6 : Math.max(260, innerHeight - top - 64);
    this.viewport.style.maxHeight = `${tallest + 2}px`;
    return Math.min(this.viewport.clientWidth, (tallest * plan.width) / plan.height);
  }
  fit() {
    this.fitted = true;
    this.show(this.whole());
  }
  // What lies under that point of the screen, or in the middle, stays there.
  scale(by, clientX, clientY) {
    const { viewport } = this;
    const seen = viewport.getBoundingClientRect();
    const x = (clientX ?? seen.left + seen.width / 2) - seen.left;
    const y = (clientY ?? seen.top + seen.height / 2) - seen.top;
    const before = this.width;
    const { plan, seatSize } = this.draft;
    const nearest = (120 * plan.width) / seatSize;
    this.fitted = false;
    this.show(Math.max(this.whole() / 2, Math.min(before * by, nearest)));
    const grown = this.width / before;
    viewport.scrollLeft = (viewport.scrollLeft + x) * grown - x;
    viewport.scrollTop = (viewport.scrollTop + y) * grown - y;
  }
  show(width) {
    this.width = width;
    this.floor.style.width = `${width}px`;
  }
  // On a phone a seat is to be hit with a finger.
  fitFinger() {
    const size = this.draft.seatSize * this.unit();
    if (size < 28 && matchMedia("(pointer: coarse)").matches) this.scale(28 / size);
  }
}
