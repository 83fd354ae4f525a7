// A plan: seats that change before one's eyes, the panel of times, keys, the list.
"use strict";

(() => {
  const plan = document.getElementById("plan");
  const panel = document.getElementById("panel");
  const list = document.getElementById("list");
  const lost = document.getElementById("lost");
  const view = document.querySelector(".viewport");
  const { narrow } = planView;
  const words = JSON.parse(plan.dataset.words);
  const seats = [...plan.querySelectorAll(".seat")];
  const rooms = [...plan.querySelectorAll(".plan-room")], roomWords = JSON.parse(plan.dataset.roomWords ?? "{}");
  const place = (one) => {
    const box = one.querySelector("use");
    return [Number(box.getAttribute("x")), Number(box.getAttribute("y"))];
  };
  // As seen from the day of the plan; another one's end is the next day's.
  const clockOf = (iso) => iso.slice(0, 10) > plan.dataset.day ? _("次日{clock}", { clock: iso.slice(11, 16) }) : iso.slice(11, 16);

  // --- seats as they change ---------------------------------------------------------------------

  function show(seat) {
    const one = document.getElementById(seat.id);
    if (!one) return;
    const aside = one.classList.contains("aside"), was = one.getAttribute("aria-label");
    one.setAttribute("class", `seat ${seat.status}${aside ? " aside" : ""}`);
    const until = seat.free_until ? _("，可用至 {until}", { until: clockOf(seat.free_until) }) : seat.next_free ? _("，{from} 起可用", { from: clockOf(seat.next_free) }) : "";
    const marks = one.dataset.marks ? _("，{marks}", { marks: one.dataset.marks }) : "";
    const { no, only } = one.dataset, name = /^\d+$/.test(no) ? _("{no}号", { no }) : no;
    const status = seat.status === "disabled" && only ? _("仅限{only}", { only }) : words[seat.status];
    one.setAttribute("aria-label", `${name} ${status}${until}${marks}${aside ? _("，不合筛选") : ""}`);
    if (seat.status === "disabled") one.setAttribute("aria-disabled", "true");
    else one.removeAttribute("aria-disabled");
    planView.draw();
    const row = list.querySelector(`[data-of="${seat.id}"]`);
    if (row) describe(row, one);
    // The seat that is being chosen has changed under the reader's hands: show its times as they are.
    // But not while a booking is asked for: its form has the key under which it is asked again.
    const asks = panel.querySelector("form[data-asks]");
    if (one.getAttribute("aria-current") && was !== one.getAttribute("aria-label") && panel.classList.contains("open") && !asks) {
      choose(chosenAddress());
    }
  }
  function showRoom({ id, status }) {
    const one = rooms.find((room) => room.dataset.room === id), word = roomWords[status] ?? "";
    if (!one) return;
    one.setAttribute("class", `plan-room ${status ?? "unknown"}`);
    one.setAttribute("aria-label", `${one.dataset.name} ${word}`);
    one.querySelector(".word").textContent = word;
  }
  function stands(seat) {
    const one = document.getElementById(seat.id);
    const [x, y] = one ? place(one) : [];
    return one?.dataset.no === seat.no && Math.abs(x - seat.x) < 3 && Math.abs(y - seat.y) < 3;
  }
  function count() {
    const free = document.getElementById("free");
    free.textContent = plan.querySelectorAll(".seat.free:not(.aside)").length;
    free.classList.toggle("none", free.textContent === "0");
  }

  let version = plan.dataset.version;
  let heard = Date.now();
  let source = null;
  let told = 0;
  // Scripts do not see a stream's signs of life, so a quiet one is checked by a 304 now and then.
  const POLL_MS = 15000, SILENT_MS = 60000;

  async function refetch() {
    try {
      const before = told, answer = await fetch(plan.dataset.map);
      // Signed out, or the day is over: what stands here is of no use any more.
      if (answer.status === 401 || answer.status === 422) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const map = await answer.json();
      if (before !== told) return refetch(); // what was told meanwhile may be newer than this
      // Seats have come or gone, or stand elsewhere: that is another drawing.
      if (map.seats.length !== seats.length || !map.seats.every(stands)) return location.reload();
      map.seats.forEach(show);
      (map.rooms ?? []).forEach(showRoom);
      version = map.version;
      heard = Date.now();
      count();
      lost.hidden = true;
    } catch {
      lost.textContent = _("连接中断，座位状态可能不是最新的；正在重新连接…");
      lost.hidden = false;
    }
    return undefined;
  }

  function watch() {
    source?.close();
    if (!window.EventSource) return;
    source = new EventSource(plan.dataset.events);
    source.addEventListener("version", (event) => {
      heard = Date.now();
      lost.hidden = true;
      const known = JSON.parse(event.data).version;
      if (known !== version && fresh) refetch();
      fresh = false;
      version = known;
    });
    source.addEventListener("seat", (event) => {
      heard = Date.now();
      told += 1;
      show(JSON.parse(event.data));
      count();
    });
    source.addEventListener("room", (event) => {
      heard = Date.now();
      told += 1;
      showRoom(JSON.parse(event.data));
    });
    source.addEventListener("open", () => {
      heard = Date.now();
      fresh = true;
    });
  }
  let fresh = true;
  watch();
  setInterval(() => {
    // A webview may drop streams, or keep a dead one: ask, and try again.
    const dead = !source || source.readyState === 2;
    if (dead || Date.now() - heard > SILENT_MS || source.readyState === 0) {
      refetch();
      if (dead) watch();
    }
  }, POLL_MS + Math.random() * 3000);
  addEventListener("online", () => { refetch(); watch(); });
  addEventListener("offline", refetch);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refetch(); });
  addEventListener("pagehide", () => source?.close());

  // A refused booking is shown under its form's address, which nobody can come back to.
  if (location.pathname === "/reserve" || location.pathname.endsWith("/change")) {
    history.replaceState(null, "", plan.dataset.here);
  }

  // --- the panel ----------------------------------------------------------------------------------

  // With what is ticked in the panel, so that nothing chosen is lost.
  function chosenAddress() {
    return withChoice(new URL(location.href)).href;
  }
  function withChoice(to) {
    const begin = panel.querySelector("input[name=start]")?.value;
    const end = panel.querySelector("input[name=end]:checked, input[name=end][type=hidden]")?.value;
    if (begin) to.searchParams.set("begin", begin);
    if (end) to.searchParams.set("until", end);
    return to;
  }
  // One press of Back closes the sheet, whatever was chosen in it: it is one step of history, made
  // when the sheet opens.
  function remember(href) {
    const opens = !panel.classList.contains("open") && new URL(href).searchParams.has("seat");
    if (opens) history.pushState({ sheet: true }, "", href);
    else history.replaceState(history.state, "", href);
  }
  const BONES_MS = 250;
  let chosen = 0;
  async function choose(href, push = false) {
    const seat = new URL(href).searchParams.get("seat"), mine = ++chosen;
    for (const one of [...seats, ...list.querySelectorAll("a")]) {
      if ((one.dataset.of ?? one.id) === seat) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
    delete panel.dataset.lost;
    if (push) remember(href);
    if (!seat) return closed();
    panel.setAttribute("aria-busy", "true");
    // What takes a while shows at once where it will stand.
    const waiting = setTimeout(() => {
      if (mine !== chosen || panel.classList.contains("open")) return;
      panel.innerHTML = '<div class="bones" aria-hidden="true">' + "<i></i>".repeat(5) + "</div>";
      panel.classList.add("open");
    }, BONES_MS);
    try {
      const answer = await fetch(href, { headers: { "X-Fragment": "1" } });
      if (answer.status === 401) return location.reload();
      const text = await answer.text();
      clearTimeout(waiting);
      if (mine !== chosen) return undefined; // another seat was chosen meanwhile
      panel.innerHTML = text;
      panel.dispatchEvent(new Event("shown"));
    } catch {
      clearTimeout(waiting);
      if (mine !== chosen) return undefined;
      panel.dataset.lost = href;
      panel.innerHTML = '<div class="refusal" role="alert"><p>' + _("没有连上服务，请检查网络后再点一次座位。") + '</p></div>';
    }
    panel.removeAttribute("aria-busy");
    panel.classList.add("open");
    document.body.classList.add("sheet-open");
    if (narrow.matches) planView.bring(seat);
    return undefined;
  }
  function closed() {
    panel.classList.remove("open");
    document.body.classList.remove("sheet-open");
    panel.innerHTML = empty;
  }
  const empty = panel.classList.contains("open")
    ? '<div class="panel-body"><h2>' + _("选择座位") + '</h2><p class="soft">' + _("点选图上的空位，再选开始和结束时间。") + '</p></div>' : panel.innerHTML;

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-panel], .panel a[data-close]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const href = link.href.baseVal ?? link.href;
    if (link.dataset.close !== undefined) return back(href);
    const inside = panel.contains(link), to = new URL(href, location.href);
    // Another start is chosen inside, another seat outside: the rest of the choice stays.
    const begin = to.searchParams.get("begin");
    withChoice(to);
    if (inside && begin) to.searchParams.set("begin", begin);
    await choose(to.href, true);
    if (inside) panel.querySelector('.time[aria-current="true"]')?.focus();
    else if (event.detail === 0) panel.focus();
  });
  function back(href) {
    const seat = new URL(location.href).searchParams.get("seat");
    if (history.state?.sheet) history.back();
    else choose(new URL(href, location.href).href, true);
    (list.hidden ? document.getElementById(seat) : list.querySelector(`[data-of="${seat}"]`))?.focus();
  }
  // On a phone a tap beside the sheet closes it; one on another seat shows that seat.
  view.addEventListener("click", (event) => {
    const close = panel.querySelector("a[data-close]");
    if (narrow.matches && close && panel.classList.contains("open") && !event.target.closest(".seat")) back(close.href);
  });
  addEventListener("online", () => { if (panel.dataset.lost) choose(panel.dataset.lost); });
  addEventListener("popstate", () => choose(location.href));

  // --- keys: one seat takes the focus, arrows go to the nearest in their direction ----------------

  function rove(to) {
    for (const one of seats) one.setAttribute("tabindex", one === to ? "0" : "-1");
  }
  document.body.classList.toggle("sheet-open", panel.classList.contains("open"));
  rove(plan.querySelector(".seat[aria-current]") ?? plan.querySelector(".seat.free:not(.aside)") ?? seats[0]);
  plan.addEventListener("focusin", (event) => {
    const one = event.target.closest(".seat");
    if (!one) return;
    rove(one);
    // After the browser's own scrolling.
    if (one.matches(":focus-visible")) requestAnimationFrame(() => planView.reveal(one));
  });
  const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  plan.addEventListener("keydown", (event) => {
    const way = WAYS[event.key], from = event.target.closest(".seat");
    if (!way || !from) return;
    event.preventDefault();
    const [x, y] = place(from);
    let best = null, least = Infinity;
    for (const one of seats) {
      const [a, b] = place(one);
      const along = (a - x) * way[0] + (b - y) * way[1];
      const aside = Math.abs((a - x) * way[1]) + Math.abs((b - y) * way[0]);
      if (along > 0 && along + 3 * aside < least) [best, least] = [one, along + 3 * aside];
    }
    best?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const close = panel.querySelector("a[data-close]");
    if (event.key === "Escape") for (const one of menus) one.open = false;
    if (event.key === "Escape" && close && !document.querySelector("dialog[open]")) back(close.href);
  });

  // --- the other areas, with what is free there for the same time --------------------------------

  const others = document.querySelector(".switch");
  others.addEventListener("toggle", async () => {
    if (!others.open) return;
    const nav = others.querySelector("nav");
    try {
      const answer = await fetch(nav.dataset.areas);
      for (const area of answer.ok ? (await answer.json()).items : []) {
        const link = nav.querySelector(`[data-area="${area.id}"] .n`);
        if (!link) continue;
        link.textContent = area.seats_free;
        link.classList.toggle("none", !area.seats_free);
      }
    } catch { /* the names are there; the numbers may come the next time */ }
  });
  const menus = [others, document.querySelector(".at-time")];
  document.addEventListener("click", (event) => {
    for (const one of menus) if (!one.contains(event.target)) one.open = false;
  });

  // --- the same seats as a list ---------------------------------------------------------------------

  function describe(row, one) {
    row.textContent = one.getAttribute("aria-label");
    row.className = one.getAttribute("class").replace("seat ", "");
  }
  const button = document.getElementById("as-list");
  button.hidden = false;
  document.getElementById("to-list").addEventListener("click", (event) => {
    event.preventDefault();
    if (list.hidden) button.click();
    list.querySelector("a").focus();
  });
  button.addEventListener("click", () => {
    const on = list.hidden;
    if (on && !list.children.length) {
      for (const one of seats) {
        const item = document.createElement("li"), row = document.createElement("a");
        row.href = one.getAttribute("href");
        row.dataset.panel = "";
        row.dataset.of = one.id;
        describe(row, one);
        item.append(row);
        list.append(item);
      }
    }
    list.hidden = !on;
    view.parentElement.hidden = on;
    document.body.classList.toggle("listed", on);
    button.setAttribute("aria-pressed", String(on));
  });
})();
