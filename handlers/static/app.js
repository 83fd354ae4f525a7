// What every page does: the clock on the server's time, countdowns, questions in a dialog, live numbers.
"use strict";

// What this browser keeps for the time without a network comes after the page is drawn: the worker with its page, and where
// the reader stays signed in, the pass, by a script of its own.
const device = document.querySelector("meta[name=pass]");
try {
  if (device) {
    const { session, worker } = device.dataset, { lang, dataset: { theme } } = document.documentElement, workers = navigator.serviceWorker;
    const load = () => document.head.append(Object.assign(document.createElement("script"), { src: device.content }));
    const toggle = document.querySelector("[data-offline]"), on = localStorage.getItem("offline") !== "off";
    localStorage.setItem("page", JSON.stringify({ lang, theme }));
    if (session) load();
    else indexedDB.deleteDatabase("pass");
    if (workers && worker && on) addEventListener("load", () => workers.register(worker, { updateViaCache: "all" }).catch(() => { /* the next page tries again */ }));
    if (workers && toggle) {
      toggle.hidden = false;
      toggle.querySelector("input").checked = on;
      toggle.addEventListener("change", (event) => {
        localStorage.setItem("offline", event.target.checked ? "on" : "off");
        if (event.target.checked) location.reload();
        else load();
      });
    }
  }
} catch (refused) { /* a browser that keeps nothing for any page */ }

