// The plan editor. The form's JSON is the plan; whatever is done here changes a copy of it, draws it
// anew and can be undone. The server checks it again, and asks what becomes of bookings.
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
  const SEAT = Number(editor.dataset.seat);
  const edits = "edits" in editor.dataset;
  const structure = "structure" in editor.dataset;
  const STEP = 2;
  const FAR = 20;
  const kinds = [...ofMark.elements.kind.options];
  const MARKS = Object.fromEntries(kinds.map((option) => [option.value, option.text]));
  const FACTS = { power: "电源", window: "靠窗", computer: "电脑", accessible: "无障碍" };

  let plan = JSON.parse(source.value);
  if (!plan) return; // what was sent is no plan; the page says so
  let chosen = new Set(); // seats and marks, by themselves
  let past = [];
  let future = [];
  let zoom = 1;
  let leaving = false;
  const began = JSON.stringify(plan);
  const unsaved = "unsaved" in editor.dataset; // what the server gave back was never saved
  const differs = () => unsaved || text() !== began;
  let many = false;
  let drawing = false;
  // Drawn once and mended: a drag that made everything anew would stutter.
  let drawn = new Map();

  // --- changing -----------------------------------------------------------------------------------

  const text = () => JSON.stringify(plan);
  function change(work) {
    past.push(text());
    if (past.length > 100) past.shift();
    future = [];
    work();
    show();
  }
  function restore(from, to) {
    if (!from.length) return;
    const places = [...chosen].map((thing) => [isSeat(thing), list(thing).indexOf(thing)]);
    const focus = svg.contains(document.activeElement);
    to.push(text());
    plan = JSON.parse(from.pop());
    const again = places.map(([seat, n]) => (seat ? plan.seats : plan.marks)[n]);
    chosen = new Set(again.filter(Boolean));
    show();
    if (focus) (drawn.get([...chosen][0]) || svg.querySelector("[tabindex='0']"))?.focus();
  }
  const list = (thing) => (isSeat(thing) ? plan.seats : plan.marks);
  const isSeat = (thing) => "no" in thing;
  const seatsChosen = () => plan.seats.filter((seat) => chosen.has(seat));
  const width = (thing) => (isSeat(thing) ? SEAT : thing.w);
  const height = (thing) => (isSeat(thing) ? SEAT : thing.h);
  const within = (value, most) => Math.max(0, Math.min(Math.round(value), most));
  function move(dx, dy) {
    for (const thing of chosen) {
      thing.x = within(thing.x + dx, plan.width - width(thing));
      thing.y = within(thing.y + dy, plan.height - height(thing));
    }
  }
  function freeNumber() {
    const taken = new Set(plan.seats.map((seat) => Number(seat.no)));
    let n = 1;
    while (taken.has(n)) n += 1;
    return String(n).padStart(3, "0");
  }
  const meets = (a, b) => Math.abs(a.x - b.x) < SEAT && Math.abs(a.y - b.y) < SEAT;
  function freePlace() {
    for (let y = 20; y + SEAT <= plan.height; y += 22) {
      for (let x = 20; x + SEAT <= plan.width; x += 22) {
        if (!plan.seats.some((seat) => meets(seat, { x, y }))) return { x, y };
      }
    }
    return { x: 0, y: 0 };
  }
  const commands = {
    add() {
      change(() => {
        const seat = { no: freeNumber(), ...freePlace() };
        plan.seats.push(seat);
        chosen = new Set([seat]);
      });
      drawn.get([...chosen][0])?.focus();
    },
    mark() {
      change(() => {
        const mark = { kind: "bookshelf", x: 20, y: 20, w: 160, h: 40 };
        plan.marks.push(mark);
        chosen = new Set([mark]);
      });
    },
    copy() {
      if (!chosen.size) return;
      change(() => {
        const made = [];
        for (const thing of chosen) {
          const twin = { ...thing, x: within(thing.x + SEAT + 4, plan.width - width(thing)) };
          if (isSeat(thing)) {
            delete twin.id;
            twin.no = freeNumber();
            plan.seats.push(twin);
          } else plan.marks.push(twin);
          made.push(twin);
        }
        chosen = new Set(made);
      });
    },
    remove() {
      if (!chosen.size) return;
      change(() => {
        plan.seats = plan.seats.filter((seat) => !chosen.has(seat));
        plan.marks = plan.marks.filter((mark) => !chosen.has(mark));
        chosen = new Set();
      });
      svg.querySelector("[tabindex='0']")?.focus();
    },
    renumber() {
      const first = Number(ofSeats.elements.first.value);
      if (!first) return ofSeats.elements.first.focus();
      // Row by row, as they are read; seats of one row may lie a little apart.
      const row = (seat) => Math.round(seat.y / (SEAT / 2));
      change(() => {
        seatsChosen()
          .sort((a, b) => row(a) - row(b) || a.x - b.x)
          .forEach((seat, n) => { seat.no = String(first + n).padStart(3, "0"); });
      });
      return undefined;
    },
    undo: () => restore(past, future),
    redo: () => restore(future, past),
    many() {
      many = !many;
      document.querySelector("[data-do='many']").setAttribute("aria-pressed", many);
    },
    in: () => scale(1.25),
    out: () => scale(0.8),
  };
  function scale(by) {
    zoom = Math.max(0.5, Math.min(zoom * by, 6));
    svg.style.width = `${zoom * 100}%`;
  }

  // --- drawing ------------------------------------------------------------------------------------

  const make = (name, attributes) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  };
  function draw() {
    svg.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
    const before = drawn;
    drawn = new Map();
    const focused = [...before].find(([, one]) => one === document.activeElement)?.[0];
    const all = [...plan.marks, ...plan.seats];
    const frame = make("rect", { class: "frame", width: plan.width, height: plan.height });
    svg.replaceChildren(frame, ...all.map((thing) => {
      const one = make("g", {});
      one.append(make("rect", { rx: isSeat(thing) ? 8 : 4 }), make("text", {}));
      one.addEventListener("pointerdown", (event) => grab(event, thing));
      one.addEventListener("focus", () => {
        if (!drawing && !adding && !chosen.has(thing)) choose(thing, false);
      });
      drawn.set(thing, one);
      return one;
    }));
    all.forEach(mend);
    drawing = true;
    if (focused && drawn.has(focused)) drawn.get(focused).focus({ preventScroll: true });
    drawing = false;
  }
  function mend(thing) {
    const one = drawn.get(thing);
    const [box, label] = one.children;
    const [w, h] = [width(thing), height(thing)];
    for (const [key, value] of Object.entries({ x: thing.x, y: thing.y, width: w, height: h })) {
      box.setAttribute(key, value);
    }
    label.setAttribute("x", thing.x + w / 2);
    label.setAttribute("y", thing.y + h / 2);
    const small = !isSeat(thing) && (Math.min(w, h) < 16 || Math.max(w, h) < 40);
    label.textContent = isSeat(thing) ? thing.no : (small ? "" : MARKS[thing.kind]);
    label.setAttribute("class", h > 2 * w ? "tall" : "");
    const kind = isSeat(thing) ? `seat ${thing.disabled ? "disabled" : "free"}` : `mark ${thing.kind}`;
    one.setAttribute("class", kind + (chosen.has(thing) ? " chosen" : ""));
    one.setAttribute("role", "button");
    one.setAttribute("aria-pressed", chosen.has(thing));
    one.setAttribute("aria-label", spoken(thing));
    const first = chosen.size ? [...chosen][0] : plan.seats[0] || plan.marks[0];
    one.setAttribute("tabindex", thing === first ? 0 : -1);
  }
  function spoken(thing) {
    if (!isSeat(thing)) return `${MARKS[thing.kind]} ${thing.x}，${thing.y}`;
    const facts = Object.keys(FACTS).filter((name) => thing[name]).map((name) => FACTS[name]);
    if (thing.disabled) facts.push(`禁用：${thing.disabled} ${outage(thing)}`);
    return [`${thing.no} 号`, ...facts].join(" ").trim();
  }
  const outage = (seat) => (seat.disabled_from || seat.disabled_until
    ? `${seat.disabled_from || ""} 至 ${seat.disabled_until || ""}` : "");

  function show() {
    draw();
    source.value = text();
    showProps();
    const [wrong, broken] = firstProblem();
    if (problem) problem.textContent = wrong;
    if (next) next.disabled = Boolean(wrong) || !differs();
    for (const seat of broken) drawn.get(seat)?.classList.add("broken");
    ofSeats.elements.no?.setAttribute("aria-invalid", broken.some((seat) => chosen.has(seat)));
    enable("undo", past.length);
    enable("redo", future.length);
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
  // What the server would refuse, and the seats that are to blame.
  function firstProblem() {
    const numbers = new Map();
    for (const seat of plan.seats) {
      if (!/^[0-9]{3}$/.test(seat.no)) return [`座位号“${seat.no}”应为三位数字`, [seat]];
      if (numbers.has(seat.no)) return [`座位号 ${seat.no} 重复`, [seat, numbers.get(seat.no)]];
      numbers.set(seat.no, seat);
      if (seat.x + SEAT > plan.width || seat.y + SEAT > plan.height) return [`${seat.no} 号超出平面图`, [seat]];
    }
    const rows = [...plan.seats].sort((a, b) => a.y - b.y);
    for (let i = 0; i < rows.length; i += 1) {
      for (let j = i + 1; j < rows.length && rows[j].y - rows[i].y < SEAT; j += 1) {
        if (meets(rows[i], rows[j])) {
          return [`${rows[i].no} 号与 ${rows[j].no} 号重叠`, [rows[i], rows[j]]];
        }
      }
    }
    return ["", []];
  }

  // --- choosing and dragging ----------------------------------------------------------------------

  function choose(thing, more) {
    if (!more) chosen = new Set([thing]);
    else if (chosen.has(thing)) chosen.delete(thing);
    else chosen.add(thing);
    for (const other of drawn.keys()) mend(other);
    showProps();
    enable("copy", chosen.size);
    enable("remove", chosen.size);
    status.textContent = `选中 ${chosen.size}`;
  }
  function at(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    return point.matrixTransform(svg.getScreenCTM().inverse());
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
    const known = chosen.has(thing);
    if (!known) choose(thing, false);
    drawn.get(thing).focus({ preventScroll: true });
    if (!structure || (event.pointerType === "touch" && !known)) return;
    const start = at(event);
    const before = text();
    const places = new Map([...chosen].map((one) => [one, [one.x, one.y]]));
    let moved = false;
    follow((to) => {
      const snap = to.altKey ? 1 : STEP;
      const dx = Math.round((at(to).x - start.x) / snap) * snap;
      const dy = Math.round((at(to).y - start.y) / snap) * snap;
      moved = moved || Math.abs(dx) + Math.abs(dy) >= 2 * STEP;
      if (!moved) return;
      for (const [one, [x, y]] of places) {
        one.x = within(x + dx, plan.width - width(one));
        one.y = within(y + dy, plan.height - height(one));
        mend(one);
      }
    }, (cancelled) => {
      if (!moved) return;
      if (cancelled) {
        for (const [one, [x, y]] of places) Object.assign(one, { x, y });
        show();
        return;
      }
      past.push(before);
      future = [];
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
    const start = at(event);
    const frame = make("rect", { class: "lasso" });
    const before = event.shiftKey ? [...chosen] : [];
    chosen = new Set(before);
    for (const thing of drawn.keys()) mend(thing);
    svg.append(frame);
    follow((to) => {
      const end = at(to);
      const [x, y] = [Math.min(start.x, end.x), Math.min(start.y, end.y)];
      const [w, h] = [Math.abs(start.x - end.x), Math.abs(start.y - end.y)];
      for (const [key, value] of Object.entries({ x, y, width: w, height: h })) {
        frame.setAttribute(key, value);
      }
      const inside = plan.seats.filter((s) => s.x >= x && s.y >= y && s.x + SEAT <= x + w && s.y + SEAT <= y + h);
      chosen = new Set([...before, ...inside]);
      for (const thing of drawn.keys()) mend(thing);
    }, () => {
      frame.remove();
      showProps();
      status.textContent = `选中 ${chosen.size}`;
    });
  });
  svg.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? FAR : STEP;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    const thing = [...drawn].find(([, one]) => one === document.activeElement)?.[0];
    if (event.key === " " && thing) {
      event.preventDefault();
      choose(thing, true);
    } else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      chosen = new Set(plan.seats);
      show();
    } else if (way && structure && !event.ctrlKey) {
      event.preventDefault();
      change(() => move(way[0] * step, way[1] * step));
    } else if (way) {
      event.preventDefault();
      walk(way, event.shiftKey);
    } else if (event.key === "Delete" && structure) commands.remove();
    else if (event.key === "Escape") {
      chosen = new Set();
      show();
    }
  });
  // Ctrl and an arrow: to the next one that way; with Shift it is chosen too.
  let adding = false;
  function walk([dx, dy], more) {
    const from = [...drawn].find(([, one]) => one === document.activeElement)?.[0];
    if (!from) return;
    const found = [...plan.seats, ...plan.marks]
      .filter((one) => one !== from && (one.x - from.x) * dx + (one.y - from.y) * dy > 0)
      .sort((a, b) => far(a, from, dx, dy) - far(b, from, dx, dy))[0];
    if (!found) return;
    adding = more;
    if (more && !chosen.has(found)) choose(found, true);
    drawn.get(found).focus();
    adding = false;
  }
  const far = (a, b, dx, dy) =>
    Math.abs(a.x - b.x) * (dx ? 1 : 3) + Math.abs(a.y - b.y) * (dy ? 1 : 3);
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    commands[key === "y" || event.shiftKey ? "redo" : "undo"]();
  });

  // --- what is chosen -----------------------------------------------------------------------------

  function showProps() {
    const seats = seatsChosen();
    const mark = chosen.size === 1 && !seats.length ? [...chosen][0] : null;
    document.querySelector("#nothing").hidden = Boolean(seats.length || mark);
    ofSeats.hidden = !seats.length;
    ofMark.hidden = !mark;
    if (mark) for (const input of ofMark.elements) put(input, mark[input.name]);
    if (!seats.length) return;
    ofSeats.querySelector("legend").textContent =
      seats.length === 1 ? `${seats[0].no} 号` : `${seats.length} 个座位`;
    const facts = document.querySelector("#facts");
    if (facts) facts.textContent = seats.map(spoken).join("；");
    const many = seats.length > 1;
    for (const input of ofSeats.elements) {
      if (!input.name || input.name === "first") continue;
      const values = new Set(seats.map((seat) => seat[input.name] ?? ""));
      if (input.type === "checkbox") {
        input.checked = seats.every((seat) => seat[input.name]);
        input.indeterminate = values.size > 1;
      } else put(input, values.size === 1 ? [...values][0] : "");
      if (["no", "x", "y"].includes(input.name)) input.disabled = many || !structure;
    }
    const renumber = document.querySelector("#renumber");
    if (renumber) renumber.hidden = !many;
  }
  function put(input, value) {
    if (input !== document.activeElement) input.value = value ?? "";
  }
  ofSeats.addEventListener("change", ({ target }) => {
    if (!target.name || target.name === "first") return;
    change(() => {
      for (const seat of seatsChosen()) {
        if (target.type === "checkbox") set(seat, target.name, target.checked);
        else if (target.type === "number") seat[target.name] = within(Number(target.value), 10000);
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
  ofMark.addEventListener("change", ({ target }) => {
    change(() => {
      const mark = [...chosen][0];
      mark[target.name] = target.name === "kind" ? target.value : within(Number(target.value), 10000);
    });
  });
  document.querySelector("#frame")?.addEventListener("change", ({ target }) => {
    const name = target.dataset.frame;
    change(() => { plan[name] = name === "name" ? target.value.trim() : Math.round(Number(target.value)); });
  });
  editor.addEventListener("click", (event) => {
    const command = event.target.closest("[data-do]")?.dataset.do;
    if (command) commands[command]();
  });

  addEventListener("submit", () => { leaving = true; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && differs()) event.preventDefault();
  });

  editor.hidden = false;
  const frame = document.querySelector("#frame");
  if (frame) frame.hidden = false;
  // On a phone a seat is to be hit with a finger.
  const size = (SEAT * svg.getBoundingClientRect().width) / plan.width;
  if (size && size < 28) scale(28 / size);
  show();
})();
