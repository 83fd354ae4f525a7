// A kiosk's screen. Its key comes once behind the address's "#" (which never leaves the browser), is
// remembered here, and the page then starts by itself after a power cut. Kiosks are old: this file,
// touch.js and their sheets use only what Chromium 70 knows.
"use strict";
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));
// The name in the page's language, or else the first, with soft hyphens in long words as handlers/http/presenting.py has them.
const SYLLABLE = /([A-Za-zÀ-ž]{4})(?=(?:sch|[bfgkp][lr]|[dt]r|[pt]h|[b-dfgj-np-tv-xzß])[aeiouyäöü][A-Za-zÀ-ž]{2})/g;
const nameIn = (name, names) => ((names && names[document.body.dataset.language]) || name || "").replace(/[A-Za-zÀ-ž]{14,}/g, (word) => word.replace(SYLLABLE, "$1\u00ad"));
const seatNo = (no) => (/^\d+$/.test(no) ? _("{no} 号", { no }) : no); // 065 号, but A-1-07
const floorOf = ({ floor, floor_name, floor_names }) => nameIn(floor_name, floor_names) || (floor < 0 ? _("地下{floor}层", { floor: -floor }) : _("{floor}层", { floor }));
const make = (tag, text = "", className = "") => {
  const one = document.createElement(tag);
  one.textContent = text;
  one.className = className;
  return one;
};
const noneIn = (area) => { // instead of a number of free seats
  if ("closed" in area) return _("闭馆");
  return "reserved_for" in area ? _("专用") : _("满");
};
// Names whose words are too wide get smaller type, of ``least`` px or more; a word that is too wide there breaks.
const keepWords = (names, least) => {
  const wide = (name) => name.scrollWidth > name.clientWidth;
  for (const name of names.filter(wide)) {
    for (let n = 0; n < 3 && wide(name); n++) name.style.fontSize = `${Math.max(least, (0.99 * parseFloat(getComputedStyle(name).fontSize) * name.clientWidth) / name.scrollWidth)}px`;
    if (wide(name)) name.classList.add("word");
  }
};
const inWords = (parts) => new Intl.DateTimeFormat(document.body.dataset.locale, { ...parts, timeZone: "UTC" });

