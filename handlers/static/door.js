// The screen at a room's door. What it shows ends at a known time: without the service it says no longer
// than that, and for ten minutes at most, whether the room is free.
"use strict";

(() => {
  const STALE = 600e3, LATE = 60e3;
  const until = () => Number(document.querySelector(".state").dataset.until);
  keepBoard(() => {}, (old, now) => old >= STALE || (old >= LATE && until() > 0 && now >= until()));
})();
