// What tsc does not see: WeChat's own compilers on every page, and what they miss: pages that are
// listed and not there, handlers that no method is, tags that nobody knows.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, "node_modules/miniprogram-compiler/bin/linux");
const TAGS = new Set(["view", "text", "input", "image", "block", "scroll-view", "button", "picker", "switch", "navigator", "textarea", "rich-text", "movable-area", "movable-view", "page-meta"]);
const wrong = [];

const app = JSON.parse(readFileSync(join(root, "app.json"), "utf8"));
const units = [...app.pages];
for (const name of readdirSync(join(root, "components"))) units.push(`components/${name}/${name}`);
const everywhere = app.usingComponents ?? {};

for (const unit of units) {
  for (const ending of ["json", "ts", "wxml", "wxss"]) {
    if (!existsSync(join(root, `${unit}.${ending}`))) wrong.push(`${unit}.${ending} is missing`);
  }
  const wxml = readFileSync(join(root, `${unit}.wxml`), "utf8");
  const ts = readFileSync(join(root, `${unit}.ts`), "utf8");
  const own = JSON.parse(readFileSync(join(root, `${unit}.json`), "utf8")).usingComponents;
  if (own === undefined) wrong.push(`${unit}.json: a page that is a Component names its usingComponents`);
  const known = { ...everywhere, ...own };
  // WeChat reads aria-role; a plain role is another platform's.
  if (/\srole=/.test(wxml)) wrong.push(`${unit}.wxml: role is none of WeChat's attributes`);
  // Under a sheet the page stands still: neither a finger beside it nor one on it moves the page.
  const mask = /<view [^>]*class="mask"[^>]*>/.exec(wxml)?.[0];
  if (mask && !(mask.includes("catchtouchmove=") && /<page-meta [^>]*page-style="\{\{.*overflow: hidden.*\}\}"/.test(wxml))) {
    wrong.push(`${unit}.wxml: the page moves under its sheet`);
  }
  for (const [, tag] of wxml.matchAll(/<([a-z][\w-]*)/g)) {
    if (!TAGS.has(tag) && !(tag in known)) wrong.push(`${unit}.wxml: unknown tag <${tag}>`);
  }
  for (const [, handler] of wxml.matchAll(/\b(?:bind|catch):?[a-z]+="(\w+)"/g)) {
    if (!new RegExp(`\\b(?:async )?${handler}\\(`).test(ts)) wrong.push(`${unit}.wxml: no method ${handler}`);
  }
  for (const [, path] of Object.entries(known)) {
    const there = path.startsWith("/") ? path.slice(1) : relative(root, join(root, dirname(unit), path));
    if (!existsSync(join(root, `${there}.ts`))) wrong.push(`${unit}.json: no component ${path}`);
  }
}
for (const file of readdirSync(join(root, "pages"), { recursive: true })) {
  const page = `pages/${file.replace(/\.wxml$/, "")}`;
  if (file.endsWith(".wxml") && !app.pages.includes(page)) wrong.push(`${page} is not in app.json`);
}

