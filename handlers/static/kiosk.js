// A kiosk's screen. Its key comes once behind the address's "#" (which never leaves the browser), is
// remembered here, and the page then starts by itself after a power cut. Kiosks are old: this file,
// touch.js and kiosk.css use only what Chromium 70 knows.
"use strict";
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));
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
  const data = document.body.dataset, box = document.getElementById("touch"), QUIET = 30e3;
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
    const way = document.createElement("a");
    way.href = "/kiosk";
    way.textContent = _("配对这块屏幕");
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
      document.body.classList.remove("offline");
      code.classList.remove("away");
      code.innerHTML = shown.svg;
      digits.textContent = shown.payload.slice(-6).replace(/^.../, "$& "); // of the same code, for who has no camera
      tick();
      const free = document.getElementById("free");
      if (free) {
        free.textContent = "";
        free.append(...shown.free.map((area) => {
          const [row, name, n] = ["li", "span", "b"].map((tag) => document.createElement(tag));
          name.textContent = (area.names && area.names[data.language]) || area.name;
          n.textContent = area.seats_free || _("满");
          if (!area.seats_free) n.className = "none";
          row.append(name, n);
          return row;
        }));
      }
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
  addEventListener("online", ask);
  addEventListener("hashchange", () => location.reload());
})();