const clock = document.querySelector("[data-now]");
const ahead = clock ? Number(clock.dataset.now) - Date.now() : 0;
const serverNow = () => Date.now() + ahead;
// A text with its facts. The service writes the text in the language of the page.
const _ = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (place, name) => (name in facts ? facts[name] : place));
const weekday = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "short", timeZone: "UTC" });
// The library's offset from UTC: now, then the next clock changes, each with the offset after it.
const offsetAt = (at) => clock.dataset.ahead.split(" ").map(Number).reduce((offset, n, i, all) => (i % 2 || all[i - 1] > at ? offset : n));
const two = (n) => String(n).padStart(2, "0");
const spell = (ms) => {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
};
// As one says it: 1 小时 12 分, 12 分钟, 40 秒.
const inWords = (ms) => {
  const s = Math.max(0, Math.ceil(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? _("{h} 小时 {m} 分", { h, m }) : m ? _("{m} 分钟", { m }) : _("{s} 秒", { s });
};
const AT_OPENING_MS = 1000;
let due = 0;
// Nobody's words and no open question are lost to a page that renews itself.
function isBusy() {
  const at = document.activeElement;
  return Boolean(document.querySelector("dialog[open]") || (at?.matches("input, textarea, select") && at.value));
}
// What the time was for has happened, or will in a moment: show how it stands, once for each time.
function renewOnce(until) {
  if (due || isBusy() || sessionStorage.getItem("renewed") === until) return;
  sessionStorage.setItem("renewed", until);
  due = setTimeout(() => location.reload(), 3000 + Math.random() * 3000);
}

function tick() {
  const now = serverNow();
  if (clock) {
    const at = new Date(now + offsetAt(now));
    clock.querySelector(".day").textContent = `${at.toISOString().slice(0, 10)} ${weekday.format(at)}`;
    clock.querySelector("b").textContent = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  }
  for (const one of document.querySelectorAll("[data-until]")) {
    const left = one.dataset.until - now;
    one.textContent = one.dataset.with ? one.dataset.with.replace("{}", inWords(left)) : _("，还剩 {left}", { left: spell(left) });
    if (left < 0 && one.closest(".pass")) renewOnce(one.dataset.until);
  }
  for (const ring of document.querySelectorAll("[data-since]")) {
    const { since, untilRing } = ring.dataset, left = Math.max(0, untilRing - now), minutes = Math.floor(Math.ceil(left / 1000) / 60);
    ring.querySelector(".rest").setAttribute("stroke-dasharray", `${Math.min(100, (100 * left) / (untilRing - since))} 200`);
    ring.querySelector("text").textContent = `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  }
  // An hour that has begun is not foretold any more.
  for (const one of document.querySelectorAll("[data-before]")) one.hidden = one.dataset.before < now;
  for (const one of document.querySelectorAll("[data-opens]")) {
    const left = one.dataset.opens - now;
    if (left > 0 && left <= 600e3) one.textContent = _("{left} 后开放", { left: spell(left) });
  }
  for (const one of document.querySelectorAll("[data-countdown]")) {
    const left = one.dataset.countdown - now;
    if (left > 0) one.textContent = _("，还有 {left}", { left: spell(left) });
    // Everybody's page would come back in the same moment.
    else due ||= setTimeout(() => location.reload(), Math.random() * AT_OPENING_MS);
  }
}
tick();
setInterval(tick, 1000);

// --- questions ----------------------------------------------------------------------------------

const sheet = document.querySelector("dialog.sheet");
let opener = null;
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !sheet) return;
  if (link.dataset.close !== undefined && sheet.contains(link)) {
    event.preventDefault();
    sheet.close();
  } else if (link.dataset.dialog !== undefined) {
    event.preventDefault();
    opener = link;
    try {
      const answer = await fetch(link.href, { headers: { "X-Fragment": "1" } });
      if (answer.redirected || !answer.ok) throw new Error(answer.status);
      sheet.innerHTML = await answer.text();
      const title = sheet.querySelector("h1, h2");
      if (title) {
        title.id ||= "question";
        sheet.setAttribute("aria-labelledby", title.id);
      }
      sheet.showModal();
    } catch {
      location.href = link.href;
    }
  }
});
sheet?.addEventListener("close", () => opener?.focus());

// A form goes once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
  // Who stopped a slow page may try again.
  setTimeout(() => {
    delete event.target.dataset.sent;
    event.submitter?.removeAttribute("aria-disabled");
  }, 8000);
  event.submitter?.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// --- the activation code --------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = _("已复制");
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
const waiting = document.querySelector("[data-waits]");
if (waiting) {
  const until = Number(waiting.querySelector("[data-until]").dataset.until);
  const ask = async () => {
    try {
      const answer = await fetch("/activation/state", { headers: { "X-Fragment": "1" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok) {
        const { bound, request } = await answer.json();
        if (bound || request !== waiting.dataset.waits) return location.reload();
      }
      if (serverNow() > until) return location.reload();
    } catch { /* the next one may succeed */ }
    return setTimeout(ask, 2000);
  };
  setTimeout(ask, 2000);
}

// --- from when to when: what is chosen counts at once ----------------------------------------------

for (const form of document.querySelectorAll("form[data-auto]")) {
  form.classList.add("auto");
  form.addEventListener("change", () => {
    const start = form.elements.namedItem("start").value, end = form.elements.namedItem("end");
    form.querySelector(".sentence").classList.toggle("all-day", !start);
    if (start && start !== "now" && !end.value) return end.focus(); // a time needs both
    return form.requestSubmit ? form.requestSubmit() : form.submit();
  });
}

// --- free seats by area ---------------------------------------------------------------------------

const floors = document.querySelector("[data-live]");
if (floors) {
  // On a phone one floor is seen at a time.
  const links = [...floors.querySelectorAll(".segments a")];
  const see = (link) => {
    for (const one of links) {
      const chosen = one === link;
      if (chosen) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
      document.querySelector(one.hash).classList.toggle("chosen", chosen);
    }
    sessionStorage.setItem("floor", link.hash);
  };
  for (const link of links) link.addEventListener("click", (event) => { event.preventDefault(); see(link); });
  if (links.length) see(links.find((one) => one.hash === sessionStorage.getItem("floor")) || links[0]);
  const narrow = matchMedia("(max-width: 899px)");
  const fold = () => floors.classList.toggle("switched", links.length > 0 && narrow.matches);
  fold();
  narrow.addListener(fold);
  const again = () => setTimeout(ask, 15000 + (Math.random() - 0.5) * 6000);
  const ask = async () => {
    try {
      const answer = await fetch(floors.dataset.live);
      // Signed out, or the day is over.
      if (answer.status === 401 || answer.status === 422) return location.reload();
      if (answer.ok) {
        for (const area of (await answer.json()).items) {
          const tile = floors.querySelector(`[data-area="${area.id}"]`);
          if (!tile) continue;
          tile.querySelector(".n").textContent = area.seats_free;
          tile.querySelector("[pathLength]")?.setAttribute("stroke-dasharray", `${area.seats_free / (area.seats_total || 1)} 1`);
          tile.classList.toggle("full", !area.seats_free);
          tile.classList.toggle("few", area.seats_free > 0 && area.seats_free < floors.dataset.few * area.seats_total);
        }
      }
    } catch { /* the numbers stay; the next one may succeed */ }
    return again();
  };
  again();
}

// --- messages that were not read ------------------------------------------------------------------

const marked = document.querySelectorAll("[data-unread]");
if (marked.length && location.pathname !== "/notices") { // that page says it itself
  fetch("/api/v1/messages?unread=true&page_size=1").then((answer) => answer.json()).then(({ total }) => {
    for (const link of total ? marked : []) {
      const badge = document.createElement("span");
      badge.className = "badge";
      badge.textContent = total > 99 ? "99+" : total;
      link.append(badge);
      link.setAttribute("aria-label", _("{page}，{total} 条未读", { page: link.getAttribute("aria-label"), total }));
    }
  }).catch(() => { /* the mark is missing; the messages are not */ });
}

// Where WeChat cannot draw its code now, the words beside it say how to find the mini-program.
for (const picture of document.querySelectorAll(".mini-code img")) {
  const gone = () => { picture.hidden = true; };
  if (picture.complete && !picture.naturalWidth) gone();
  picture.addEventListener("error", gone);
}

// The console's menu is longer than a low screen: the present page comes into view.
const entry = document.querySelector(".sections [aria-current]");
if (entry) entry.closest(".sections").scrollTop = entry.offsetTop - 500;
