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
  const SEAT = 40; // units of the plan; a desk is as deep as this, half of it or twice
  const ICONS = { larger: "M12 5v14M5 12h14", smaller: "M5 12h14" };

  // Where rows of seats face each other, a desk stands between them: first between long rows that are near; a seat
  // has one desk. Gives the desks, and for each seat which way its back is turned, in degrees.
  function desksOf(seats) {
    const rows = [], desks = [], backs = new Map();
    for (const [along, across] of [["x", "y"], ["y", "x"]]) {
      const pairs = [];
      for (const one of seats) {
        const behind = seats.filter((seat) => Math.abs(seat[along] - one[along]) < SEAT / 2 && seat[across] > one[across]);
        const other = behind.sort((a, b) => a[across] - b[across])[0], depth = other && other[across] - one[across] - SEAT;
        if (depth >= SEAT * 0.4 && depth <= SEAT * 2.4) pairs.push({ one, other, depth, along, across });
      }
      pairs.sort((a, b) => a.one[across] - b.one[across] || a.depth - b.depth || a.one[along] - b.one[along]);
      let row = null, last = null;
      for (const pair of pairs) {
        if (!last || pair.one[across] !== last.one[across] || pair.depth !== last.depth || pair.one[along] - last.one[along] > SEAT * 1.7) rows.push(row = []);
        row.push(last = pair);
      }
    }
    rows.sort((a, b) => b.length / b[0].depth - a.length / a[0].depth);
    for (const row of rows) {
      const free = row.filter(({ one, other }) => !backs.has(one) && !backs.has(other));
      if (free.length < 2) continue; // two seats beside each other, as likely
      const { one, depth, along, across } = free[0], end = free[free.length - 1].one, gap = depth > SEAT ? 8 : 4;
      const length = end[along] - one[along] + SEAT, [x, y] = along === "x" ? [one.x, one.y + SEAT + gap] : [one.x + SEAT + gap, one.y];
      desks.push(along === "x" ? { x, y, width: length, height: depth - 2 * gap } : { x, y, width: depth - 2 * gap, height: length });
      for (const { one: near, other } of free) {
        backs.set(near, across === "y" ? 0 : 270);
        backs.set(other, across === "y" ? 180 : 90);
      }
    }
    return { desks, backs };
  }

  // A seat's name in one line, or a long one in two.
  function numbered(no) {
    const lines = no.length > 8 ? [no.slice(0, Math.ceil(no.length / 2)), no.slice(Math.ceil(no.length / 2))] : [no];
    return lines.map((line, at) => {
      const narrow = line.length > 4 ? { textLength: 34, lengthAdjust: "spacingAndGlyphs" } : {}, long = lines.length > 1 ? { class: "long" } : {};
      return draw("text", { x: 20, y: lines.length > 1 ? 15 + 10 * at : 20, ...narrow, ...long }, line);
    });
  }

  // The plan as an element; ``may`` tells which seats can be touched, and ``touched`` which one was.
  function plan(map, may, touched) {
    const box = document.createElement("div"), view = document.createElement("div"), tools = document.createElement("p");
    const svg = draw("svg", { viewBox: `0 0 ${map.width} ${map.height}`, role: "group", "aria-label": _("座位图") });
    let scale = 1, chosen = null;
    for (const mark of map.marks) svg.append(draw("rect", { x: mark.x, y: mark.y, width: mark.w, height: mark.h, rx: 4, class: `mark ${mark.kind}` }));
    const { desks, backs } = desksOf(map.seats);
    for (const desk of desks) svg.append(draw("rect", { ...desk, rx: 6, class: "desk" }));
    for (const seat of map.seats) {
      const can = may(seat), one = draw("g", {
        class: `seat ${seat.status}${can ? " can" : ""}`, transform: `translate(${seat.x} ${seat.y})`, "data-no": seat.no,
        role: "button", "aria-label": _("{no} 号", { no: seat.no }), "aria-disabled": String(!can), "aria-pressed": "false",
      });
      const turned = backs.get(seat), back = turned === undefined ? [] : [draw("path", { d: "M5 2h30", class: "back" })], top = back.length && 6;
      one.append(
        draw("rect", { width: SEAT, height: SEAT, rx: 9, class: "hit" }),
        draw("g", { transform: `rotate(${turned || 0} 20 20)` }, ...back, draw("rect", { y: top, width: SEAT, height: SEAT - top, rx: 9, class: "body" })),
        draw("g", { transform: `rotate(${turned || 0} 20 20) translate(0 ${top / 2}) rotate(${-turned || 0} 20 20)` }, ...numbered(seat.no)),
      );
      if (seat.power) one.append(draw("path", { d: "M35 27l-4 5h2.500l-1 4 4.500-5.500h-2.500l1-3.500z", class: "tag" }));
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
    for (const [icon, label, act] of [[ICONS.larger, _("放大"), () => zoom(scale * 1.4)], [ICONS.smaller, _("缩小"), () => zoom(scale / 1.4)], ["", _("全图"), () => zoom(0)]]) {
      const button = document.createElement("button");
      button.append(icon ? draw("svg", { viewBox: "0 0 24 24" }, draw("path", { d: icon })) : label);
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
