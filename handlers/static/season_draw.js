// 学期座位: the draw of a season, verified from its file alone (docs/draw.md).
"use strict";

const seasonDraw = (() => {
  const FORMAT = "seat-season-1", ANY = "any";
  const LINES = ["format", "title", "gives", "given_hash", "days", "most_wishes", "opens_at", "closes_at", "first_value", "first_value_at", "alternative_value", "alternative_value_at", "reveal_by", "commitment"];
  const bytes = new TextEncoder();
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  const digest = async (data) => hex(await crypto.subtle.digest("SHA-256", data));
  const hash = (...lines) => digest(bytes.encode(lines.join("\n")));
  const ofLeaf = (leaf) => digest(unhex(`00${leaf}`));
  const ofPair = (left, right) => digest(unhex(`01${left}${right}`));
  const tokenOf = (salt) => hash("seat-season applicant", salt);
  const leafOf = (token, weight, wishes) => hash("seat-season leaf", token, String(weight), wishes.join(","));

  // Lets the page act between two pieces of a long calculation.
  let rested = 0;
  const rest = async () => {
    if (performance.now() - rested < 20) return;
    await new Promise((done) => { setTimeout(done); });
    rested = performance.now();
  };

  function ruleOf(text) {
    const rule = { weights: new Set() };
    for (const line of text.split("\n")) {
      const at = line.indexOf(": "), name = line.slice(0, at), value = line.slice(at + 2);
      if (at < 0 || name in rule) throw new Error(line);
      if (/^weight [0-9]$/.test(name)) rule.weights.add(Number(name.slice(7)));
      else rule[name] = value;
    }
    if (rule.format !== FORMAT || LINES.some((name) => !(name in rule))) throw new Error("rule");
    return rule;
  }

  async function rootOf(leaves) {
    if (!leaves.length) return digest(new Uint8Array());
    let level = [];
    for (const leaf of leaves) {
      level.push(await ofLeaf(leaf));
      await rest();
    }
    while (level.length > 1) {
      const above = [];
      for (let n = 0; n < level.length; n += 2) {
        above.push(n + 1 < level.length ? await ofPair(level[n], level[n + 1]) : level[n]);
        await rest();
      }
      level = above;
    }
    return level[0];
  }

  // The root that an applicant's path leads to; "" if the path has another length.
  async function rootByPath(leaf, index, count, path) {
    let node = await ofLeaf(leaf), used = 0;
    for (let at = index, last = count - 1; last > 0; at >>= 1, last >>= 1) {
      if (at % 2 === 0 && at === last) continue;
      if (used === path.length) return "";
      node = at % 2 ? await ofPair(path[used], node) : await ofPair(node, path[used]);
      used += 1;
    }
    return used === path.length ? node : "";
  }

  async function placesOf(draw) {
    const seed = await hash("seat-season seed", draw.root, draw.secret, draw.source, draw.value);
    const key = await crypto.subtle.importKey("raw", unhex(seed), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const places = [];
    for (const { leaf, weight } of draw.applications) {
      const tickets = Array.from({ length: weight }, (_, n) => crypto.subtle.sign("HMAC", key, bytes.encode(`seat-season place\n${leaf}\n${n + 1}`)));
      places.push((await Promise.all(tickets)).map(hex).sort()[0]);
      await rest();
    }
    return places;
  }

  function assignmentOf(draw) {
    const free = new Set(draw.given);
    return draw.applications.map(({ wishes }) => {
      const best = wishes.find((wish) => wish === ANY || free.has(wish));
      const [thing = null] = best === ANY ? free : [best];
      free.delete(thing);
      return thing;
    });
  }

  async function faultsOfSeed(draw, rule) {
    const faults = [], at = (text) => Date.parse(text);
    if (await hash(draw.rule) !== draw.rule_hash) faults.push(_("规则与公布的指纹不一致"));
    if (await hash("seat-season secret", draw.secret) !== draw.commitment || draw.commitment !== rule.commitment) faults.push(_("公布的种子与事先承诺的不一致"));
    if (!["first", "alternative"].includes(draw.which) || rule[`${draw.which}_value`] !== draw.source || !draw.value.trim()) return [...faults, _("数值不是规则所指的来源的")];
    const known = at(rule[`${draw.which}_value_at`]), frozen = at(draw.frozen_at), drawn = at(draw.drawn_at);
    if (!(frozen >= at(rule.closes_at))) faults.push(_("名单在申请截止之前就封存了"));
    if (!(frozen < known)) faults.push(_("名单封存时，数值可能已经知道"));
    if (!(drawn >= known)) faults.push(_("抽签早于数值公布的时间"));
    if (!(drawn <= at(rule.reveal_by))) faults.push(_("抽签晚于公布期限，应当作废"));
    return faults;
  }

  async function faultsOfList(draw, rule) {
    const faults = [], given = new Set(draw.given), leaves = [];
    if (given.size < draw.given.length || given.has(ANY) || !["seats", "lockers"].some((kind) => rule.gives === `${draw.given.length} ${kind}`) || await hash("seat-season given", ...draw.given) !== rule.given_hash) faults.push(_("分配的座位或储物柜与规则不一致"));
    for (const { token, weight, wishes, leaf } of draw.applications) {
      const name = token.slice(0, 8);
      leaves.push(await leafOf(token, weight, wishes));
      await rest();
      if (leaves[leaves.length - 1] !== leaf) faults.push(_("有一份申请的编号不对：{name}", { name }));
      if (!Number.isInteger(weight) || weight < 1 || !rule.weights.has(weight)) faults.push(_("有一份申请的权重不是规则给的：{name}", { name }));
      const ids = wishes.filter((wish, n) => wish !== ANY || n < wishes.length - 1);
      if (!wishes.length || wishes.length > Number(rule.most_wishes) || new Set(ids).size < ids.length || ids.some((id) => !given.has(id))) faults.push(_("有一份申请的志愿不合规则：{name}", { name }));
    }
    if (new Set(draw.applications.map(({ token }) => token)).size < leaves.length) faults.push(_("有一位申请人出现了两次"));
    if (leaves.length !== draw.count || await rootOf(leaves.sort()) !== draw.root) faults.push(_("名单不是封存的那一份"));
    return faults;
  }

  async function faultsOf(draw) {
    const rule = ruleOf(draw.rule), faults = [...await faultsOfSeed(draw, rule), ...await faultsOfList(draw, rule)];
    if (draw.applications.some(({ weight }) => !(weight >= 1 && weight <= 9))) return faults;
    const places = await placesOf(draw), assigned = assignmentOf(draw);
    if (places.some((place, n) => n && places[n - 1] > place)) faults.push(_("名单的顺序不是抽出来的顺序"));
    if (assigned.length !== draw.assignment.length || assigned.some((thing, n) => thing !== draw.assignment[n])) faults.push(_("分配的结果与顺序和志愿不符"));
    return faults;
  }

  const firstOf = (draw) => ruleOf(draw.rule).first_value;

  return { FORMAT, faultsOf, firstOf, leafOf, rest, rootByPath, tokenOf };
})();
