// A phone with WeChat on it: the mini-program's own files, compiled by WeChat's compilers and run by
// miniprogram-simulate on jsdom. What WeChat itself does (dialogues, camera, storage, the network) is
// played here; the answers come from the real service.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { JSDOM } from "jsdom";
import { PATIENCE } from "./service.mjs";

const SOURCE = fileURLToPath(new URL("../", import.meta.url));
const LONGEST_MS = 15_000 * PATIENCE;
const SANDBOX = "http://127.0.0.1:8080";
/** The directory of a program that schools share. */
export const SCHOOLS_URL = "https://schools.test/schools.json";
const require = createRequire(import.meta.url);

const { window } = new JSDOM("<!DOCTYPE html><body></body>", { url: "http://phone.invalid/", pretendToBeVisual: true });
Object.assign(globalThis, {
  window, document: window.document, CustomEvent: window.CustomEvent, Event: window.Event, HTMLElement: window.HTMLElement,
  Node: window.Node,
  // Timers are numbers on a phone; pages keep them in their data.
  setInterval: window.setInterval.bind(window), clearInterval: window.clearInterval.bind(window),
  getApp: () => ({}), getCurrentPages: () => [], App: (options) => { globalThis.program = options; options.onLaunch(); },
});
const simulate = require("miniprogram-simulate");
const exparser = require("miniprogram-exparser");
// What a handler throws is the test's business, not a line on the console.
exparser.globalOptions.throwGlobalError = true;

const programs = new Map();

/** A copy of the program, as it would be uploaded for that service. All phones of this process share it, so WeChat's compiler
 * and the disk have their work once. */
function installed(base, shared) {
  if (programs.has(shared)) return programs.get(shared);
  const program = mkdtempSync(join(tmpdir(), "miniprogram-"));
  process.on("exit", () => { rmSync(program, { recursive: true }); });
  const shipped = ["app.js", "app.json", "app.wxss", "marks.wxss", "config.js", "api", "lib", "pages", "components"];
  for (const name of shipped) cpSync(join(SOURCE, name), join(program, name), { recursive: true });
  const config = join(program, "config.js");
  const text = readFileSync(config, "utf8");
  const places = [[`"${SANDBOX}"`, `"${base}"`], ...(shared ? [['SCHOOLS_URL = ""', `SCHOOLS_URL = "${SCHOOLS_URL}"`]] : [])];
  for (const [place] of places) if (!text.includes(place)) throw new Error(`config.ts no longer has ${place}`);
  writeFileSync(config, places.reduce((made, [place, value]) => made.replace(place, value), text));
  programs.set(shared, program);
  return program;
}

export class Phone {
  /** `service` as in service.mjs; `name` makes the WeChat account. With `schools`, the entries of a directory, the program is
   * one that they share: the service answers at every address of theirs, and `school` is the chosen one. */
  constructor(service, name, { language = "zh_CN", width = 390, height = 844, schools = null, school = null } = {}) {
    this.service = service;
    this.schools = schools;
    this.name = name;
    this.storage = new Map(school ? [["school", school]] : []);
    this.requests = []; // {method, path, body, headers, status}
    this.navigations = []; // urls
    this.toasts = [];
    this.asked = []; // texts of dialogues, template ids of consents
    /** Taps on WeChat's dialogues to come: true, false, a text, or the place in a list. */
    this.taps = [];
    /** What the camera sees next; null where it may not, undefined where the privacy guide was not agreed to.
     * With nothing left the reader closes it. */
    this.sees = [];
    /** The answer to requestSubscribeMessage: a word for all of them, or null where it fails. */
    this.consents = "accept";
    this.mayCopy = true;
    /** What is in the phone's calendar, and why nothing comes into it, as WeChat says that. */
    this.calendar = [];
    this.noCalendar = null;
    /** What the phone's WeChat does not have yet, how many templates it takes at once, and which are long-term. */
    this.lacks = new Set();
    this.mostTemplates = 5;
    this.longTerm = new Set();
    this.agreesToGuide = true;
    this.waitsForNetwork = [];
    /** Whether the account has a privacy guide, which WeChat shows when it is asked to. */
    this.hasGuide = true;
    this.guideShown = false;
    this.loading = "";
    this.tabNames = [];
    /** Told of each request before it is sent, and may make it wait: "offline", "timeout", "lost" (sent, but the answer never
     * comes), {status, headers, data} in place of the service, or nothing. */
    this.network = () => undefined;
    this.logins = 0;
    this.flying = 0; // requests under way
    /** Pages below the one that is shown, and tab pages, which live on: {path, view, page, body}. */
    this.stack = [];
    this.tabs = new Map();
    this.shown = null;
    /** Whether a finger is on the screen: WeChat asks for consents only then. */
    this.touching = false;
    this.app = null;
    this.root = installed(service.url, schools !== null);
    this.app = JSON.parse(readFileSync(join(this.root, "app.json"), "utf8"));
    this.#wx(language, { windowWidth: width, windowHeight: height });
    this.#run("app");
  }

