// A hall's screen. After ten minutes without the service it shows the time and the notices only. As
// screens.js, only what Chromium 70 knows.
"use strict";

(() => {
  const board = document.getElementById("board");
  const STALE = 600e3, TURN = 15e3, NOTICE = 12e3, LINES = 2;
  const SIZES = [2.6, 2.4, 2.2, 2, 1.85, 1.7, 1.55, 1.4], NARROWEST = 15.5, WIDE = 24; // of type in rem, of cards in em
  let pages = [], page = 0, turnAt = 0, notice = 0, noticeAt = 0;

  const names = () => [...board.querySelectorAll("tbody th, .why")];
  // On as few pages as can be, with equally many cards each, in the largest type with which they fit.
  function fit() {
    const box = board.querySelector(".floors"), fits = () => box.scrollHeight <= box.clientHeight + 1;
    board.querySelectorAll(".floor.rest").forEach((card) => card.remove());
    board.querySelectorAll(".floor tr").forEach((row) => { row.hidden = false; });
    names().forEach((one) => {
      one.style.fontSize = "";
      one.classList.remove("word");
    });
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
    turnTo(Math.min(before, Math.max(0, pages.length - 1)));
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

  // Words that are too wide for their column get smaller type; below half the usual one they break.
  function turnTo(to) {
    turn(to);
    const wide = (one) => one.scrollWidth > one.clientWidth;
    for (const one of names().filter(wide)) {
      one.style.fontSize = `${parseFloat(getComputedStyle(one).fontSize) * Math.max(0.5, (0.99 * one.clientWidth) / one.scrollWidth)}px`;
      if (wide(one)) one.classList.add("word");
    }
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

  function each(old) {
    if (pages.length > 1 && Date.now() >= turnAt) {
      turnTo((page + 1) % pages.length);
      turnAt = Date.now() + TURN;
    }
    if (Date.now() >= noticeAt) {
      if (noticeAt) tell(notice + LINES);
      noticeAt = Date.now() + NOTICE;
    }
    return old >= STALE;
  }

  keepBoard(show, each);
  for (const name of ["load", "resize"]) addEventListener(name, fit); // its styles may come later than this script
})();
