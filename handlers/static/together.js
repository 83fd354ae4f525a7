// The invitation to seats held for friends: sending it, and seeing who has accepted.
"use strict";

(() => {
  const card = document.getElementById("together");
  const EVERY_MS = 5000;
  const share = card.querySelector("[data-share]");
  if (navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => {
      navigator.share({ title: share.dataset.title, url: share.dataset.share }).catch(() => { /* the reader thought better of it */ });
    });
  }
  let before = "";
  const ask = async () => {
    try {
      const answer = await fetch(card.dataset.party);
      if (answer.ok) {
        const now = JSON.stringify((await answer.json()).seats);
        if (before && now !== before && !isBusy()) location.reload();
        before = before || now;
      }
    } catch { /* the next one may succeed */ }
  };
  ask();
  setInterval(() => document.hidden || ask(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
})();
