// A seat kiosk with a card reader that types: who touches it with a card chooses a seat, checks in,
// returns, leaves, finishes. Signs out after half a minute without a touch.
"use strict";

(() => {
  const kiosk = document.body.dataset.kiosk, box = document.getElementById("touch"), languages = document.getElementById("languages");
  const key = () => localStorage.getItem(`kiosk-key-${kiosk}`) || "";
  const clock = (text) => text.slice(11, 16);
  let token = "", until = 0, idleS = 30, left = null, name = "";

  async function call(method, path, body) {
    const headers = { "Content-Type": "application/json", "X-Kiosk-Key": key(), "Accept-Language": document.documentElement.lang };
    if (token) headers.Authorization = `Bearer ${token}`;
    const limit = new AbortController(), timer = setTimeout(() => limit.abort(), 8000);
    try {
      const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal: limit.signal, credentials: "omit" })
        .catch(() => { throw new Error(_("暂时连不上服务，请稍后再试，或到服务台办理")); });
      const said = answer.status === 204 ? {} : await answer.json();
      if (!answer.ok) throw Object.assign(new Error(said.error ? said.error.message : _("请稍后再试")), { status: answer.status });
      return said;
    } finally {
      clearTimeout(timer);
    }
  }

  function show(title, ...parts) {
    const head = make("header"), quit = make("button", _("退出"));
    quit.addEventListener("click", () => {
      out();
      document.dispatchEvent(new Event("gone"));
    });
    left = make("span", "", "soft");
    box.textContent = "";
    head.append(make("b", name), left, languages, quit);
    box.className = "";
    box.append(head, title instanceof Node ? title : make("h1", title), ...parts);
    box.hidden = false;
    stay();
  }
  function stay() { until = Date.now() + idleS * 1000; }
  function out() {
    if (token) call("DELETE", "/sessions/current").catch(() => {});
    token = name = "";
    document.body.append(languages);
    box.hidden = true;
    box.textContent = "";
  }
  setInterval(() => {
    if (box.hidden) return;
    const s = Math.ceil((until - Date.now()) / 1000);
    if (s <= 0) out();
    else if (left) left.textContent = _("{s} 秒后退出", { s });
  }, 250);
  box.addEventListener("pointerdown", stay);

  function button(text, act, className = "") {
    const one = make("button", text, className);
    one.addEventListener("click", async () => {
      for (const other of box.querySelectorAll("button:not([data-language])")) other.disabled = true;
      try { await act(); } catch (error) {
        if (error.status === 401) return out();
        problem(error.message);
      }
      return undefined;
    });
    return one;
  }
  function problem(text) {
    say(_("没有完成"), make("p", text), choices("two", button(_("返回"), () => home(), "strong"), button(_("退出"), out)));
  }
  function done(text) {
    say(text, choices("two", button(_("继续"), () => home(), "strong"), button(_("退出"), out)));
    box.classList.add("done");
  }
  function choices(kind, ...buttons) {
    const row = make("div", "", `choices ${kind}`);
    row.append(...buttons);
    return row;
  }
  // A sentence and its answers, where the eye and the hand are.
  function say(...parts) {
    show(...parts);
    box.className = "says";
  }

  async function home(known) {
    const active = known || (await call("GET", "/me")).active;
    const now = active.find((r) => r.state === "in_use" || r.state === "away") || active[0];
    if (!now) return areas();
    const perform = async (verb, text) => {
      if (verb === "check-in") await call("POST", `/kiosks/${kiosk}/check-in`, { reservation_id: now.id });
      else await call("POST", `/reservations/${now.id}/${verb}`);
      done(_("{text}成功", { text }));
    };
    const act = (verb, text) => button(text, () => perform(verb, text));
    // What cannot be undone is asked first; the safe answer comes first and has the focus.
    const ask = (verb, text, question, stay_) => button(text, () => {
      const no = button(stay_, () => home(), "strong"), about = make("p", `${nameIn(now.seat.label, now.seat.labels)} · `, "soft");
      about.append(make("span", `${clock(now.start)}–${clock(now.end)}`, "whole"));
      say(question, about,
        choices("two", no, button(text, () => perform(verb, text), "bad")));
      no.focus();
    });
    const can = [], also = [];
    if (now.actions.includes("check_in")) can.push(act("check-in", _("签到")));
    if (now.presence_wanted) can.push(act("check-in", _("确认在座")));
    if (now.actions.includes("return")) can.push(act("check-in", _("返回")));
    if (now.actions.includes("leave")) can.push(act("leave", _("暂离")));
    if (now.actions.includes("extend")) can.push(button(_("续约"), () => longer(now)));
    else if (now.state === "in_use") {
      const early = make("button", _("续约"));
      early.append(make("small", _("快结束时才能续约")));
      early.disabled = true;
      can.push(early);
    }
    if (now.actions.includes("finish")) can.push(ask("finish", _("结束"), _("确认结束使用吗？座位马上归还"), _("继续使用")));
    if (now.actions.includes("cancel")) can.push(ask("cancel", _("取消预约"), _("确认取消预约吗？座位马上开放"), _("保留预约")));
    if (now.actions.includes("report")) also.push(button(_("座位被占"), () => taken(now)));
    if (now.state === "in_use") also.push(button(_("反映座位无人"), () => empty(now)));
    can[0] && can[0].classList.add("strong");
    const pass = make("div", "", `pass ${now.state}`);
    const until_ = now.state === "away" ? _("请在 {clock} 前返回", { clock: clock(now.return_by) }) : now.state === "in_use" ? _("可用到 {clock}", { clock: clock(now.end) }) : `${clock(now.start)}–${clock(now.end)}`;
    pass.append(make("h1", seatNo(now.seat.no)), make("p", nameIn(now.seat.label, now.seat.labels)), make("p", until_, "big"), make("p", now.state_text));
    show(pass, choices("large", ...can), choices("", ...also));
    box.className = "use";
    return undefined;
  }
  async function longer(now) {
    const found = (await call("GET", `/reservations/${now.id}/extensions`)).ends;
    const ends = found.map((end) => button(_("到 {end}", { end: end.label }), async () => {
      await call("POST", `/reservations/${now.id}/extend`, { end: end.value });
      done(_("续约成功"));
    }));
    say(found.length ? _("续约到") : _("后面的时间已有预约或已到上限"), choices("", ...ends), choices("two", button(_("返回"), () => home())));
  }

  // The card shows that the reader is there: no deadline runs, and another seat is theirs.
  async function taken(now) {
    const told = await call("POST", `/reservations/${now.id}/report`, { kind: "occupied" });
    const near = told.deadline_stopped ? told.nearest : [];
    const seats = near.map((seat) => button(seatNo(seat.no), async () => {
      await call("POST", `/reservations/${now.id}/change`, { seat_id: seat.id });
      done(_("已换到 {seat}", { seat: nameIn(seat.label, seat.labels) }));
    }));
    say(_("已告诉图书馆"), make("p", near.length ? _("可以换到附近的空位") : _("请到服务台选座")), choices("", ...seats), choices("two", button(_("返回"), () => home())));
  }
  async function empty(now) {
    const map = await call("GET", `/areas/${now.seat.area_id}/map`), foot = make("div", "", "foot");
    choose(_("哪个座位没有人？"), map, (one) => one.status === "occupied", foot, (seat) => {
      foot.textContent = "";
      foot.append(make("b", seatNo(seat.no)), button(_("反映无人"), async () => {
        const { asked } = await call("POST", `/seats/${seat.id}/report`);
        done(asked ? _("已请该座位的读者确认") : _("今天已经请该读者确认过"));
      }, "strong"));
    }, () => home());
  }
  // The plan with what was touched below it, or beside it.
  function choose(title, map, may, foot, touched, back) {
    const plan = kioskPlan(map, may, touched), side = make("div", "", "side"), both = make("div", "", "seat-plan");
    const hint = make("span", _("请点图上的座位"), "soft");
    foot.append(hint);
    side.append(foot, button(_("返回"), back));
    both.append(plan, side);
    show(title, both);
    if (!plan.begin()) hint.textContent = _("请点图上的座位，拖动看其他座位");
  }

  async function areas() {
    const found = (await call("GET", `/areas?venue=${document.body.dataset.venue}`)).items, floors = make("div", "", "floors");
    for (const floor of new Set(found.map(floorOf))) {
      const row = make("div", "", "floor");
      row.append(make("h2", floor), choices("areas", ...found.filter((one) => floorOf(one) === floor).map((area) => {
        const one = button(nameIn(area.name, area.names), () => seats(area));
        one.append(make("small", area.seats_free ? _("空 {seats_free}", { seats_free: area.seats_free }) : noneIn(area)));
        one.disabled = !area.seats_free;
        return one;
      })));
      floors.append(row);
    }
    floors.style.maxHeight = `${11 * floors.children.length}rem`;
    show(_("选区域"), floors);
    keepWords([...floors.querySelectorAll("h2, button")], 12);
  }
  async function seats(area) {
    const map = await call("GET", `/areas/${area.id}/map`), foot = make("div", "", "foot");
    const free = map.seats.filter((seat) => seat.status === "free").length;
    let asked = 0;
    choose(_("{name} · 空 {free}", { name: nameIn(area.name, area.names), free }), map, (seat) => seat.status === "free", foot, async (seat) => {
      const mine = ++asked;
      const [{ ends }, { features = [] }] = await Promise.all([
        call("GET", `/seats/${seat.id}/times?start=now`).catch(() => ({ ends: [] })),
        seat.features ? call("GET", "/venues").catch(() => ({})) : {},
      ]);
      if (mine !== asked) return;
      const row = make("div", "", "choices ends"), usual = ends[Math.min(1, ends.length - 1)];
      let end = usual;
      for (const one of ends) {
        const chip = make("button", _("到 {end}", { end: one.label }));
        chip.setAttribute("aria-pressed", String(one === end));
        chip.addEventListener("click", () => {
          end = one;
          for (const other of row.children) other.setAttribute("aria-pressed", String(other === chip));
        });
        row.append(chip);
      }
      const has = [seat.power && _("电源"), seat.window && _("靠窗"), seat.computer && _("电脑")].filter(Boolean);
      const language = document.documentElement.lang.slice(0, 2);
      for (const { id, names } of features) if (seat.features.includes(id)) has.push(names[language] || names.zh);
      foot.textContent = "";
      foot.append(make("b", seatNo(seat.no)), make("span", has.join(" · "), "soft"));
      if (usual) foot.append(row, button(_("坐这里"), () => book(seat, end.value), "strong"));
      else foot.append(make("p", _("现在不能坐，请换一个座位")));
    }, areas);
  }
  // The library's offset from UTC: now, then the next clock changes, each with the offset after it.
  const offsetAt = (at) => document.body.dataset.ahead.split(" ").map(Number).reduce((offset, n, i, all) => (i % 2 || all[i - 1] > at ? offset : n));
  async function book(seat, end) {
    const now = Date.now() + Number(document.body.dataset.now) - loaded;
    const today = new Date(now + offsetAt(now)).toISOString().slice(0, 10);
    const made = await call("POST", "/reservations", { seat_id: seat.id, date: today, start: "now", end });
    await call("POST", `/kiosks/${kiosk}/check-in`, { reservation_id: made.id });
    done(_("已入座 {seat}", { seat: nameIn(made.seat.label, made.seat.labels) }));
  }
  const loaded = Date.now();

  // The session goes on in the other language.
  document.addEventListener("speak", () => {
    if (token) sessionStorage.setItem("touch", JSON.stringify([token, idleS, name]));
  });
  const kept = JSON.parse(sessionStorage.getItem("touch"));
  sessionStorage.removeItem("touch");
  if (kept) {
    [token, idleS, name] = kept;
    home().catch(out);
  }

  // The reader types the number and presses Enter, faster than anybody could.
  let typed = "", last = 0;
  document.addEventListener("keydown", async (event) => {
    if (event.timeStamp - last > 500) typed = "";
    last = event.timeStamp;
    if (event.key !== "Enter") {
      if (/^[!-~]$/.test(event.key)) typed += event.key;
      return;
    }
    const card = typed;
    typed = "";
    if (card.length < 4 || !key()) return;
    event.preventDefault();
    out();
    try {
      const here = await call("POST", `/kiosks/${kiosk}/touch`, { card });
      [token, idleS, name] = [here.token, here.idle_seconds, here.reader.name];
      await home(here.active);
    } catch (error) {
      name = "";
      say(_("没有完成"), make("p", error.message), choices("two", button(_("关闭"), out)));
    }
  });
})();
