// The plan editor. What is done by pointer, keys, buttons and fields changes a copy of the plan
// (editor_draft.js), is drawn (editor_drawing.js) and goes back into the form; it can be undone. The
// server checks it again, and asks what becomes of bookings. This file joins the parts: what each does
// stands in the file of its name.
"use strict";

class PlanEditor {
  constructor(editor, form) {
    this.editor = editor;
    this.form = form;
    this.structure = "structure" in editor.dataset;
    this.unsaved = "unsaved" in editor.dataset; // what the server gave back was never saved
    this.status = document.querySelector("#status");
    this.problem = document.querySelector("#problem");
    this.next = document.querySelector("#next");
    this.many = false; // a tap adds
    this.adding = false; // the focus goes somewhere without choosing
    this.snaps = true;
    this.copied = [];
    this.leaving = false;
    this.draft = new PlanDraft(form.elements.plan.value, {
      seatSize: Number(editor.dataset.seat),
      mostSeats: Number(editor.dataset.most),
      changed: (said) => this.show(said),
    });
  }
  start() {
    if (!this.draft.plan) return; // what was sent is no plan; the page says so
    const kinds = [...document.querySelector("#of-mark").elements.kind.options];
    const markNames = Object.fromEntries(kinds.map((option) => [option.value, option.text]));
    const featureNames = JSON.parse(this.editor.dataset.features);
    this.drawing = new PlanDrawing(document.querySelector("#drawing"), this.draft, markNames, featureNames);
    this.view = new PlanView(this.draft);
    this.row = new SeatRow(this);
    this.fields = new PlanFields(this);
    this.picture = new FloorPicture(this, JSON.parse(this.editor.dataset.picture));
    this.commands = this.everyCommand();
    this.pointer = new PlanPointer(this);
    this.keys = new PlanKeys(this);
    this.editor.addEventListener("click", (event) => {
      const command = event.target.closest("[data-do]")?.dataset.do;
      if (command) this.commands[command]();
    });
    addEventListener("submit", async (event) => {
      this.leaving = !this.picture.differs();
      if (this.leaving) return;
      // Where the picture lies is saved first, as the page is left with the plan alone.
      event.preventDefault();
      event.stopPropagation(); // the form has not been sent yet
      const { target, submitter } = event;
      if (await this.picture.save()) target.requestSubmit(submitter);
    }, true);
    addEventListener("beforeunload", (event) => {
      if (!this.leaving && (this.differs() || this.picture.differs())) event.preventDefault();
    });
    this.editor.hidden = false;
    this.view.fit();
    this.view.fitFinger();
    this.show("");
  }
  differs() {
    return this.unsaved || this.draft.differs();
  }

  // --- buttons ------------------------------------------------------------------------------------

