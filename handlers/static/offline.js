// The reader's pass, kept in this browser for the time without a network where they stay signed in; and the worker, whose
// page shows it by this script too. Nothing is sent later.
"use strict";

(() => {
  const page = { ...document.querySelector("meta[name=pass]")?.dataset }; // the page without a network has none
  const online = "session" in page, root = document.documentElement, workers = navigator.serviceWorker;
  const toggle = document.querySelector("[data-offline]");
  const isOff = () => localStorage.getItem("offline") === "off";
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

  const register = () => workers.register(page.worker, { updateViaCache: "all" }).catch(() => { /* the next page tries again */ });
  async function turn(on) {
    localStorage.setItem("offline", on ? "on" : "off");
    if (on) return register();
    erase();
    await Promise.all((await workers.getRegistrations()).map((one) => one.unregister()));
    return Promise.all((await caches.keys()).map((name) => caches.delete(name)));
  }

  try {
    if (!online) {
      addEventListener("online", () => location.reload());
      return change(show);
    }
    localStorage.setItem("page", JSON.stringify({ lang: root.lang, theme: root.dataset.theme }));
    if (!workers || !page.session || isOff()) erase();
    else change(after);
    if (workers && page.worker && !isOff()) addEventListener("load", register);
    if (workers && toggle) {
      toggle.hidden = false;
      toggle.querySelector("input").checked = !isOff();
      toggle.addEventListener("change", (event) => turn(event.target.checked));
    }
  } catch (refused) { /* a browser that keeps nothing for any page */ }
  return undefined;
})();
