// How a plan is looked at: how near, which part of it, and where that part lies in the whole.
"use strict";

const planView = (() => {
  const NARROW = matchMedia("(max-width: 899px)");
  const LOW = matchMedia("(max-height: 480px)"); // the sheet stands at the side
  const READABLE_PX = 12; // no seat's number is smaller at first,
  const FINGER = 1.1; // and on a phone a seat with its gap is as wide as a finger
  const FARTHEST = 0.2, NEAREST = 2.5, STEP = 1.3;
  const plan = document.getElementById("plan"), view = document.querySelector(".viewport");
  const frame = view.parentElement;
  const seats = [...plan.querySelectorAll(".seat")];
  const [, , width, height] = plan.getAttribute("viewBox").split(" ").map(Number);
  const boxes = new Map(seats.map((one) => {
    const box = one.querySelector("use");
    return [one, [Number(box.getAttribute("x")), Number(box.getAttribute("y"))]];
  }));
  const panel = document.getElementById("panel"), over = document.querySelector(".plan-over");
  let scale = 0;

  // What floats over the plan on a phone: what is seen lies between, and the plan has a margin for it.
  function free() {
    if (!NARROW.matches) return { top: 0, right: 0, bottom: 0 };
    const sheet = panel.classList.contains("open") ? panel.getBoundingClientRect() : null;
    const aside = sheet && LOW.matches;
    return { top: over.getBoundingClientRect().bottom, right: aside ? sheet.width : 0, bottom: sheet && !aside ? sheet.height : 64 };
  }
  function origin() {
    const style = getComputedStyle(plan);
    return [parseFloat(style.marginLeft), parseFloat(style.marginTop)];
  }
  // Where all of it is seen, no bars take room.
  function whole() {
    const { top, right, bottom } = free();
    return Math.min((view.offsetWidth - 2 * origin()[0] - right) / width, (roomy() - top - bottom) / height);
  }
  // As high as the window leaves it, whatever is shown now.
  function roomy() {
    const most = parseFloat(getComputedStyle(view).maxHeight);
    return Number.isFinite(most) ? most : view.clientHeight;
  }
  // The smallest type of a number decides: seats with long names have smaller ones.
  function readable() {
    const sizes = seats.map((one) => parseFloat(getComputedStyle(one.querySelector("text")).fontSize));
    return READABLE_PX / Math.min(...new Set(sizes));
  }
  function zoom(to, x = view.clientWidth / 2, y = view.clientHeight / 2) {
    const old = scale;
    scale = Math.min(NEAREST, Math.max(Math.min(FARTHEST, whole()), to));
    plan.style.setProperty("width", `${width * scale}px`);
    plan.style.setProperty("height", `${height * scale}px`);
    plan.style.setProperty("max-height", "none");
    const partly = scale > whole() * 1.001, [left, top] = origin(), by = scale / old;
    frame.classList.toggle("partly", partly);
    box.hidden = !partly;
    if (old) view.scrollTo((view.scrollLeft + x - left) * by + left - x, (view.scrollTop + y - top) * by + top - y);
    draw();
  }
  // Where most free seats are seen at once.
  function emptiest() {
    const free = seats.filter((one) => one.matches(".free:not(.aside)")).map((one) => boxes.get(one));
    const w = view.clientWidth / scale / 2, h = view.clientHeight / scale / 2;
    let best = free[0] ?? boxes.get(seats[0]), most = -1;
    for (const [x, y] of free) {
      const near = free.reduce((n, [a, b]) => n + (Math.abs(a - x) < w && Math.abs(b - y) < h), 0);
      if (near > most) [best, most] = [[x, y], near];
    }
    return best;
  }
  // A seat goes to the middle of what is seen.
  function centre([x, y]) {
    const { top, right, bottom } = free(), [left, above] = origin();
    view.scrollTo((x + 20) * scale + left - (view.clientWidth - right) / 2, (y + 20) * scale + above - (top + view.clientHeight - bottom) / 2);
  }
  function bring(id) {
    const one = document.getElementById(id);
    if (!one) return;
    // The sheet covers the lower part of a phone's screen: there is room to scroll past it.
    plan.style.setProperty("margin-bottom", NARROW.matches ? `${free().bottom + 32}px` : "");
    centre(boxes.get(one));
  }
  // A seat that takes the focus by a key is seen whole, beside what floats over the plan; Firefox itself scrolls to no part of a drawing.
  function reveal(one) {
    const { top, right, bottom } = free(), [left, above] = origin(), [x, y] = boxes.get(one), side = 40 * scale, gap = 8;
    const within = (at, least, most) => Math.max(least, Math.min(most, at));
    const far = x * scale + left, low = y * scale + above;
    view.scrollTo(
      within(view.scrollLeft, far + side + gap - (view.clientWidth - right), far - gap),
      within(view.scrollTop, low + side + gap - (view.clientHeight - bottom), low - gap - top));
  }
  function fit() {
    scale = 0;
    zoom(Math.max(readable(), NARROW.matches ? FINGER : 1, Math.min(whole(), NEAREST / 1.5)));
    const open = plan.querySelector(".seat[aria-current]"), mine = plan.querySelector(".seat.mine");
    if (open) bring(open.id);
    else centre(mine ? boxes.get(mine) : emptiest());
  }

  // --- the overview: where the part that is seen lies ---------------------------------------------

  const overview = document.getElementById("overview"), pen = overview.getContext("2d"), box = overview.parentElement;
  const shown = document.createElement("i");
  overview.after(shown);
  shown.className = "overview-frame";
  const COLOURS = { free: "--free", mine: "--brand", away: "--away", occupied: "--taken", disabled: "--line" };
  let drawing = 0;
  function draw() {
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      if (!frame.classList.contains("partly")) return;
      const small = Math.min(overview.clientWidth / width, overview.clientHeight / height), dots = devicePixelRatio;
      overview.width = overview.clientWidth * dots;
      overview.height = overview.clientHeight * dots;
      const style = getComputedStyle(plan), k = small * dots;
      for (const one of seats) {
        const kind = Object.keys(COLOURS).find((name) => one.classList.contains(name)) ?? "occupied";
        const [x, y] = boxes.get(one);
        pen.fillStyle = style.getPropertyValue(COLOURS[kind]);
        pen.globalAlpha = one.classList.contains("aside") ? 0.35 : 1;
        pen.fillRect(x * k, y * k, 36 * k, 36 * k);
      }
      place(small);
    });
  }
  function place(small = Math.min(overview.clientWidth / width, overview.clientHeight / height)) {
    const put = (name, value) => { shown.style[name] = `${value}px`; };
    const { top, right, bottom } = free(), [left, above] = origin();
    const from = [(view.scrollLeft - left) / scale, (view.scrollTop - above + top) / scale].map((at) => Math.max(0, at));
    const to = [(view.scrollLeft - left + view.clientWidth - right) / scale, (view.scrollTop - above + view.clientHeight - bottom) / scale];
    put("left", overview.offsetLeft + from[0] * small);
    put("top", overview.offsetTop + from[1] * small);
    put("width", Math.max(4, (Math.min(width, to[0]) - from[0]) * small));
    put("height", Math.max(4, (Math.min(height, to[1]) - from[1]) * small));
  }
  function lead(event) {
    const at = overview.getBoundingClientRect();
    const small = Math.min(overview.clientWidth / width, overview.clientHeight / height);
    centre([(event.clientX - at.left) / small - 20, (event.clientY - at.top) / small - 20]);
  }
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    lead(event);
    overview.addEventListener("pointermove", lead);
    overview.addEventListener("lostpointercapture", () => overview.removeEventListener("pointermove", lead), { once: true });
  });
  view.addEventListener("scroll", () => { if (frame.classList.contains("partly")) place(); }, { passive: true });

  // --- buttons, two fingers, a mouse that draws the plan along ------------------------------------

  for (const [id, by] of [["nearer", STEP], ["farther", 1 / STEP]]) {
    document.getElementById(id).addEventListener("click", () => zoom(scale * by));
  }
  document.getElementById("whole").addEventListener("click", () => zoom(whole()));
  frame.querySelector(".view-tools").hidden = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const to = { "+": scale * STEP, "=": scale * STEP, "-": scale / STEP, 0: whole() }[event.key];
    if (to) zoom(to);
  });
  view.addEventListener("dblclick", (event) => {
    if (event.target.closest(".seat")) return;
    const at = view.getBoundingClientRect();
    zoom(scale < NEAREST / 1.5 ? scale * STEP * STEP : whole(), event.clientX - at.left, event.clientY - at.top);
  });

  let spread = 0, begun = 1;
  const apart = ({ touches: [a, b] }) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  view.addEventListener("touchstart", (event) => {
    if (event.touches.length === 2) [spread, begun] = [apart(event), scale];
  }, { passive: true });
  view.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !spread) return;
    event.preventDefault();
    const box = view.getBoundingClientRect(), [a, b] = event.touches;
    zoom(begun * (apart(event) / spread), (a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top);
  }, { passive: false });
  view.addEventListener("touchend", () => { spread = 0; }, { passive: true });

  let dragged = false;
  view.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return;
    const from = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
    dragged = false;
    const move = (to) => {
      const [x, y] = [from[0] - to.clientX, from[1] - to.clientY];
      if (!dragged && Math.hypot(x - view.scrollLeft, y - view.scrollTop) < 6) return;
      dragged = true;
      view.scrollTo(x, y);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
  });
  // The press that drew the plan along chooses no seat.
  view.addEventListener("click", (event) => {
    if (!dragged) return;
    dragged = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  view.addEventListener("dragstart", (event) => event.preventDefault());

  fit();
  NARROW.addEventListener("change", fit);
  return { bring, draw, narrow: NARROW, reveal };
})();
