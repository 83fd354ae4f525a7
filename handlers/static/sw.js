// The worker: where a reader's page cannot be loaded for want of a network, it gives the one page that it keeps.
// The service writes PAGE, the path of that page, before this. No other page and no answer is ever kept here.
"use strict";

const NO_PAGE_OF_READERS = /^\/(api|calendar|console|display|docs|kiosk|sandbox|static)(\/|$)|\.\w+$/;

addEventListener("install", (event) => {
  skipWaiting();
  // All else that pages ask for goes to the network as if there were no worker, where the browser can be told so.
  for (const requestMode of event.addRoutes ? ["cors", "no-cors", "same-origin"] : []) {
    event.addRoutes({ condition: { requestMode }, source: "network" }).catch(() => { /* then the listener below */ });
  }
  event.waitUntil(caches.open(PAGE).then((cache) => cache.add(PAGE)));
});

addEventListener("activate", (event) => {
  const older = caches.keys().then((names) => Promise.all(names.filter((name) => name !== PAGE).map((name) => caches.delete(name))));
  // The request for a page leaves at once, while the worker still starts.
  const early = registration.navigationPreload && registration.navigationPreload.enable();
  event.waitUntil(Promise.all([older, early]));
});

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (mode !== "navigate") return;
  const { pathname } = new URL(url);
  // Signing out, and a session that has ended: nothing of it stays here.
  if (pathname === "/login" || (method === "POST" && pathname === "/logout")) event.waitUntil(erased());
  if (method === "GET") event.respondWith(answer(event, pathname));
});

async function answer(event, pathname) {
  try {
    return (await event.preloadResponse) || (await fetch(event.request));
  } catch (lost) {
    const page = NO_PAGE_OF_READERS.test(pathname) ? null : await caches.match(PAGE);
    if (!page) throw lost;
    return page;
  }
}

const erased = () => new Promise((done) => {
  const asked = indexedDB.deleteDatabase("pass");
  asked.onsuccess = asked.onerror = done;
});
