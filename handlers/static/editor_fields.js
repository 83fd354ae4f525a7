// The fields beside the drawing: of the chosen seats, of a mark, and of the plan itself.
"use strict";

class PlanFields {
  static LARGEST = 10000;

  constructor(page) {
    this.page = page;
    this.ofSeats = document.querySelector("#of-seats");
    this.ofMark = document.querySelector("#of-mark");
    this.frame = document.querySelector("#frame");
    this.ofSeats.addEventListener("change", ({ target }) => this.seatChanged(target));
    this.ofMark.addEventListener("change", ({ target: { name, value } }) => {
      const { draft } = page;
      draft.change("", () => {
        draft.firstChosen()[name] = name === "kind" ? value : PlanDraft.within(Number(value), PlanFields.LARGEST);
      });
    });
    this.frame?.addEventListener("change", ({ target }) => {
      const name = target.dataset.frame;
      page.draft.change("", () => {
        page.draft.plan[name] = name === "name" ? target.value.trim() : Math.round(Number(target.value));
      });
      if (name === "width" || name === "height") page.view.fit();
    });
    if (this.frame) this.frame.hidden = false;
  }
  seatChanged(target) {
    if (!target.name || target.name === "first") return;
    const { draft } = this.page;
    draft.change("", () => {
      for (const seat of draft.seatsChosen()) {
        if (target.name === "features") PlanFields.setOwn(seat, target.value, target.checked);
        else if (target.type === "checkbox") PlanFields.set(seat, target.name, target.checked);
        else if (target.type === "number") {
          seat[target.name] = PlanDraft.within(Number(target.value), PlanFields.LARGEST);
        } else PlanFields.set(seat, target.name, target.value.trim());
        if (!seat.disabled) {
          delete seat.disabled_from;
          delete seat.disabled_until;
        }
      }
    });
  }
  static set(seat, name, value) {
    if (value || name === "no") seat[name] = value;
    else delete seat[name];
  }
  // One of the library's own features.
  static setOwn(seat, feature, on) {
    const others = (seat.features ?? []).filter((one) => one !== feature);
    PlanFields.set(seat, "features", on || others.length ? [...others, ...(on ? [feature] : [])].sort() : null);
  }
  static has(seat, { name, value }) {
    return name === "features" ? (seat.features ?? []).includes(value) : Boolean(seat[name]);
  }
  static put(input, value) {
    if (input !== document.activeElement) input.value = value ?? "";
  }

  show() {
    const { draft, drawing, structure, row } = this.page;
    const seats = row.on ? [] : draft.seatsChosen();
    const mark = !row.on && draft.chosen.size === 1 && !seats.length ? draft.firstChosen() : null;
    document.querySelector("#nothing").hidden = Boolean(row.on || seats.length || mark);
    this.ofSeats.hidden = !seats.length;
    this.ofMark.hidden = !mark;
    if (mark) for (const input of this.ofMark.elements) PlanFields.put(input, mark[input.name]);
    for (const input of this.frame?.querySelectorAll("[data-frame]") ?? []) {
      PlanFields.put(input, draft.plan[input.dataset.frame]);
    }
    if (!seats.length) return;
    this.ofSeats.querySelector("legend").textContent =
      seats.length === 1 ? _("{no} 号", { no: seats[0].no }) : _("{seats} 个座位", { seats: seats.length });
    const facts = document.querySelector("#facts");
    if (facts) facts.textContent = seats.map((seat) => drawing.spoken(seat)).join(_("；"));
    const several = seats.length > 1;
    for (const input of this.ofSeats.elements) {
      if (!input.name || input.name === "first") continue;
      const tick = input.type === "checkbox";
      const values = new Set(seats.map((seat) => (tick ? PlanFields.has(seat, input) : seat[input.name] ?? "")));
      if (tick) {
        input.checked = !values.has(false);
        input.indeterminate = values.size > 1;
      } else PlanFields.put(input, values.size === 1 ? [...values][0] : "");
      if (["no", "x", "y"].includes(input.name)) input.disabled = several || !structure;
    }
    const renumber = document.querySelector("#renumber");
    if (renumber) renumber.hidden = !several;
  }
  // The fields of seats that the server would refuse.
  blame(broken) {
    const wrong = broken.some((seat) => this.page.draft.chosen.has(seat));
    this.ofSeats.elements.no?.setAttribute("aria-invalid", wrong);
  }
}
