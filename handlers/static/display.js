// A hall's screen. It fetches its board every few seconds, for ever; while the service is away it goes
// on with the last one and says how old that is, and after ten minutes it shows the time and the
// notices only. What Chromium 70 does not know is not used here.
"use strict";
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));

(() => {
  const data = document.body.dataset, board = document.getElementById("board"), age = document.getElementById("age");
  const OLD = 120e3, STALE = 600e3, TURN = 15e3, NOTICE = 12e3, LINES = 2;
  const SIZES = [2.6, 2.4, 2.2, 2, 1.85, 1.7, 1.55, 1.4], NARROWEST = 15.5, WIDE = 24; // of type in rem, of cards in em
  let ahead = Number(data.now) - Date.now(), fresh = Date.now(), asking = false, askAt = Date.now() + 1000;
  let html = board.innerHTML, pages = [], page = 0, turnAt = 0, notice = 0, noticeAt = 0;
  const now = () => Date.now() + ahead;
  const two = (n) => String(n).padStart(2, "0");
  const inWords = (parts) => new Intl.DateTimeFormat(document.body.dataset.locale, { ...parts, timeZone: "UTC" });
  const clock = (at) => `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  // The library's offset from UTC: now, then the next clock changes, each with the offset after it.
  const offsetAt = (at) => document.body.dataset.ahead.split(" ").map(Number).reduce((offset, n, i, all) => (i % 2 || all[i - 1] > at ? offset : n));
  const local = (ms) => new Date(ms + offsetAt(ms));

  // On as few pages as can be, with equally many cards each, in the largest type with which they fit.
  function fit() {
    const box = board.querySelector(".floors"), fits = () => box.scrollHeight <= box.clientHeight + 1;
    board.querySelectorAll(".floor.rest").forEach((card) => card.remove());
    board.querySelectorAll(".floor tr").forEach((row) => { row.hidden = false; });
    board.querySelectorAll(".floor table").forEach((table) => { table.style.maxHeight = `${3 * table.rows.length}em`; }); // few rows stay together
    const cards = [...board.querySelectorAll(".floor")];
    const turned = (to) => { turn(to); return fits(); };
    const before = page, all = () => [...pages.keys()].every(turned);
    const one = cards.some((card, n) => {
      const each = Math.ceil(cards.length / (n + 1));
      pages = [];
      for (let at = 0; at < cards.length; at += each) pages.push(cards.slice(at, at + each));
      return SIZES.some((size) => cards.slice(0, each).some((other, at) => laid(box, size, at + 1) && all()));
    });
    if (!one) cut(box, cards, fits);
    if (pages.length > 1 && !turnAt) turnAt = Date.now() + TURN;
    turn(Math.min(before, Math.max(0, pages.length - 1)));
  }

  // Sets type and columns; false if the columns would be too narrow.
  function laid(box, size, columns) {
    const px = size * parseFloat(getComputedStyle(document.documentElement).fontSize), width = box.clientWidth / px / columns;
    if (columns > 1 && width < NARROWEST) return false;
    box.style.fontSize = `${px}px`;
    box.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    box.classList.toggle("wide", width > WIDE);
    return true;
  }

  // Where the room is lower than a card, each has pages of its own, and its last rows the later ones.
  function cut(box, cards, fits) {
    laid(box, SIZES[SIZES.length - 1], 1);
    pages = [];
    const left = cards.slice();
    while (left.length) {
      const card = left.shift();
      pages.push([card]);
      cards.forEach((other) => { other.hidden = other !== card; });
      card.hidden = false;
      const rest = fits() ? null : shorten(card, fits);
      card.hidden = true;
      if (rest) left.unshift(rest);
    }
  }

  // Hides the last rows of the card until it fits; gives a card of those.
  function shorten(card, fits) {
    const rows = [...card.querySelectorAll("tbody tr")];
    let kept = rows.length;
    while (kept > 1 && !fits()) rows[--kept].hidden = true;
    if (kept === rows.length) return null;
    const rest = card.cloneNode(true), more = document.createElement("small"), name = rest.querySelector("h2");
    rest.classList.add("rest");
    rest.hidden = true;
    rest.querySelectorAll(".sum, h2 small").forEach((one) => one.remove());
    more.textContent = _("（续）");
    name.append(more);
    [...rest.querySelectorAll("tbody tr")].forEach((row, at) => { if (at < kept) row.remove(); else row.hidden = false; });
    card.after(rest);
    return rest;
  }

  function turn(to) {
    page = to;
    pages.forEach((cards, at) => cards.forEach((card) => { card.hidden = at !== page; }));
    document.getElementById("turns").textContent = pages.length > 1 ? `${page + 1} / ${pages.length}` : "";
  }

  function tell(from) {
    const lines = [...board.querySelectorAll(".notices li")];
    notice = lines.length > LINES ? from % lines.length : 0;
    lines.forEach((line, at) => { line.hidden = lines.length > LINES && (at - notice + lines.length) % lines.length >= LINES; });
  }

  function show() {
    for (const name of ["hours", "column"]) {
      document.getElementById(name).textContent = board.querySelector(`.${name}`).textContent;
    }
    tell(notice);
    fit();
  }

  async function ask() {
    asking = true;
    const limit = new AbortController(), timer = setTimeout(() => limit.abort(), 8000);
    try {
      const answer = await fetch(data.board, { signal: limit.signal, credentials: "omit" });
      if (!answer.ok) throw new Error(answer.status);
      const given = await answer.json();
      ahead = Date.parse(answer.headers.get("X-Server-Time")) - Date.now() || ahead;
      fresh = Date.now();
      if (given.assets !== data.assets) location.reload(); // a new version of this page
      else if (given.html !== html) {
        html = given.html;
        board.innerHTML = html;
        show();
      }
      askAt = Date.now() + data.poll * 1000 + Math.random() * 2000;
    } catch (error) {
      askAt = Date.now() + 5000 + Math.random() * 3000;
    }
    clearTimeout(timer);
    asking = false;
  }

  function tick() {
    const at = local(now()), old = Date.now() - fresh;
    document.getElementById("time").textContent = clock(at);
    const day = document.getElementById("date");
    day.textContent = inWords({ month: "long", day: "numeric" }).format(at);
    day.append(document.createElement("br"), inWords({ weekday: "short" }).format(at));
    age.hidden = old < OLD;
    if (!age.hidden) age.textContent = _("数据更新于 {clock}，正在重新连接…", { clock: clock(local(fresh + ahead)) });
    document.body.classList.toggle("stale", old >= STALE);
    if (pages.length > 1 && Date.now() >= turnAt) {
      turn((page + 1) % pages.length);
      turnAt = Date.now() + TURN;
    }
    if (Date.now() >= noticeAt) {
      if (noticeAt) tell(notice + LINES);
      noticeAt = Date.now() + NOTICE;
    }
    if (!asking && Date.now() >= askAt) ask();
  }

  document.documentElement.classList.add("scripted");
  show();
  tick();
  setInterval(tick, 1000);
  for (const name of ["load", "resize"]) addEventListener(name, fit); // its styles may come later than this script
  addEventListener("online", () => { askAt = 0; });
})();