(() => {
  const id = document.body.dataset.kiosk, name = `kiosk-key-${id}`;
  const code = document.getElementById("code"), digits = document.getElementById("digits"), said = document.getElementById("said");
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    localStorage.setItem(name, given);
    history.replaceState(null, "", location.pathname);
  }
  if (localStorage.getItem(name)) localStorage.setItem("kiosk", id); // where /kiosk leads from now on
  let ahead = Number(document.body.dataset.now) - Date.now(), until = 0, trying = false, tryAt = 0;
  const now = () => Date.now() + ahead;
  const data = document.body.dataset, box = document.getElementById("touch"), QUIET = 30e3, TURN = 8e3, SIZES = [1.75, 1.5, 1.25, 1], LINES = 3;
  const free = document.getElementById("free"), bar = document.getElementById("left");
  let parts = [], pages = 1, page = 0, turnAt = 0;
  let quietAt = Date.now() + QUIET;
  // The library's offset from UTC: now, then the next clock changes, each with the offset after it.
  const offsetAt = (at) => document.body.dataset.ahead.split(" ").map(Number).reduce((offset, n, i, all) => (i % 2 || all[i - 1] > at ? offset : n));
  const two = (n) => String(n).padStart(2, "0");

  function hide(text) {
    until = 0;
    code.classList.add("away");
    code.textContent = text;
    digits.textContent = "";
  }

  // Where the screen has no key that is good, it can be paired.
  function unpaired(text) {
    const way = make("a", _("配对这块屏幕"));
    way.href = "/kiosk";
    if (localStorage.getItem("kiosk") === id) localStorage.removeItem("kiosk");
    said.textContent = text;
    said.append(way);
  }

  // Loads the page in another language, once the service has answered: nobody reloads a screen without a page.
  function speak(language) {
    const there = language === data.home ? location.pathname : `${location.pathname}?language=${language}`;
    quietAt = Date.now() + QUIET;
    fetch(there, { cache: "no-store", credentials: "omit" }).then((answer) => {
      if (!answer.ok) return;
      document.dispatchEvent(new Event("speak"));
      location.replace(there);
    }).catch(() => {});
  }
  for (const button of document.querySelectorAll("#languages button")) button.addEventListener("click", () => speak(button.dataset.language));
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => { quietAt = Date.now() + QUIET; });
  document.addEventListener("gone", () => { quietAt = 0; });

  // In the largest type that fits; a name that takes more than two lines there, or whose words do not fit, in a smaller one,
  // a word that does not fit there either in a still smaller one, before it breaks.
  // Floors that find no room take turns, or where not even one does, areas.
  function turn(to) {
    const each = Math.ceil(parts.length / pages);
    page = to % pages;
    parts.forEach((rows, at) => rows.forEach((row) => { row.hidden = Math.floor(at / each) !== page; }));
    for (const floor of free.children) floor.hidden = !floor.querySelector("li:not([hidden])");
    const names = [...free.querySelectorAll("span, h3")], usual = parseFloat(getComputedStyle(free).fontSize);
    for (const name of names) name.className = name.style.fontSize = "";
    for (const name of names.filter((one) => one.offsetHeight > LINES * usual || one.scrollWidth > one.clientWidth)) name.className = "long";
    keepWords(names, usual / 2);
    document.getElementById("turn").textContent = pages > 1 ? `${page + 1} / ${pages}` : "";
    return free.scrollHeight <= free.clientHeight + 1;
  }
  function fit() {
    const before = page, floors = [...free.children].map((floor) => [...floor.querySelectorAll("li")]);
    [floors, [].concat(...floors).map((row) => [row])].some((either) => {
      parts = either;
      return parts.some((_part, n) => {
        pages = n + 1;
        return SIZES.some((size) => {
          free.style.fontSize = `${size}rem`;
          return [...Array(pages).keys()].every(turn);
        });
      });
    });
    turn(before);
    if (pages > 1 && !turnAt) turnAt = Date.now() + TURN;
  }
  function list(areas) {
    free.textContent = "";
    free.append(...[...new Set(areas.map(floorOf))].map((floor) => {
      const one = make("section"), rows = make("ul");
      rows.append(...areas.filter((area) => floorOf(area) === floor).map((area) => {
        const row = make("li");
        row.append(make("span", nameIn(area.name, area.names)), make("b", area.seats_free || noneIn(area), area.seats_free ? "" : "none"));
        return row;
      }));
      one.append(make("h3", floor), rows);
      return one;
    }));
    fit();
  }

  async function ask() {
    const key = localStorage.getItem(name);
    if (!key) {
      hide(_("本机还没有密钥"));
      unpaired(_("请管理员"));
      tryAt = Infinity;
      return;
    }
    trying = true;
    const limit = new AbortController(), timer = setTimeout(() => limit.abort(), 4000);
    try {
      const answer = await fetch(`/api/v1/kiosks/${id}/code`, { headers: { "X-Kiosk-Key": key, "X-Kiosk-Screen": "1" }, signal: limit.signal, cache: "no-store" });
      if (answer.status === 401) {
        hide(_("密钥不对或已更换"));
        unpaired(_("请管理员重新"));
        tryAt = Date.now() + 30000;
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      const shown = await answer.json();
      if (shown.language && shown.language !== data.home && !(box && !box.hidden)) speak(data.home = shown.language);
      ahead = Date.parse(answer.headers.get("X-Server-Time")) - Date.now();
      until = Date.parse(shown.expires_at);
      bar.max = shown.step_seconds;
      document.body.classList.remove("offline");
      code.classList.remove("away");
      code.innerHTML = shown.svg;
      digits.textContent = shown.payload.slice(-6).replace(/^.../, "$& "); // of the same code, for who has no camera
      tick();
      if (free) list(shown.free);
    } catch {
      // The code on the screen stays until its end; after that a stale one would mislead.
      if (until <= now()) {
        hide(_("请到服务台办理"));
        document.body.classList.add("offline"); // nor do the numbers of free seats stay
        said.textContent = _("暂时连不上服务，正在重新连接…");
      }
      tryAt = Date.now() + 1500 + Math.random() * 1000;
    } finally {
      clearTimeout(timer);
      trying = false;
    }
  }

  function tick() {
    const at = new Date(now() + offsetAt(now())), left = Math.ceil((until - now()) / 1000);
    document.getElementById("time").textContent = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
    document.getElementById("date").textContent = _("{day} {weekday}", { day: inWords({ month: "long", day: "numeric" }).format(at), weekday: inWords({ weekday: "short" }).format(at) });
    if (data.language !== data.home && Date.now() >= quietAt && !(box && !box.hidden)) speak(data.home);
    if (pages > 1 && Date.now() >= turnAt) {
      turn(page + 1);
      turnAt = Date.now() + TURN;
    }
    bar.value = Math.max(0, (until - now()) / 1000);
    if (left > 0) said.textContent = _("{left} 秒后更新 · 没有相机？在“签到”页输入上面的六位数字", { left });
    else if (!trying && Date.now() >= tryAt) ask();
  }

  // Where WeChat cannot draw its code now, the words beside it say how to find the mini-program.
  for (const picture of document.querySelectorAll(".mini-code img")) {
    const gone = () => { picture.hidden = true; };
    if (picture.complete && !picture.naturalWidth) gone();
    picture.addEventListener("error", gone);
  }

  tick();
  setInterval(tick, 250);
  if (free) addEventListener("resize", fit);
  addEventListener("online", ask);
  addEventListener("hashchange", () => location.reload());
})();