// Every mark that is named is drawn.
const drawn = new Set(readdirSync(join(root, "drawings")).map((file) => file.replace(/\.svg$/, "")));
for (const unit of units) {
  const wxml = readFileSync(join(root, `${unit}.wxml`), "utf8");
  for (const [, name] of wxml.matchAll(/\bi i-([a-z-]+)(?=["\s{])/g)) {
    if (!drawn.has(name) && !name.endsWith("-")) wrong.push(`${unit}.wxml: no drawing ${name}`);
  }
}

// Every text is used, and every text that is used exists (tsc sees the second of t and words only).
const texts = readFileSync(join(root, "lib/texts_chinese.ts"), "utf8");
const sources = readdirSync(root, { recursive: true })
  .filter((file) => /^(app|pages|components|lib|api).*\.(ts|wxml)$/.test(file) && !file.startsWith("lib/texts_"))
  .map((file) => readFileSync(join(root, file), "utf8"))
  .join("\n");
for (const [, name] of texts.matchAll(/^  (\w+): /gm)) {
  const byPrefix = [...sources.matchAll(/named\("(\w+)"/g)].some(([, prefix]) => name.startsWith(`${prefix}_`));
  if (!byPrefix && !new RegExp(`(?<!=== )"${name}"`).test(sources)) wrong.push(`lib/texts_chinese.ts: nobody says ${name}`);
}
for (const [, name] of sources.matchAll(/words\.(\w+)/g)) {
  if (!new RegExp(`"${name}"`).test(sources)) wrong.push(`words.${name} is given to no page`);
}

// What the oldest base library lacks is asked for (wx.canIUse) where it is used. The account's page sets the oldest one.
const OLDEST = JSON.parse(readFileSync(join(root, "project.config.json"), "utf8")).libVersion;
const api = readFileSync(join(root, "node_modules/miniprogram-api-typings/types/wx/lib.wx.api.d.ts"), "utf8");
const since = new Map([...api.slice(api.indexOf("interface Wx {")).matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*\n {8}(\w+)[<(]/g)]
  .map(([, told, name]) => [name, /需要基础库： `([\d.]+)`/.exec(told)?.[1] ?? "1.0.0"]));
const newer = (one, other) => one.localeCompare(other, "en", { numeric: true }) > 0;
for (const file of readdirSync(root, { recursive: true }).filter((name) => /^(app|pages|components|lib|api).*\.ts$/.test(name))) {
  const ts = readFileSync(join(root, file), "utf8");
  for (const [, name] of ts.matchAll(/\bwx\.(\w+)\(/g)) {
    if (!since.has(name)) wrong.push(`${file}: no wx.${name}`);
    else if (newer(since.get(name), OLDEST) && !ts.includes(`wx.canIUse("${name}")`)) wrong.push(`${file}: wx.${name} needs ${since.get(name)}, and nothing asks for it`);
  }
}
if (!readFileSync(join(root, "../docs/miniprogram.md"), "utf8").includes(OLDEST)) wrong.push(`docs/miniprogram.md does not name ${OLDEST}`);

// Screens wider than a phone have a column, and every page is in it.
for (const page of app.pages) {
  if (!/^<page-meta [^>]*\/>\n<view class="screen[ "]/.test(readFileSync(join(root, `${page}.wxml`), "utf8"))) wrong.push(`${page}.wxml: not in the column of .screen`);
}

// Sheets have the sizes and colours of design/tokens.json. Type on a plan is drawn to its scale, so it has pixels; round is 50% or 99px.
const RULES = [
  ["font-size", /^(var\(--text-(xs|s|m|l|xl)\)|12px)$/],
  ["font-weight", /^(400|var\(--strong\))$/],
  ["border-radius", /^((var\(--radius-[sml]\)|0|2px|4px|50%|99px)( |$))+/],
  ["min-height", /^(var\(--height-[sml]\)|240px)$/],
];
for (const file of ["app", ...units]) {
  const sheet = readFileSync(join(root, `${file}.wxss`), "utf8").replace(/\/\* tokens[^]*end of tokens \*\//, "");
  for (const [, name, value] of sheet.matchAll(/([\w-]+): ([^;{}]+);/g)) {
    const rule = RULES.find(([property]) => property === name)?.[1];
    if (rule && !rule.test(value)) wrong.push(`${file}.wxss: ${name} ${value} is none of the tokens`);
    if (/#(?!ffffff\b)[0-9a-f]{3,8}\b/i.test(value)) wrong.push(`${file}.wxss: the colour ${value} is none of the tokens`);
  }
}

// What is uploaded: WeChat takes 2 MB, and a phone in a basement likes less.
const LARGEST = 500 * 1024;
const shipped = readdirSync(root, { recursive: true })
  .filter((file) => /^(app\.|config\.js|theme\.json|sitemap\.json|marks\.wxss|(pages|components|lib|api|images)\b).*\.?(js|json|wxml|wxss|png)$/.test(file))
  .reduce((sum, file) => sum + statSync(join(root, file)).size, 0);
if (shipped > LARGEST) wrong.push(`the package has ${shipped} bytes, more than ${LARGEST}`);

for (const compiler of ["wcc", "wcsc"]) chmodSync(join(bin, compiler), 0o755);
const run = (compiler, files) => {
  try {
    execFileSync(join(bin, compiler), files, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    wrong.push(`${compiler}: ${String(error.stderr).trim()}`);
  }
};
run("wcc", ["-d", ...units.map((unit) => `${unit}.wxml`)]);
run("wcsc", ["-lc", "app.wxss", "marks.wxss", ...units.map((unit) => `${unit}.wxss`)]);

if (wrong.length) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`${units.length} pages and components, ${Math.ceil(shipped / 1024)} KB`);
