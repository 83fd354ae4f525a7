// The plan of wishes begins where the first seat is that can be chosen, unless the address names one.
"use strict";
const view = document.querySelector(".whole-plan"), seat = view.querySelector("a");
if (seat && !location.hash) {
  const a = seat.getBoundingClientRect(), b = view.getBoundingClientRect();
  view.scrollTo(a.left - b.left - (b.width - a.width) / 2, a.top - b.top - (b.height - a.height) / 2);
}