  everyCommand() {
    const { draft, drawing, view, row, picture } = this;
    const aligned = (side) => () => draft.align(side, this.titleOf(side));
    return {
      add() {
        draft.addSeat();
        drawing.focus(draft.firstChosen());
      },
      mark: () => draft.addMark(),
      row: () => row.toggle(),
      copy: () => {
        const block = draft.block();
        draft.paste(block, draft.beside(block));
      },
      remove() {
        if (draft.remove()) drawing.focus();
      },
      renumber: () => this.renumber(),
      undo: () => this.restore("undo"),
      redo: () => this.restore("redo"),
      ...Object.fromEntries(["left", "centre", "right", "top", "middle", "bottom"].map((s) => [s, aligned(s)])),
      across: () => draft.distribute("x", this.titleOf("across")),
      down: () => draft.distribute("y", this.titleOf("down")),
      snap: () => {
        this.snaps = !this.snaps;
        this.press("snap", this.snaps);
        this.say(this.snaps ? _("吸附网格和邻座") : _("不吸附"));
      },
      many: () => {
        this.many = !this.many;
        this.press("many", this.many);
      },
      escape: () => {
        if (row.on) row.toggle();
        else if (picture.moving) picture.toggleMoving();
        else this.chooseAll([]);
      },
      "place-row": () => row.place(),
      "move-picture": () => picture.toggleMoving(),
      "hide-picture": () => picture.toggleHidden(),
      "save-picture": () => picture.save(),
      "remove-picture": () => picture.remove(),
      ...this.nearer(view, picture),
    };
  }
  nearer(view, picture) {
    const then = (work) => () => {
      work();
      picture.draw();
    };
    return { in: then(() => view.scale(1.25)), out: then(() => view.scale(0.8)), fit: then(() => view.fit()) };
  }
  titleOf(command) {
    return this.button(command).getAttribute("aria-label");
  }
  button(command) {
    return this.editor.querySelector(`[data-do="${command}"]`);
  }
  press(command, on) {
    this.button(command)?.setAttribute("aria-pressed", on);
  }
  renumber() {
    const { first } = this.fields.ofSeats.elements;
    if (first.value.trim()) this.draft.renumber(first.value.trim());
    else first.focus();
  }
  restore(way) {
    const focus = this.drawing.hasFocus();
    if (this.draft[way]() && focus) this.drawing.focus(this.draft.firstChosen());
  }
  remember() {
    if (!this.draft.chosen.size) return;
    this.copied = this.draft.block();
    this.say(_("已复制 {count} 项，按 Ctrl+V 粘贴到指针处", { count: this.copied.length }));
  }
  paste() {
    const { copied, draft, pointer: { last } } = this;
    if (!copied.length) return;
    const { w, h } = Arrange.box(copied.map((thing) => draft.boxed(thing)));
    const corner = last && { x: last.x - w / 2, y: last.y - h / 2 };
    if (corner && this.snaps) Object.assign(corner, { x: Arrange.onGrid(corner.x), y: Arrange.onGrid(corner.y) });
    draft.paste(copied, corner ?? draft.beside(copied));
    this.drawing.focus(draft.firstChosen());
  }

  // --- showing ------------------------------------------------------------------------------------

  // After a change: everything, and what was done.
  show(said) {
    const { draft, drawing, next, problem } = this;
    drawing.draw();
    this.picture.draw();
    this.form.elements.plan.value = draft.text();
    const [wrong, broken] = draft.firstProblem();
    if (problem) problem.textContent = wrong;
    if (next) next.disabled = Boolean(wrong) || !this.differs();
    drawing.blame(broken);
    this.fields.blame(broken);
    this.enable("undo", draft.past.length);
    this.enable("redo", draft.future.length);
    this.chosenNow(said);
  }
  // After a choice: the fields, the buttons that need something chosen, and how much that is.
  chosenNow(said = "") {
    const { size } = this.draft.chosen;
    this.fields.show();
    for (const command of ["copy", "remove"]) this.enable(command, size);
    for (const command of ["left", "centre", "right", "top", "middle", "bottom"]) this.enable(command, size > 1);
    for (const command of ["across", "down"]) this.enable(command, size > 2);
    this.say(said);
  }
  say(words) {
    const { plan: { seats }, chosen } = this.draft;
    const disabled = seats.filter((seat) => seat.disabled).length;
    const counts = _("{seats} 座，停用 {disabled}；选中 {chosen}", { seats: seats.length, disabled, chosen: chosen.size });
    this.status.textContent = words ? _("{words}。{counts}", { words, counts }) : counts;
  }
  enable(command, may) {
    const button = this.button(command);
    if (button) button.disabled = !may;
  }
  choose(thing, more) {
    const before = new Set(this.draft.chosen);
    this.draft.choose(thing, more);
    this.drawing.mendChosen(before);
    this.chosenNow();
  }
  chooseAll(things) {
    this.onlyChoose(things);
    this.chosenNow();
  }
  // Seen in the drawing, and not yet told beside it.
  onlyChoose(things) {
    const before = this.draft.chosen;
    this.draft.chosen = new Set(things);
    this.drawing.mendChosen(before);
  }
}

const planEditor = document.querySelector("#editor");
if (planEditor) new PlanEditor(planEditor, document.querySelector("#save")).start();
