// A room's place on a plan: a press on the plan puts its middle there; numbers that are typed move it.
"use strict";

(() => {
  const form = document.getElementById("room-place"), plan = document.getElementById("room-plan"), rect = document.getElementById("room-rect");
  if (!form) return;
  const SIDES = { x: "x", y: "y", w: "width", h: "height" };
  const value = (name) => Number(form.elements[name].value);
  function show() {
    for (const [name, side] of Object.entries(SIDES)) rect.setAttribute(side, value(name));
  }
  plan.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
    const { width, height } = plan.viewBox.baseVal;
    const within = (middle, length, whole) => Math.max(0, Math.min(Math.round((middle - length / 2) / 10) * 10, whole - length));
    form.elements.x.value = within(at.x, value("w"), width);
    form.elements.y.value = within(at.y, value("h"), height);
    show();
  });
  form.addEventListener("input", show);
})();
