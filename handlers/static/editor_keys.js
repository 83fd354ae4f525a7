// The keys. Those that could mean something else elsewhere work in the drawing only, the others also
// after a click on a button; none of them where somebody types.
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
    if (structure) actions.Backspace = () => commands.remove();
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
    const { page, page: { commands } } = this;
    if (event.target.matches("input, textarea, select")) return;
    const control = event.ctrlKey || event.metaKey;
    const actions = {
      "Control+z": () => commands[event.shiftKey ? "redo" : "undo"](),
      "Control+y": () => commands.redo(),
    };
    if (!page.drawing.hasFocus()) actions.escape = () => commands.escape();
    if (page.structure) {
      actions.delete = () => commands.remove();
      if (getSelection().isCollapsed) actions["Control+c"] = () => page.remember(); // else it is text
      actions["Control+v"] = () => page.paste();
    }
    const action = actions[(control ? "Control+" : "") + event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
