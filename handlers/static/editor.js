// The plan editor. What is done by pointer, keys, buttons and fields changes a copy of the plan
// (editor_draft.js), is drawn (editor_drawing.js) and goes back into the form; it can be undone. The
// server checks it again, and asks what becomes of bookings.
"use strict";
(() => {
  const editor = document.querySelector("#editor");
  const form = document.querySelector("#save");
  if (!editor) return;
  const source = form.elements.plan;
  const svg = document.querySelector("#drawing");
  const status = document.querySelector("#status");
  const next = document.querySelector("#next");
  const problem = document.querySelector("#problem");
  const ofSeats = document.querySelector("#of-seats");
  const ofMark = document.querySelector("#of-mark");
  const structure = "structure" in editor.dataset;
  const STEP = 2;
  const FAR = 20;
  const LARGEST = 10000;

  const draft = new PlanDraft(source.value, Number(editor.dataset.seat), show);
  if (!draft.plan) return; // what was sent is no plan; the page says so
  const kinds = [...ofMark.elements.kind.options];
  const markNames = Object.fromEntries(kinds.map((option) => [option.value, option.text]));
  const drawing = new PlanDrawing(svg, draft, markNames, {
    grabbed: grab,
    focused(thing) {
      if (!adding && !draft.chosen.has(thing)) choose(thing, false);
    },
  });
  let leaving = false;
  const unsaved = "unsaved" in editor.dataset; // what the server gave back was never saved
  const differs = () => unsaved || draft.differs();
  let many = false;
  let adding = false;

  // --- buttons ------------------------------------------------------------------------------------

  const commands = {
    add() {
      draft.addSeat();
      drawing.focus(draft.firstChosen());
    },
    mark: () => draft.addMark(),
    copy: () => draft.copy(),
    remove() {
      if (draft.remove()) drawing.focus();
    },
    renumber() {
      const first = Number(ofSeats.elements.first.value);
      if (first) draft.renumber(first);
      else ofSeats.elements.first.focus();
    },
    undo: () => restore("undo"),
    redo: () => restore("redo"),
    many() {
      many = !many;
      document.querySelector("[data-do='many']").setAttribute("aria-pressed", many);
    },
    in: () => drawing.scale(1.25),
    out: () => drawing.scale(0.8),
  };
  function restore(way) {
    const focus = drawing.hasFocus();
    if (draft[way]() && focus) drawing.focus(draft.firstChosen());
  }
  editor.addEventListener("click", (event) => {
    const command = event.target.closest("[data-do]")?.dataset.do;
    if (command) commands[command]();
  });

  // --- showing ------------------------------------------------------------------------------------

  function show() {
    const { plan, chosen } = draft;
    drawing.draw();
    source.value = draft.text();
    showProps();
    const [wrong, broken] = draft.firstProblem();
    if (problem) problem.textContent = wrong;
    if (next) next.disabled = Boolean(wrong) || !differs();
    for (const seat of broken) drawing.drawn.get(seat)?.classList.add("broken");
    ofSeats.elements.no?.setAttribute("aria-invalid", broken.some((seat) => chosen.has(seat)));
    enable("undo", draft.past.length);
    enable("redo", draft.future.length);
    enable("copy", chosen.size);
    enable("remove", chosen.size);
    const disabled = plan.seats.filter((seat) => seat.disabled).length;
    status.textContent = `${plan.seats.length} 座，禁用 ${disabled}；选中 ${chosen.size}`;
    for (const input of document.querySelectorAll("[data-frame]")) {
      if (input !== document.activeElement) input.value = plan[input.dataset.frame];
    }
  }
  function enable(command, may) {
    const button = editor.querySelector(`[data-do="${command}"]`);
    if (button) button.disabled = !may;
  }

  // --- choosing and dragging ----------------------------------------------------------------------

  function choose(thing, more) {
    draft.choose(thing, more);
    drawing.mendAll();
    showProps();
    enable("copy", draft.chosen.size);
    enable("remove", draft.chosen.size);
    status.textContent = `选中 ${draft.chosen.size}`;
  }
  function chooseAll(things) {
    draft.chosen = new Set(things);
    show();
  }
  function grab(event, thing) {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    if (many || event.shiftKey || event.ctrlKey || event.metaKey) {
      choose(thing, true);
      return;
    }
    // A finger that scrolls begins on some seat: only what is chosen already is moved by it.
    const known = draft.chosen.has(thing);
    if (!known) choose(thing, false);
    drawing.drawn.get(thing).focus({ preventScroll: true });
    if (!structure || (event.pointerType === "touch" && !known)) return;
    const start = drawing.at(event);
    const before = draft.text();
    const places = new Map([...draft.chosen].map((one) => [one, [one.x, one.y]]));
    let moved = false;
    follow((to) => {
      const snap = to.altKey ? 1 : STEP;
      const end = drawing.at(to);
      const dx = Math.round((end.x - start.x) / snap) * snap;
      const dy = Math.round((end.y - start.y) / snap) * snap;
      moved = moved || Math.abs(dx) + Math.abs(dy) >= 2 * STEP;
      if (!moved) return;
      for (const [one, [x, y]] of places) {
        draft.place(one, x + dx, y + dy);
        drawing.mend(one);
      }
    }, (cancelled) => {
      if (!moved) return;
      if (cancelled) for (const [one, [x, y]] of places) Object.assign(one, { x, y });
      else draft.keep(before);
      show();
    });
  }
  function follow(moving, ended) {
    const stop = (event) => {
      removeEventListener("pointermove", moving);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      ended(event.type === "pointercancel");
    };
    addEventListener("pointermove", moving);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }
  // On the empty floor: a frame that chooses what lies in it.
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch") return;
    const start = drawing.at(event);
    const frame = PlanDrawing.make("rect", { class: "lasso" });
    const before = event.shiftKey ? [...draft.chosen] : [];
    draft.chosen = new Set(before);
    drawing.mendAll();
    svg.append(frame);
    follow((to) => {
      const end = drawing.at(to);
      const [x, y] = [Math.min(start.x, end.x), Math.min(start.y, end.y)];
      const [w, h] = [Math.abs(start.x - end.x), Math.abs(start.y - end.y)];
      PlanDrawing.set(frame, { x, y, width: w, height: h });
      draft.chosen = new Set([...before, ...draft.seatsInside(x, y, w, h)]);
      drawing.mendAll();
    }, () => {
      frame.remove();
      showProps();
      status.textContent = `选中 ${draft.chosen.size}`;
    });
  });

  // --- keys ---------------------------------------------------------------------------------------

  svg.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? FAR : STEP;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    const thing = drawing.underFocus();
    if (event.key === " " && thing) {
      event.preventDefault();
      choose(thing, true);
    } else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      chooseAll(draft.plan.seats);
    } else if (way && structure && !event.ctrlKey) {
      event.preventDefault();
      draft.move(way[0] * step, way[1] * step);
    } else if (way) {
      event.preventDefault();
      walk(way, event.shiftKey);
    } else if (event.key === "Delete" && structure) commands.remove();
    else if (event.key === "Escape") chooseAll([]);
  });
  // Ctrl and an arrow: to the next one that way; with Shift it is chosen too.
  function walk(way, more) {
    const from = drawing.underFocus();
    const found = from && draft.nextTo(from, way);
    if (!found) return;
    adding = more;
    if (more && !draft.chosen.has(found)) choose(found, true);
    drawing.drawn.get(found).focus();
    adding = false;
  }
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    commands[key === "y" || event.shiftKey ? "redo" : "undo"]();
  });

  // --- fields -------------------------------------------------------------------------------------

  function showProps() {
    const { chosen } = draft;
    const seats = draft.seatsChosen();
    const mark = chosen.size === 1 && !seats.length ? draft.firstChosen() : null;
    document.querySelector("#nothing").hidden = Boolean(seats.length || mark);
    ofSeats.hidden = !seats.length;
    ofMark.hidden = !mark;
    if (mark) for (const input of ofMark.elements) put(input, mark[input.name]);
    if (!seats.length) return;
    ofSeats.querySelector("legend").textContent =
      seats.length === 1 ? `${seats[0].no} 号` : `${seats.length} 个座位`;
    const facts = document.querySelector("#facts");
    if (facts) facts.textContent = seats.map((seat) => drawing.spoken(seat)).join("；");
    const several = seats.length > 1;
    for (const input of ofSeats.elements) {
      if (!input.name || input.name === "first") continue;
      const values = new Set(seats.map((seat) => seat[input.name] ?? ""));
      if (input.type === "checkbox") {
        input.checked = seats.every((seat) => seat[input.name]);
        input.indeterminate = values.size > 1;
      } else put(input, values.size === 1 ? [...values][0] : "");
      if (["no", "x", "y"].includes(input.name)) input.disabled = several || !structure;
    }
    const renumber = document.querySelector("#renumber");
    if (renumber) renumber.hidden = !several;
  }
  function put(input, value) {
    if (input !== document.activeElement) input.value = value ?? "";
  }
  ofSeats.addEventListener("change", ({ target }) => {
    if (!target.name || target.name === "first") return;
    draft.change(() => {
      for (const seat of draft.seatsChosen()) {
        if (target.type === "checkbox") set(seat, target.name, target.checked);
        else if (target.type === "number") seat[target.name] = PlanDraft.within(Number(target.value), LARGEST);
        else set(seat, target.name, target.value.trim());
        if (!seat.disabled) {
          delete seat.disabled_from;
          delete seat.disabled_until;
        }
      }
    });
  });
  function set(seat, name, value) {
    if (value || name === "no") seat[name] = value;
    else delete seat[name];
  }
  ofMark.addEventListener("change", ({ target: { name, value } }) => {
    draft.change(() => {
      draft.firstChosen()[name] = name === "kind" ? value : PlanDraft.within(Number(value), LARGEST);
    });
  });
  const frame = document.querySelector("#frame");
  frame?.addEventListener("change", ({ target }) => {
    const name = target.dataset.frame;
    draft.change(() => {
      draft.plan[name] = name === "name" ? target.value.trim() : Math.round(Number(target.value));
    });
  });

  addEventListener("submit", () => { leaving = true; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && differs()) event.preventDefault();
  });

  editor.hidden = false;
  if (frame) frame.hidden = false;
  drawing.fitFinger();
  show();
})();
