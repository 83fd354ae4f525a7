// The panel of a seat: its day as a bar with two handles, and a booking that is asked for until it is answered.
"use strict";

(() => {
  const panel = document.getElementById("panel");
  const LEAST_TEXT_PX = 116; // narrower, its length would be cut off
  const DAY_MIN = 1440;
  const TRIES = 3;
  const made = (tag, className, text = "") => {
    const one = document.createElement(tag);
    one.className = className;
    one.textContent = text;
    return one;
  };
  const lasts = (minutes) => {
    const h = Math.floor(minutes / 60), m = minutes % 60;
    return [h ? _("{hours} 小时", { hours: h }) : "", m ? _("{m} 分", { m }) : ""].filter(Boolean).join(" ");
  };
  const nearest = (choices, at) => choices.reduce(
    (best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best));

  panel.addEventListener("shown", enhance);
  enhance();

  function enhance() {
    const form = panel.querySelector("form.booking[data-times]");
    if (!form) return;
    const times = JSON.parse(form.dataset.times);
    const field = (name) => form.elements.namedItem(name);
    // The chosen day, and as long after it as somebody may stay: a house that never closes has hours without an end.
    const from = Math.max(0, Math.min(...times.hours.map(([begin]) => begin)));
    const to = Math.min(DAY_MIN + times.longest, Math.max(...times.hours.map(([, end]) => end)));
    let start = times.starts.find((one) => one.value === field("start").value);
    let end = start.ends.find((one) => one.value === form.querySelector("input[name=end]:checked").value);

    form.querySelector(".starts").previousElementSibling.remove();
    form.querySelector(".starts").remove();
    const hidden = document.createElement("input");
    Object.assign(hidden, { type: "hidden", name: "end" });
    form.querySelector(".ends").replaceWith(hidden);

    // --- the day as a bar, its ends by name, and each time exactly ------------------------------

    const day = made("div", "day"), track = made("div", "track"), presets = made("div", "presets");
    presets.setAttribute("role", "group");
    presets.setAttribute("aria-label", _("结束时间"));
    const exactly = made("div", "exactly");
    exactly.hidden = true;
    const lists = [["start", _("开始时间")], ["end", _("结束时间")]].map(([name, label]) => {
      const box = made("label", "", label), list = document.createElement("select");
      list.addEventListener("change", () => put(name, choicesOf(name)[list.selectedIndex].at));
      box.append(list);
      exactly.append(box);
      return { name, list };
    });
    const handles = [["start", _("开始时间")], ["end", _("结束时间")]].map(([name, label]) => {
      const handle = made("button", `handle ${name}`);
      handle.type = "button";
      handle.setAttribute("role", "slider");
      handle.setAttribute("aria-label", label);
      handle.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -99, End: 99 }[event.key];
        if (!by) return;
        event.preventDefault();
        step(name, by);
      });
      handle.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        handle.focus({ preventScroll: true });
        handle.setPointerCapture(event.pointerId);
        const move = (to_) => put(name, minuteAt(to_.clientX));
        handle.addEventListener("pointermove", move);
        handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
      });
      return { name, handle };
    });
    track.addEventListener("click", (event) => {
      const at = minuteAt(event.clientX);
      put(Math.abs(at - start.at) < Math.abs(at - end.at) ? "start" : "end", at);
    });
    day.append(track, ...handles.map(({ handle }) => handle), ticks());
    form.querySelector(".panel-body").prepend(...form.querySelectorAll(".refusal"), day, presets, exactly);
    show();

    function choicesOf(name) {
      return name === "start" ? times.starts : start.ends;
    }
    function minuteAt(x) {
      const box = track.getBoundingClientRect();
      return from + ((x - box.left) / box.width) * (to - from);
    }
    function put(name, at) {
      if (name === "end") end = nearest(start.ends, at);
      else {
        const length = end.at - start.at;
        start = nearest(times.starts, at);
        end = nearest(start.ends, start.at + length);
      }
      show(true);
    }
    function step(name, by) {
      const choices = choicesOf(name), now = name === "start" ? start : end;
      const to_ = choices[Math.min(choices.length - 1, Math.max(0, choices.indexOf(now) + by))];
      put(name, to_.at);
    }
    function ticks() {
      const line = made("div", "ticks");
      line.setAttribute("aria-hidden", "true");
      const every = to - from > 1080 ? 240 : 180;
      for (let at = Math.ceil(from / 60) * 60; at <= to - 30; at += every) {
        const shown = at + times.ahead.reduce((minutes, [since, more]) => (at >= since ? more : minutes), 0);
        line.append(placed(made("span", "", String(Math.floor(shown / 60) % 24)), at - (shown % 60)));
      }
      return line;
    }
    function placed(one, begin, stop = null) {
      one.style.left = `${((begin - from) / (to - from)) * 100}%`;
      if (stop !== null) one.style.width = `${((stop - begin) / (to - from)) * 100}%`;
      return one;
    }
    function piece(kind, begin, stop, text = "") {
      const a = Math.max(begin, from), b = Math.min(stop, to);
      return a < b ? [placed(made("i", `piece ${kind}`, text), a, b)] : [];
    }

    function show(chosen = false) {
      field("start").value = start.value;
      hidden.value = end.value;
      const last = start.ends.at(-1).at, length = end.at - start.at;
      const wide = ((track.clientWidth || 320) * length) / (to - from);
      track.replaceChildren(
        ...times.hours.flatMap(([a, b]) => [...piece("past", a, Math.min(b, times.now)), ...piece("free", Math.max(a, times.now), b)]),
        ...times.hours.flatMap(([a, b]) => piece("far", Math.max(a, last), b)),
        ...times.taken.flatMap(([a, b]) => piece("taken", Math.max(a, times.now), b)),
        ...times.own.flatMap(([a, b]) => piece("own", Math.max(a, times.now), b)),
        ...piece("chosen", start.at, end.at, wide >= LEAST_TEXT_PX ? lasts(length) : ""),
      );
      for (const { name, handle } of handles) {
        const choices = choicesOf(name), one = name === "start" ? start : end;
        placed(handle, one.at);
        handle.setAttribute("aria-valuemin", choices[0].at);
        handle.setAttribute("aria-valuemax", choices.at(-1).at);
        handle.setAttribute("aria-valuenow", one.at);
        handle.setAttribute("aria-valuetext", one.label);
      }
      for (const { name, list } of lists) {
        const choices = choicesOf(name);
        list.replaceChildren(...choices.map((one) => new Option(one.label)));
        list.selectedIndex = choices.indexOf(name === "start" ? start : end);
      }
      offer();
      const button = form.querySelector("button[type=submit]");
      if (button) button.textContent = (button.dataset.changes === undefined ? _("预约 {no} · {start}–{end}", what()) : _("更改为 {no} · {start}–{end}", what()));
      const line = form.querySelector("[data-sign-in-by]"), cut = end.at < start.full.at;
      line.querySelector(".whole").textContent = `${start.opens}–${cut ? end.label : start.full.label}`;
      line.querySelector(".counts").hidden = cut;
      const together = form.querySelector("[data-together]");
      if (together) together.search = `?${together.search.slice(1).replace(/(^|&)(start|end)=[^&]*/g, "")}&start=${start.value}&end=${end.value}`;
      if (!chosen) return;
      const here = new URL(location.href);
      if (!here.searchParams.get("seat")) return;
      here.searchParams.set("begin", start.value);
      here.searchParams.set("until", end.value);
      history.replaceState(history.state, "", here);
    }
    function what() {
      return { no: panel.querySelector("h2").textContent, start: start.label, end: end.label };
    }
    // Three ends by name: after an hour, after two, the last one; and any other.
    function offer() {
      const focused = presets.contains(document.activeElement) ? [...presets.children].indexOf(document.activeElement) : -1;
      const last = start.ends.at(-1), ends = [60, 120].map((length) => nearest(start.ends, start.at + length));
      const named = [...new Set([...ends, last])].map((one) => {
        const button = made("button", "", _("到 {end}", { end: one.label })), length = one.at - start.at;
        button.type = "button";
        button.append(made("small", "", one === last ? (length % 60 ? _("最长") : _("最长 {lasts}", { lasts: lasts(length) })) : lasts(length)));
        button.setAttribute("aria-pressed", String(one === end));
        button.addEventListener("click", () => put("end", one.at));
        return button;
      });
      const other = made("button", "", _("选时间"));
      other.type = "button";
      other.append(made("small", "", _("开始和结束")));
      other.setAttribute("aria-expanded", String(!exactly.hidden));
      other.addEventListener("click", () => {
        exactly.hidden = !exactly.hidden;
        other.setAttribute("aria-expanded", String(!exactly.hidden));
        if (!exactly.hidden) exactly.scrollIntoView({ block: "nearest" });
      });
      presets.replaceChildren(...named, other);
      presets.children[focused]?.focus();
    }
  }

  // The star changes nothing that was chosen.
  panel.addEventListener("submit", async (event) => {
    const star = event.target.closest("form.star");
    if (!star) return;
    event.preventDefault();
    event.stopPropagation();
    const button = star.querySelector("button"), body = new URLSearchParams(new FormData(star));
    body.set("on", button.value);
    try {
      const answer = await fetch(star.action, { method: "POST", headers: { "X-Fragment": "1" }, body });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return star.submit();
      const on = button.value === "1";
      button.setAttribute("aria-pressed", String(on));
      button.value = on ? "" : "1";
    } catch { /* it stays as it was */ }
    return undefined;
  });

  // --- asking until there is an answer -----------------------------------------------------------

  let asking = false;
  panel.addEventListener("submit", (event) => {
    const form = event.target.closest("form.booking");
    if (!form) return;
    event.preventDefault();
    event.stopPropagation();
    book(form, TRIES);
  });
  addEventListener("online", () => {
    const form = panel.querySelector("form.booking[data-lost]");
    if (form) book(form, TRIES);
  });

  async function book(form, tries) {
    if (asking) return undefined;
    const button = form.querySelector(".panel-foot .button"), said = form.querySelector(".panel-foot .state");
    const say = (text, label) => { [said.textContent, button.textContent] = [text, label]; };
    said.setAttribute("role", "status");
    form.dataset.asks = "";
    delete form.dataset.lost;
    button.setAttribute("aria-disabled", "true");
    say(Number(form.dataset.drawnUntil) > serverNow() ? _("抽签中…几秒后有结果") : _("正在预约…"), _("请稍候"));
    asking = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: { "X-Fragment": "1" }, body: new URLSearchParams(new FormData(form)),
      });
      if (answer.status === 201) return location.assign(answer.headers.get("Location"));
      if (answer.status === 401) return location.assign(`/login?next=${encodeURIComponent(`${location.pathname}${location.search}&again=1`)}`);
      const wait = Number(answer.headers.get("Retry-After"));
      if (wait && tries > 1) {
        if (answer.status === 503) repeats(form);
        say(_("现在人很多，{wait} 秒后自动再试", { wait }), _("请稍候"));
        return setTimeout(() => form.isConnected && book(form, tries - 1), wait * 1000);
      }
      if (answer.status >= 500) throw new Error(answer.status);
      panel.innerHTML = await answer.text();
      panel.dispatchEvent(new Event("shown"));
      panel.querySelector(".refusal")?.scrollIntoView({ block: "nearest" });
    } catch {
      // It may have been booked: the same key asks what became of it.
      repeats(form);
      form.dataset.lost = "";
      button.removeAttribute("aria-disabled");
      say(navigator.onLine ? _("没有收到答复，请再试一次；不会重复预约") : _("没有网络，恢复后自动再试；不会重复预约"), _("再试一次"));
    } finally {
      asking = false;
    }
    return undefined;
  }
  function repeats(form) {
    if (form.elements.namedItem("repeat")) return;
    const one = document.createElement("input");
    Object.assign(one, { type: "hidden", name: "repeat", value: "1" });
    form.append(one);
  }
})();
