// An invitation: sending it, and seeing who has accepted.
"use strict";

(() => {
  const EVERY_MS = 5000;
  const share = document.querySelector("[data-share]"), watched = document.querySelector("[data-watch]").dataset.watch;
  if (navigator.share && share) {
    share.hidden = false;
    share.addEventListener("click", () => {
      navigator.share({ title: share.dataset.title, url: share.dataset.share }).catch(() => { /* the reader thought better of it */ });
    });
  }
  let before = "";
  const ask = async () => {
    try {
      const answer = await fetch(watched);
      if (answer.ok) {
        const now = await answer.text();
        if (before && now !== before && !isBusy()) location.reload();
        before = before || now;
      }
    } catch { /* the next one may succeed */ }
  };
  ask();
  setInterval(() => document.hidden || ask(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
})();
