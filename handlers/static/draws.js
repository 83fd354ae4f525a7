// 放号抽签: anyone verifies a draw in the browser, from its file alone (docs/draw.md).
"use strict";

(() => {
  const form = document.querySelector("[data-verify]"), said = form.querySelector("[role=status]"), listed = form.querySelector("ul");
  const bytes = new TextEncoder();
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const hash = async (...lines) => hex(await crypto.subtle.digest("SHA-256", bytes.encode(lines.join("\n"))));
  const LISTED = 10;
  let runs = 0;
  const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

  async function faultsOf(draw) {
    const faults = [];
    if (await hash("seat-opening secret", draw.secret) !== draw.commitment) faults.push(_("公布的种子与事先承诺的不一致"));
    if (!(draw.committed_at < draw.opens_at)) faults.push(_("种子是在放号之后才承诺的"));
    const key = await crypto.subtle.importKey("raw", unhex(draw.secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const rounds = new Set();
    for (const { day, round, applications } of draw.lists) {
      const name = `${day} ${round}`;
      if (rounds.has(name)) faults.push(_("有一轮公布了两份名单：{name}", { name }));
      rounds.add(name);
      if (new Set(applications).size < applications.length) faults.push(_("有一份申请出现了两次：{name}", { name }));
      const places = [];
      for (const one of applications) {
        places.push(hex(await crypto.subtle.sign("HMAC", key, bytes.encode(["seat-opening place", day, round, one].join("\n")))));
        await seasonDraw.rest();
      }
      if (places.some((place, n) => n && places[n - 1] > place)) faults.push(_("有一轮的顺序不对：{name}", { name }));
    }
    return faults;
  }

  async function own(draw) {
    const mine = [...document.querySelectorAll("[data-application]")];
    for (const row of mine) {
      const { salt, wish, day, round } = row.dataset, application = await hash("seat-opening application", salt, wish);
      const list = draw.lists.find((one) => one.day === day && one.round === Number(round));
      if (list) row.querySelector("output").textContent = list.applications.includes(application) ? _("在名单上，第 {n} 位", { n: list.applications.indexOf(application) + 1 }) : _("不在名单上");
    }
  }

  // 学期座位: the reader's application is in the frozen list.
  async function prove(row) {
    const { salt, weight, wishes, index, count, path, root } = row.dataset;
    const leaf = await seasonDraw.leafOf(await seasonDraw.tokenOf(salt), weight, wishes.split(","));
    const reached = await seasonDraw.rootByPath(leaf, Number(index), Number(count), path ? path.split(",") : []);
    row.querySelector("output").textContent = reached === root ? _("您的浏览器核对过：它在封存的名单里。") : _("核对不通过：它不在封存的名单里。");
  }

  async function verify(text) {
    const run = ++runs; // an earlier file's result comes too late
    listed.textContent = "";
    say(_("正在核对…"));
    try {
      const draw = JSON.parse(text);
      const ofSeason = draw.format === seasonDraw.FORMAT;
      if (!ofSeason && draw.format !== "seat-opening-1") throw new Error(draw.format);
      if (!draw.secret) return say(_("抽签还没有结束，种子还没有公布"));
      const faults = await (ofSeason ? seasonDraw.faultsOf(draw) : faultsOf(draw));
      if (run !== runs) return;
      if (!ofSeason) await own(draw);
      for (const fault of faults.slice(0, LISTED)) listed.append(Object.assign(document.createElement("li"), { textContent: fault }));
      if (faults.length > LISTED) listed.append(Object.assign(document.createElement("li"), { textContent: _("还有 {n} 处", { n: faults.length - LISTED }) }));
      if (ofSeason && !faults.length && draw.which === "alternative") return say(_("这次抽签没有问题：名单、顺序和结果都由规则、种子和数值决定。请再看看这个数值是不是真的：{source}是 {value}；并看看第一个数值是不是真的没有公布：{first}。", { ...draw, first: seasonDraw.firstOf(draw) }));
      if (ofSeason && !faults.length) return say(_("这次抽签没有问题：名单、顺序和结果都由规则、种子和数值决定。请再看看这个数值是不是真的：{source}是 {value}。", draw));
      return say(faults.length ? _("这次抽签有问题：") : _("这次抽签没有问题：种子与事先的承诺一致，每一轮的顺序都由种子决定。"), faults.length);
    } catch (error) {
      if (run === runs) say(_("这不是抽签文件"), true);
    }
  }

  function say(words, bad = false) {
    said.textContent = words;
    said.className = bad ? "wrong" : "note";
    said.scrollIntoView({ block: "nearest" });
  }

  form.hidden = !crypto.subtle;
  if (crypto.subtle) document.querySelectorAll("[data-proof]").forEach(prove);
  form.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) await verify(await file.text());
  });
  for (const button of document.querySelectorAll("[data-draw]")) {
    button.hidden = !crypto.subtle;
    button.addEventListener("click", async () => {
      try {
        const answer = await fetch(button.dataset.draw);
        if (!answer.ok) throw new Error(answer.status);
        await verify(await answer.text());
      } catch {
        say(_("网络不通，请再试一次。"), true);
      }
    });
  }
})();
