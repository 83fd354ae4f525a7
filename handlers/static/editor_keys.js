// The keys of the drawing. They work wherever the focus is in it, also when nothing is chosen.
"use strict";

class PlanKeys {
  static STEP = 2;
  static FAR = 20;
  static WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  constructor(page) {
    this.page = page;
    page.drawing.svg.addEventListener("keydown", (event) => this.inDrawing(event));
    document.addEventListener("keydown", (event) => this.anywhere(event));
  }
  inDrawing(event) {
    const { page, page: { commands, structure } } = this;
    const control = event.ctrlKey || event.metaKey;
    const name = (control ? "Control+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const actions = {
      " ": () => this.toggle(),
      "Control+a": () => page.chooseAll(page.draft.plan.seats),
      Escape: () => commands.escape(),
      "+": () => commands.in(),
      "=": () => commands.in(),
      "-": () => commands.out(),
      0: () => commands.fit(),
    };
    if (structure) {
      Object.assign(actions, {
        Delete: () => commands.remove(),
        Backspace: () => commands.remove(),
        "Control+c": () => page.remember(),
        "Control+v": () => page.paste(),
      });
    }
    const way = PlanKeys.WAYS[event.key];
    const action = way ? () => this.arrow(way, event) : actions[name];
    if (!action) return;
    event.preventDefault();
    action();
  }
  toggle() {
    const thing = this.page.drawing.underFocus();
    if (thing) this.page.choose(thing, true);
  }
  arrow(way, event) {
    const { page } = this;
    const step = event.shiftKey ? PlanKeys.FAR : PlanKeys.STEP;
    if (event.ctrlKey || !page.structure) this.walk(way, event.shiftKey);
    else if (page.picture.moving) page.picture.nudge(way[0] * step, way[1] * step);
    else page.draft.move(way[0] * step, way[1] * step);
  }
  // Ctrl and an arrow: to the next one that way; with Shift it is chosen too.
  walk(way, more) {
    const { page, page: { draft, drawing } } = this;
    const from = drawing.underFocus();
    const found = from ? draft.nextTo(from, way) : draft.all().at(-1);
    if (!found) return;
    page.adding = more;
    if (more && !draft.chosen.has(found)) page.choose(found, true);
    drawing.focus(found);
    page.adding = false;
  }
  anywhere(event) {
    const { page } = this;
    if (event.target.matches("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key === "escape" && !page.drawing.hasFocus()) page.commands.escape();
    if (!(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y")) return;
    event.preventDefault();
    page.commands[key === "y" || event.shiftKey ? "redo" : "undo"]();
  }
}
