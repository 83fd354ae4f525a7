// The plan of an area under the finger, on a kiosk: what is free is chosen by a touch. As kiosk.js, only
// what Chromium 70 knows.
"use strict";

const kioskPlan = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const FINGER_PX = 60; // a seat is at least so wide at first,
  const WHOLE_PX = 44; // or so wide, where all of them then have room
  const draw = (tag, facts, ...parts) => {
    const one = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(facts)) one.setAttribute(name, value);
    one.append(...parts);
    return one;
  };
  const SIGNS = {
    occupied: [["circle", { cx: 20, cy: 11, r: 4.5 }], ["path", { d: "M12 23c.6-4.500 3.500-6.500 8-6.500s7.400 2 8 6.500z" }]],
    away: [["circle", { cx: 20, cy: 13, r: 8, class: "line" }], ["path", { d: "M20 8v5l3 2", class: "line" }]],
    disabled: [["path", { d: "M10 10l20 20M30 10l-20 20", class: "line" }]],
  };

  // The plan as an element; ``may`` tells which seats can be touched, and ``touched`` which one was.
  function plan(map, may, touched) {
    const box = document.createElement("div"), view = document.createElement("div"), tools = document.createElement("p");
    const svg = draw("svg", { viewBox: `0 0 ${map.width} ${map.height}`, role: "group", "aria-label": _("座位图") });
    let scale = 1, chosen = null;
    for (const mark of map.marks) svg.append(draw("rect", { x: mark.x, y: mark.y, width: mark.w, height: mark.h, rx: 4, class: `mark ${mark.kind}` }));
    for (const seat of map.seats) {
      const can = may(seat), one = draw("g", {
        class: `seat ${seat.status}${can ? " can" : ""}`, transform: `translate(${seat.x} ${seat.y})`, "data-no": seat.no,
        role: "button", "aria-label": _("{no} 号", { no: seat.no }), "aria-disabled": String(!can), "aria-pressed": "false",
      });
      const signs = (SIGNS[seat.status] || []).map(([tag, facts]) => draw(tag, facts));
      const narrow = seat.no.length > 4 ? { textLength: 36, lengthAdjust: "spacingAndGlyphs" } : {};
      one.append(draw("rect", { width: 40, height: 40, rx: 8 }), ...signs, draw("text", { x: 20, y: signs.length ? 33 : 21, ...narrow }, seat.no));
      if (seat.power) one.append(draw("path", { d: "M37 3l-4 5h2.500l-1 4 4.500-5.500h-2.500l1-3.500z", class: "tag" }));
      if (can) one.addEventListener("click", () => {
        if (chosen) chosen.setAttribute("aria-pressed", "false");
        chosen = one;
        one.setAttribute("aria-pressed", "true");
        touched(seat);
      });
      svg.append(one);
    }
    const whole = () => Math.min(view.clientWidth / map.width, view.clientHeight / map.height);
    function zoom(to) {
      const x = view.scrollLeft + view.clientWidth / 2, y = view.scrollTop + view.clientHeight / 2, old = scale;
      scale = Math.min(4, Math.max(whole(), to));
      svg.style.width = `${map.width * scale}px`;
      svg.style.height = `${map.height * scale}px`;
      view.scrollTo((x * scale) / old - view.clientWidth / 2, (y * scale) / old - view.clientHeight / 2);
    }
    for (const [sign, label, act] of [["＋", _("放大"), () => zoom(scale * 1.4)], ["－", _("缩小"), () => zoom(scale / 1.4)], [_("全图"), _("全图"), () => zoom(0)]]) {
      const button = document.createElement("button");
      button.textContent = sign;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", act);
      tools.append(button);
    }
    box.className = "plan";
    view.className = "view";
    tools.className = "tools";
    view.append(svg);
    box.append(view, tools);
    // Where the first seats are that can be had, once it has its place on the screen; whether all are seen.
    box.begin = () => {
      const all = whole() >= WHOLE_PX / 40;
      zoom(all ? whole() : FINGER_PX / 40);
      const first = map.seats.find(may);
      if (first) view.scrollTo(first.x * scale - 80, first.y * scale - 80);
      return all;
    };
    return box;
  }
  return plan;
})();
