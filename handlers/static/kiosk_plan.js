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
  const ICONS = { larger: "M12 5v14M5 12h14", smaller: "M5 12h14" };
  const TURNED = { d: 0, l: 90, u: 180, r: 270 }; // degrees: a seat's back is away from its desk

  // A seat's name in one line, or a long one in two.
  function numbered(no) {
    const lines = no.length > 8 ? [no.slice(0, Math.ceil(no.length / 2)), no.slice(Math.ceil(no.length / 2))] : [no];
    return lines.map((line, at) => {
      const narrow = line.length > 4 ? { textLength: 34, lengthAdjust: "spacingAndGlyphs" } : {}, long = lines.length > 1 ? { class: "long" } : {};
      return draw("text", { x: 20, y: lines.length > 1 ? 15 + 10 * at : 20, ...narrow, ...long }, line);
    });
  }

  // A study room with its name in the lines that fit, and its state; it is only looked at.
  const WORDS = JSON.parse(document.body.dataset.roomWords);
  function roomOf({ x, y, w, h, name, names, status }) {
    const place = { x, y, width: w, height: h }, text = make("div"), title = make("b", nameIn(name, names));
    title.style.webkitLineClamp = Math.max(1, Math.floor((h - 8) / 16) - 1);
    text.append(title, WORDS[status] || "");
    return draw("g", { class: `room ${status || ""}` }, draw("rect", { ...place, rx: 6 }), draw("foreignObject", place, text));
  }

  // The plan as an element; ``may`` tells which seats can be touched, and ``touched`` which one was.
  function plan(map, may, touched) {
    const box = document.createElement("div"), view = document.createElement("div"), tools = document.createElement("p");
    const svg = draw("svg", { viewBox: `0 0 ${map.width} ${map.height}`, role: "group", "aria-label": _("座位图") });
    let scale = 1, chosen = null;
    for (const mark of map.marks) svg.append(draw("rect", { x: mark.x, y: mark.y, width: mark.w, height: mark.h, rx: 4, class: `mark ${mark.kind}` }));
    for (const desk of map.desks) svg.append(draw("rect", { x: desk.x, y: desk.y, width: desk.w, height: desk.h, rx: 5, class: "desk" }));
    svg.append(...(map.rooms || []).map(roomOf));
    map.seats.forEach((seat, n) => {
      const can = may(seat), one = draw("g", {
        class: `seat ${seat.status}${can ? " can" : ""}`, transform: `translate(${seat.x} ${seat.y})`, "data-no": seat.no,
        role: "button", "aria-label": seatNo(seat.no), "aria-disabled": String(!can), "aria-pressed": "false",
      });
      one.append(
        draw("rect", { width: 40, height: 40, rx: 9, class: "hit" }),
        draw("g", { transform: `rotate(${TURNED[map.faces[n]]} 20 20)` }, draw("path", { d: "M6 2h28", class: "back" }), draw("rect", { y: 5, width: 40, height: 30, rx: 9, class: "body" })),
        ...numbered(seat.no),
      );
      if (seat.power) one.append(draw("path", { d: "M35 27l-4 5h2.500l-1 4 4.500-5.500h-2.500l1-3.500z", class: "tag" }));
      if (can) one.addEventListener("click", () => {
        if (chosen) chosen.setAttribute("aria-pressed", "false");
        chosen = one;
        one.setAttribute("aria-pressed", "true");
        touched(seat);
      });
      svg.append(one);
    });
    const whole = () => Math.min(view.clientWidth / map.width, view.clientHeight / map.height);
    function zoom(to) {
      const x = view.scrollLeft + view.clientWidth / 2, y = view.scrollTop + view.clientHeight / 2, old = scale;
      scale = Math.min(4, Math.max(whole(), to));
      svg.style.width = `${map.width * scale}px`;
      svg.style.height = `${map.height * scale}px`;
      if (scale === whole()) view.scrollTo(0, 0);
      else view.scrollTo((x * scale) / old - view.clientWidth / 2, (y * scale) / old - view.clientHeight / 2);
    }
    for (const [icon, label, act] of [[ICONS.larger, _("放大"), () => zoom(scale * 1.4)], [ICONS.smaller, _("缩小"), () => zoom(scale / 1.4)], ["", _("全图"), () => zoom(0)]]) {
      const button = document.createElement("button");
      button.append(icon ? draw("svg", { viewBox: "0 0 24 24" }, draw("path", { d: icon })) : label);
      button.setAttribute("aria-label", label);
      button.addEventListener("click", act);
      tools.append(button);
    }
    box.className = "plan";
    view.className = "view";
    view.tabIndex = 0;
    tools.className = "tools";
    view.append(svg);
    box.append(view, tools);
    // Where the first seats are that can be had, once it has its place on the screen; whether all are seen.
    box.begin = () => {
      const all = whole() >= WHOLE_PX / 40;
      zoom(all ? whole() : FINGER_PX / 40);
      const first = map.seats.find(may);
      if (first && !all) view.scrollTo(first.x * scale - 80, first.y * scale - 80);
      return all;
    };
    return box;
  }
  return plan;
})();