  #run(path) {
    require(join(this.root, path));
  }

  #wx(language, size) {
    const log = this;
    const later = (call, ...values) => { setImmediate(() => call?.(...values)); };
    const go = (how) => ({ url }) => {
      // A late answer: it would open a page, with its timers, in front of whatever the reader does now.
      if (log.closed) throw new Error(`a page that has ended leads to ${url}`);
      log.navigations.push(url);
      later(() => how.call(log, url));
    };
    Object.assign(globalThis.wx, {
      getAppBaseInfo: () => ({ language, SDKVersion: "3.5.0" }),
      canIUse: (name) => !log.lacks.has(name),
      requirePrivacyAuthorize: ({ success, fail }) => {
        log.asked.push("privacy");
        if (log.agreesToGuide) return later(success);
        return later(fail, { errno: 104, errMsg: "requirePrivacyAuthorize:fail privacy permission is not authorized" });
      },
      onNetworkStatusChange: (told) => { log.waitsForNetwork.push(told); },
      getUpdateManager: () => ({
        onUpdateReady: (told) => { log.updateReady = told; },
        applyUpdate: () => { log.restarted = true; },
      }),
      openPrivacyContract: ({ fail }) => {
        if (log.lacks.has("openPrivacyContract")) throw new TypeError("wx.openPrivacyContract is not a function");
        if (!log.hasGuide) return later(fail, { errMsg: "openPrivacyContract:fail" });
        log.guideShown = true;
        return undefined;
      },
      getWindowInfo: () => size,
      setTabBarItem: ({ index, text, fail }) => {
        if (!log.isTab(log.shown?.path)) return later(fail, { errMsg: "setTabBarItem:fail not TabBar page" });
        log.tabNames[index] = text;
        return undefined;
      },
      hideShareMenu: () => undefined,
      setNavigationBarTitle: ({ title }) => { log.title = title; },
      getStorageSync: (key) => (log.storage.has(key) ? structuredClone(log.storage.get(key)) : ""),
      setStorageSync: (key, value) => { log.storage.set(key, structuredClone(value)); },
      removeStorageSync: (key) => { log.storage.delete(key); },
      login: ({ success }) => { log.logins += 1; later(success, { code: log.service.loginCode(log.name) }); },
      request: (options) => {
        log.flying += 1;
        void log.#request(options).finally(() => { log.flying -= 1; });
      },
      showToast: ({ title }) => { log.toasts.push(title); },
      showModal: ({ title, content, showCancel, success, fail, complete }) => {
        log.asked.push(content ?? title);
        if (showCancel === false) return later(complete);
        if (!log.taps.length) return later(fail, { errMsg: "showModal:fail" });
        const answer = log.taps.shift();
        return later(success, { confirm: answer !== false, cancel: answer === false, content: typeof answer === "string" ? answer : "" });
      },
      showActionSheet: ({ itemList, success, fail }) => {
        log.asked.push(itemList.join("|"));
        if (itemList.length > 6) return later(fail, { errMsg: "showActionSheet:fail parameter error: itemList should not be large than 6" });
        if (!log.taps.length) return later(fail, { errMsg: "showActionSheet:fail cancel" });
        return later(success, { tapIndex: log.taps.shift() });
      },
      scanCode: ({ success, fail }) => {
        if (!log.sees.length) return later(fail, { errMsg: "scanCode:fail cancel" });
        const result = log.sees.shift();
        if (result === null) return later(fail, { errMsg: "scanCode:fail auth deny" });
        if (result === undefined) return later(fail, { errno: 104, errMsg: "scanCode:fail privacy permission is not authorized" });
        return later(success, { result });
      },
      requestSubscribeMessage: ({ tmplIds, success, fail }) => {
        if (!log.touching) return later(fail, { errCode: 20001, errMsg: "requestSubscribeMessage:fail can only be invoked by user TAP gesture." });
        log.asked.push(tmplIds.join("|"));
        if (log.consents === null) return later(fail, { errCode: 20004, errMsg: "requestSubscribeMessage:fail" });
        if (tmplIds.length > log.mostTemplates) return fail({ errCode: 20003, errMsg: "requestSubscribeMessage:fail Templates count out of max bounds" });
        const types = new Set(tmplIds.map((id) => log.longTerm.has(id)));
        if (types.size !== 1) return later(fail, { errCode: types.size ? 20002 : 10001, errMsg: "requestSubscribeMessage:fail" });
        return later(success, { errMsg: "ok", ...Object.fromEntries(tmplIds.map((id) => [id, log.consents])) });
      },
      setClipboardData: ({ data, success, fail }) => {
        if (!log.mayCopy) return later(fail, { errno: 104, errMsg: "setClipboardData:fail privacy permission is not authorized" });
        log.clipboard = data;
        return later(success);
      },
      addPhoneCalendar: ({ success, fail, ...event }) => {
        if (log.noCalendar) return later(fail, log.noCalendar);
        log.calendar.push(event);
        return later(success);
      },
      showLoading: ({ title }) => { log.loading = title; },
      hideLoading: () => { log.loading = ""; },
      stopPullDownRefresh: () => { log.pulled = true; },
      openSetting: () => { log.settings = true; },
      navigateTo: go(this.push),
      redirectTo: go(this.replace),
      navigateBack: () => { this.back(); },
      switchTab: go(this.tab),
      reLaunch: go(this.open),
    });
  }

  async #request({ url, method, data, header, success, fail }) {
    const school = this.schools?.find((one) => one?.url && url.startsWith(`${one.url}/api/`));
    const base = url === SCHOOLS_URL ? "" : school?.url ?? /^https?:\/\/[^/]+/.exec(url)[0];
    const entry = { method: method ?? "GET", base, path: url.slice(base.length), body: data, headers: header };
    this.requests.push(entry);
    const weather = await this.network(entry);
    entry.weather = weather;
    const failed = (why) => { setImmediate(() => { fail({ errMsg: `request:fail ${why}` }); }); };
    if (weather === "offline") return failed("");
    if (weather === "timeout") return failed("timeout");
    const answer = await this.#answer(entry, weather);
    entry.status = answer.status;
    if (weather === "lost") return failed("timeout");
    return success({ statusCode: answer.status, header: answer.headers, data: answer.data });
  }

  async #answer({ path, method, body, headers }, weather) {
    if (typeof weather === "object") return { headers: {}, data: "", ...weather };
    if (path === SCHOOLS_URL) return { status: 200, headers: {}, data: { schools: this.schools } };
    const answer = await fetch(this.service.url + path, {
      method, headers, body: method === "GET" || body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const found = Object.fromEntries([...answer.headers].map(([name, value]) => [name.replace(/(^|-)\w/g, (s) => s.toUpperCase()), value]));
    return { status: answer.status, headers: found, data: /json/.test(answer.headers.get("content-type") ?? "") ? JSON.parse(text) : text };
  }

  get page() {
    return this.shown?.page ?? null;
  }

  get path() {
    return this.shown?.path ?? "";
  }

  isTab(path) {
    return this.app.tabBar.list.some((tab) => tab.pagePath === path);
  }

  /** Begins with that page, from a message, a code or a link: all others end. */
  open(url) {
    this.leave();
    this.#make(url);
  }

  /** On top of what is shown (navigateTo). */
  push(url) {
    this.hide();
    this.stack.push(this.shown);
    this.#make(url);
  }

  /** In place of what is shown (redirectTo). */
  replace(url) {
    this.#end(this.shown);
    this.#make(url);
  }

  /** The way back. */
  back() {
    this.#end(this.shown);
    this.shown = this.stack.pop();
    this.show();
  }

  /** To a tab: its page is as it was left. */
  tab(url) {
    const path = url.replace(/^\//, "");
    this.hide();
    for (const unit of [...this.stack, this.shown]) if (unit && !this.isTab(unit.path)) this.#end(unit);
    this.stack = [];
    this.shown = this.tabs.get(path) ?? null;
    if (this.shown) this.show();
    else this.#make(path);
  }

  /** The phone has a network again. */
  connected() {
    for (const told of this.waitsForNetwork) told({ isConnected: true, networkType: "wifi" });
  }

  /** Another program in front, and this one in front again. */
  hide() {
    this.shown.page.onHide?.();
    this.shown.view._exparserNode.triggerPageLifeTime("hide", []);
  }

  show() {
    document.body.replaceChildren(this.shown.body);
    this.shown.page.onShow?.();
    this.shown.view._exparserNode.triggerPageLifeTime("show", []);
  }

  #make(url) {
    const [path, query = ""] = url.replace(/^\//, "").split("?");
    // WeChat hands on what it finds in the link, without decoding it.
    const given = Object.fromEntries(query.split("&").filter(Boolean).map((part) => part.split(/=(.*)/s).slice(0, 2)));
    const { usingComponents } = this.app;
    const id = simulate.load(join(this.root, path), { rootPath: this.root, compiler: "official", usingComponents });
    const view = simulate.render(id);
    const body = document.createElement("div");
    document.body.replaceChildren(body);
    view.attach(body);
    this.shown = { path, view, page: view.instance, body };
    if (this.isTab(path)) this.tabs.set(path, this.shown);
    this.page.onLoad?.(given);
    this.page.onShow?.();
  }

  #end(unit) {
    unit.page.onUnload?.();
    unit.view.detach();
    this.tabs.delete(unit.path);
  }

  /** All pages end. */
  leave() {
    for (const unit of new Set([...this.stack, ...this.tabs.values(), this.shown])) if (unit) this.#end(unit);
    this.stack = [];
    this.shown = null;
  }

  /** Closes the program and forgets its code, when what it has asked has been answered: it would go on in
   * the hands of the next phone. */
  async close() {
    this.leave();
    this.closed = true;
    for (let quiet = 0; quiet < 3; quiet += 1) {
      await new Promise((resolve) => { setImmediate(resolve); });
      if (this.flying) quiet = -1;
    }
    for (const file of Object.keys(require.cache)) if (file.startsWith(this.root)) delete require.cache[file];
  }

  /** All that is on the screen. */
  get text() {
    return document.body.textContent.replace(/\s+/g, " ").trim();
  }

  /** Waits until it is so; what `look` found. */
  async until(look, what = look) {
    const deadline = Date.now() + LONGEST_MS;
    for (;;) {
      const found = this.page === null ? undefined : look(this.page.data);
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`never: ${what}\n${this.path}: ${this.text}\n${JSON.stringify(this.requests.slice(-3))}`);
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
  }

  async reads(text) {
    await this.until(() => this.text.includes(text), `“${text}” on the screen`);
  }

  async reaches(path) {
    await this.until(() => this.path === path, path);
    await this.until((data) => data.ready !== false || data.wrong, `${path} has loaded`);
  }

  /** Elements by their class, inside of components too. simulate puts the component's name before it. */
  all(name) {
    return [...document.body.querySelectorAll("*")].filter((node) => [...node.classList].some((given) => given.replace(/^.*--/, "") === name));
  }

  /** How large the plan is drawn. */
  get scale() {
    return this.all("plan")[0].__wxElement._vt.attrs.find(({ name }) => name === "scaleValue").value;
  }

  /** The innermost element that says just that (or what the pattern finds), in words or, being an icon, to a screen reader. */
  find(text) {
    const is = (found) => (text instanceof RegExp ? text.test(found) : found === text);
    const label = (node) => node.__wxElement?._vt?.attrs?.find(({ name }) => name === "ariaLabel")?.value;
    const said = [...document.body.querySelectorAll("*")].filter((node) => is(node.textContent.trim()) || is(label(node)));
    return said.find((node) => !said.some((other) => other !== node && node.contains(other)));
  }

  /** Waits for the element that says just that, and is not busy, and taps it. */
  async tap(text) {
    const idle = () => {
      const node = this.find(text);
      return node && !node.closest("[class*=busy]") && node;
    };
    this.touch(await this.until(idle, `“${text}” to tap`));
  }

  /** A tap, or another event, on an element of the page. */
  touch(node, type = "tap", detail = {}) {
    const options = { bubbles: true, composed: true, capturePhase: true };
    this.touching = type === "tap";
    setImmediate(() => { this.touching = false; });
    exparser.Event.dispatchEvent(node.__wxElement, exparser.Event.create(type, detail, options));
  }

  type(text) {
    this.touch(document.querySelector("wx-input"), "input", { value: text });
  }
}
