// The reader's pass, kept in this browser for the time without a network where they stay signed in; its end together
// with the worker's where they have turned it off; and the worker's page, which shows it. Nothing is sent later.
"use strict";

(() => {
  const page = { ...document.querySelector("meta[name=pass]")?.dataset }; // the page without a network has none
  const online = "session" in page, root = document.documentElement, workers = navigator.serviceWorker;
  const erase = () => indexedDB.deleteDatabase("pass");

  // Puts what `next` makes of the pass in its place; without one nothing stays.
  function change(next) {
    const asked = indexedDB.open("pass");
    asked.onupgradeneeded = () => asked.result.createObjectStore("pass");
    asked.onsuccess = () => {
      const store = asked.result.transaction("pass", "readwrite").objectStore("pass"), before = store.get(0);
      before.onsuccess = () => {
        const pass = next(before.result);
        if (pass) store.put(pass, 0);
        asked.result.close();
        if (!pass) return erase();
        return setTimeout(() => (online ? erase() : location.reload()), pass.end - Date.now() - pass.ahead);
      };
    };
  }

  // The pass after this page: what it shows of the current reservation, or of one other.
  function after(kept) {
    const mine = kept && kept.session === page.session && kept.end > page.at ? kept : null;
    const given = page.pass ? JSON.parse(page.pass) : undefined;
    if (given === undefined) return mine;
    if (given && !given.current && mine && mine.id !== given.id && !(given.start < mine.start)) return mine;
    if (!given || !given.end) return given && mine && mine.id !== given.id ? mine : null;
    return { ...given, session: page.session, lang: root.lang, ahead: page.at - Date.now() };
  }

  function show(kept) {
    const pass = kept && kept.end > Date.now() + kept.ahead ? kept : null, words = [...document.querySelectorAll("main")];
    const { lang, theme } = JSON.parse(localStorage.getItem("page")) || {};
    const main = words.find((one) => one.lang === (pass ? pass.lang : lang)) || words[0];
    root.lang = main.lang;
    if (theme) root.dataset.theme = theme;
    document.title = main.dataset.title;
    main.hidden = false;
    for (const one of main.querySelectorAll("[data-with]")) one.hidden = (one.dataset.with === "pass") !== Boolean(pass);
    if (!pass) return null;
    main.querySelector(".pass").classList.add(pass.state);
    for (const one of main.querySelectorAll("[data-fact]")) one.textContent = pass[one.dataset.fact];
    return pass;
  }

  // What the worker keeps goes with it.
  async function turnOff() {
    for (const worker of await workers.getRegistrations()) worker.unregister();
    for (const name of await caches.keys()) caches.delete(name);
  }

  try {
    if (!online) {
      addEventListener("online", () => location.reload());
      return change(show);
    }
    if (workers && localStorage.getItem("offline") === "off") turnOff();
    else if (workers && page.session) return change(after);
    erase();
  } catch (refused) { /* a browser that keeps nothing for any page */ }
  return undefined;
})();
