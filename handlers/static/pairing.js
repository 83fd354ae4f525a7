// A screen that is no kiosk's yet. It asks for a code, shows it, and asks every few seconds whether an
// administrator has typed it: then the secret that it got with the code is the kiosk's key, and the
// kiosk's page starts. What Chromium 70 does not know is not used here.
"use strict";
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));

(() => {
  const SECRET = "pairing-secret", KIOSK = "kiosk", ASK_EVERY = 3000;
  const code = document.getElementById("code"), word = document.getElementById("word"), said = document.getElementById("said");
  let ahead = Number(document.body.dataset.now) - Date.now(), until = 0, asking = false, askAt = 0;
  const now = () => Date.now() + ahead;

  function start(id) {
    location.replace(`/kiosk/${encodeURIComponent(id)}`);
  }

  function show(shown) {
    until = Date.parse(shown.expires_at);
    code.textContent = shown.code.slice(0, 3);
    const rest = document.createElement("span");
    rest.textContent = shown.code.slice(3);
    code.append(rest);
    code.setAttribute("aria-label", _("配对码 {digits}", { digits: shown.code.split("").join(" ") }));
    word.querySelector("b").textContent = shown.check_word;
    code.hidden = word.hidden = false;
    said.className = "";
  }

  function trouble(text) {
    if (until <= now()) code.hidden = word.hidden = true;
    said.className = "away";
    said.textContent = text;
  }

  async function call(path, body) {
    const limit = new AbortController(), timer = setTimeout(() => limit.abort(), 8000);
    try {
      const answer = await fetch(`/api/v1/kiosk-pairings${path}`, { method: "POST", headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang }, body: JSON.stringify(body), signal: limit.signal, credentials: "omit" });
      const time = Date.parse(answer.headers.get("X-Server-Time"));
      if (time) ahead = time - Date.now();
      return { status: answer.status, wait: Number(answer.headers.get("Retry-After")), body: await answer.json() };
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask() {
    const secret = localStorage.getItem(SECRET);
    const answer = secret ? await call("/state", { secret }) : { status: 404 };
    if (answer.status === 200 && answer.body.kiosk_id) {
      const id = answer.body.kiosk_id;
      localStorage.setItem(`kiosk-key-${id}`, secret);
      localStorage.setItem(KIOSK, id);
      localStorage.removeItem(SECRET);
      return start(id);
    }
    if (answer.status === 200) return show(answer.body);
    if (answer.status === 404) {
      localStorage.removeItem(SECRET);
      const fresh = await call("", {});
      if (fresh.status === 201) {
        localStorage.setItem(SECRET, fresh.body.secret);
        return show(fresh.body);
      }
      return refused(fresh);
    }
    return refused(answer);
  }

  function refused(answer) {
    askAt = Date.now() + Math.max(answer.wait || 0, 5) * 1000;
    trouble(answer.status === 429 ? _("请求太多，稍后自动重试…") : _("暂时连不上服务，正在重新连接…"));
  }

  async function next() {
    asking = true;
    askAt = Date.now() + ASK_EVERY;
    try {
      await ask();
    } catch (error) {
      askAt = Date.now() + 3000 + Math.random() * 2000;
      trouble(_("暂时连不上服务，正在重新连接…"));
    }
    asking = false;
  }

  function tick() {
    const left = Math.ceil((until - now()) / 1000);
    if (until && left <= 0 && !code.hidden) {
      code.hidden = word.hidden = true;
      askAt = 0;
    }
    if (!said.className && left > 0) {
      said.textContent = _("{minutes} 分 {seconds} 秒后更换新码", { minutes: Math.floor(left / 60), seconds: left % 60 });
    }
    if (!asking && Date.now() >= askAt) next();
  }

  const known = localStorage.getItem(KIOSK);
  if (known && localStorage.getItem(`kiosk-key-${known}`)) {
    start(known); // as after a power cut
    return;
  }
  tick();
  setInterval(tick, 500);
  addEventListener("online", () => { askAt = 0; });
})();
