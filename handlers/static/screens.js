// What the screens of a hall and of a door share. A screen fetches its board every few seconds, for ever;
// while the service is away it goes on with the last one and says how old that is. What Chromium 70 does
// not know is not used here.
"use strict";
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));

// Calls ``shown`` after each change of the board, and ``each`` every second with the age of the board and
// the service's time, both in milliseconds. ``each`` returns true if the board is too old to be shown.
function keepBoard(shown, each) {
  const data = document.body.dataset, board = document.getElementById("board"), age = document.getElementById("age");
  const OLD = 120e3;
  let ahead = Number(data.now) - Date.now(), fresh = Date.now(), asking = false, askAt = Date.now() + 1000, html = board.innerHTML;
  const two = (n) => String(n).padStart(2, "0");
  const inWords = (parts) => new Intl.DateTimeFormat(data.locale, { ...parts, timeZone: "UTC" });
  const clock = (at) => `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  // The library's offset from UTC: now, then the next clock changes, each with the offset after it.
  const offsetAt = (at) => data.ahead.split(" ").map(Number).reduce((offset, n, i, all) => (i % 2 || all[i - 1] > at ? offset : n));
  const local = (ms) => new Date(ms + offsetAt(ms));

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
        shown();
      }
      askAt = Date.now() + data.poll * 1000 + Math.random() * 2000;
    } catch (error) {
      askAt = Date.now() + 5000 + Math.random() * 3000;
    }
    clearTimeout(timer);
    asking = false;
  }

  function tick() {
    const now = Date.now() + ahead, at = local(now), old = Date.now() - fresh;
    document.getElementById("time").textContent = clock(at);
    const day = document.getElementById("date");
    day.textContent = inWords({ month: "long", day: "numeric" }).format(at);
    day.append(document.createElement("br"), inWords({ weekday: "short" }).format(at));
    const stale = each(old, now);
    document.body.classList.toggle("stale", stale);
    age.hidden = old < OLD && !stale;
    if (!age.hidden) age.textContent = _("数据更新于 {clock}，正在重新连接…", { clock: clock(local(fresh + ahead)) });
    if (!asking && Date.now() >= askAt) ask();
  }

  document.documentElement.classList.add("scripted");
  shown();
  tick();
  setInterval(tick, 1000);
  addEventListener("online", () => { askAt = 0; });
}
