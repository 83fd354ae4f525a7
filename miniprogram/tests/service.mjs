// The real service, as a demo on a port and databases of its own, and the others who use it:
// the web page that gives activation codes, the kiosks, readers on other phones. All files of tests
// share the one that run.mjs has started; a file that is run alone starts its own.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
/** How many times slower than two quiet cores this machine is (scripts/test measures it). */
export const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1);
const LONGEST_START_MS = 60_000 * PATIENCE;
const LONGEST_STOP_MS = 20_000 * PATIENCE;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The service that the tests use. `stop()` ends it, if it is this process's own, and forgets its data. */
export async function start() {
  const shared = process.env.SERVICE_URL;
  return shared ? new Service(shared, async () => {}) : started();
}

/** A service of this process's own. */
export async function started() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "miniprogram-service-"));
  // Tests tap faster than a hand does.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port), DATA_DIR: folder, DEMO: "empty", LOG_LEVEL: "WARNING", RATE_LIMIT_SCALE: "4" };
  const child = spawn(join(PROJECT, ".venv/bin/seats"), ["demo"], {
    cwd: PROJECT, env, stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { said += part; });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => { child.kill("SIGKILL"); }, LONGEST_STOP_MS);
    await ended;
    clearTimeout(late);
    rmSync(folder, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + LONGEST_START_MS;
  while (!(await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop(); // it would keep this process for ever
      throw new Error(`the service did not start: ${said}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  return new Service(url, stop);
}

class Service {
  #logins = 0;
  #passages = 0;

  constructor(url, stop) {
    this.url = url;
    this.stop = stop;
  }

  /** An answer that must be good. `as` is a token. */
  async call(method, path, { body, headers = {}, as = "" } = {}) {
    const answer = await fetch(this.url + path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...headers, ...(as ? { Authorization: `Bearer ${as}` } : {}) },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** The demo library without readers or reservations, at that time. */
  async reset(now) {
    await this.call("POST", "/sandbox/reset");
    await this.call("POST", "/sandbox/clock", { body: { now } });
  }

  async clock(now) {
    await this.call("POST", "/sandbox/clock", { body: { now } });
  }

  /** A login code of WeChat's for that phone. Each is good once. */
  loginCode(name) {
    this.#logins += 1;
    return `demo-${name}-${this.#logins}`;
  }

  /** A student who has signed in on the web: the headers of what their page sends. */
  async signedIn(username) {
    let url = `${this.url}/login`;
    const cookies = new Map();
    const cookie = () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    for (let hops = 0; url && hops < 5; hops += 1) {
      const form = new URL(url).pathname === "/sandbox/cas/login" ? new URLSearchParams({ username, password: "demo" }) : undefined;
      const answer = await fetch(url, { method: form ? "POST" : "GET", body: form, redirect: "manual", headers: { cookie: cookie() } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        cookies.set(name, value);
      }
      url = answer.headers.get("location") && new URL(answer.headers.get("location"), url).href;
    }
    return { cookie: cookie(), Origin: this.url };
  }

  /** What the student's web page 激活码 shows: `code`, `link`, and the `request` that it asks about. */
  async activation(username, body = {}) {
    return this.call("POST", "/api/v1/activation-codes", { headers: await this.signedIn(username), body });
  }

  async activationCode(username) {
    return (await this.activation(username)).code;
  }

  /** 是我 ("confirm") or 不是我 ("refuse") on that page. */
  async answer(username, verb) {
    const { request } = await this.activation(username);
    await this.call("POST", `/api/v1/binding-requests/${request.id}/${verb}`, { headers: await this.signedIn(username) });
  }

  /** Strangers try so many wrong digits, five each. */
  async guess(times) {
    let token = "";
    for (let n = 0; n < times; n += 1) {
      if (n % 5 === 0) ({ token } = await this.call("POST", "/api/v1/wx/login", { body: { code: this.loginCode(`guesser${n}`) } }));
      const answer = await fetch(`${this.url}/api/v1/bindings`, {
        method: "POST", body: '{"activation_code":"000000"}', headers: { Authorization: `Bearer ${token}` },
      });
      if (answer.status !== 422) throw new Error(`a guess: ${answer.status}`);
    }
  }

  /** A function that sends forms of the console as this person. */
  async console(username) {
    const headers = await this.signedIn(username);
    return async (path, fields = {}, made = new URLSearchParams()) => {
      const page = await fetch(`${this.url}/console/readers`, { headers });
      const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())[1];
      for (const [name, value] of Object.entries({ csrf, key: `${Math.random()}`, reason: "微信审核", ...fields })) made.append(name, value);
      return fetch(this.url + path, { method: "POST", headers, body: made, redirect: "manual" });
    };
  }

  /** A review code for a visitor of that name, from the console's page of the visitor. */
  async reviewCode(name) {
    const form = await this.console("librarian");
    const { now } = await this.call("GET", "/sandbox/clock");
    const made = await form("/console/readers/visitors", { name, first: now.slice(0, 10), last: now.slice(0, 10), card: "" });
    const [id] = /^[^?]+/.exec(made.headers.get("location"));
    const shown = await (await form(`${id}/review-code`)).text();
    return /review-code">([\w-]{22})</.exec(shown)[1];
  }

  /** A season of four lockers, or of the seats of those areas, that is announced now: its id. It opens on Monday at 09:00 and closes at 12:00; its value
   * is known at 13:00. */
  async season(fields = {}, areas = []) {
    const at = (clock) => `2026-12-07T${clock}`;
    const answer = await (await this.console("administrator"))("/console/seasons", {
      kind: "lockers", title: "2026 秋存包柜", lockers: "A-01,大\nA-02,小\nA-03\nB-01,大", first: "2026-12-14", last: "2027-01-24",
      come_by: "10:00", unused_days: "2", grace_days: "7", default_weight: "1", most_wishes: "3", opens_at: at("09:00"), closes_at: at("12:00"),
      first_value: "双色球第2026140期", first_value_at: at("13:00"), alternative_value: "双色球第2026141期", alternative_value_at: at("14:00"),
      reveal_by: at("15:00"), operation: "announce", ...(areas.length ? { kind: "seats", lockers: "", start: "08:00", end: "22:00" } : {}), ...fields,
    }, new URLSearchParams(areas.map((area) => ["area", area])));
    return /seasons\/([0-9a-f]{24})/.exec(answer.headers.get("location"))[1];
  }

  /** A step of that season, "freeze" or "draw", which two administrators take. */
  async seasonStep(id, step, fields = {}) {
    await this.signedIn("librarian"); // so that the library knows them
    await (await this.console("administrator"))("/console/staff", { number: "librarian", role: "administrator" });
    for (const [who, path] of [["administrator", step], ["librarian", `${step}/confirm`]]) {
      const answer = await (await this.console(who))(`/console/seasons/${id}/${path}`, fields);
      if (answer.status !== 303) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
  }

  /** Another reader, bound, on a phone of theirs: their token. */
  async reader(name, username) {
    const { token } = await this.call("POST", "/api/v1/wx/login", { body: { code: this.loginCode(name) } });
    const code = await this.activationCode(username);
    await this.call("POST", "/api/v1/bindings", { as: token, body: { activation_code: code } });
    return token;
  }

  /** What a kiosk shows now. */
  async kioskCode(id = "2f-south") {
    const { items } = await this.call("GET", "/sandbox/kiosks");
    const { key } = items.find((kiosk) => kiosk.id === id);
    const { payload } = await this.call("GET", `/api/v1/kiosks/${id}/code`, { headers: { "X-Kiosk-Key": key } });
    return payload;
  }

  /** A reader's card at a gate, now. `direction` is "in" or "out". */
  async passage(student_no, direction) {
    const { items: [gate] } = await this.call("GET", "/sandbox/gates");
    const { now } = await this.call("GET", "/sandbox/clock");
    this.#passages += 1;
    const events = [{ id: `passage-${this.#passages}`, student_no, direction, method: "card", at: now }];
    const body = JSON.stringify({ events });
    const stamp = String(Math.floor(Date.parse(now) / 1000));
    const signature = createHmac("sha256", gate.key).update(`${stamp}.${body}`).digest("hex");
    const headers = { "X-Gate-Id": gate.id, "X-Gate-Timestamp": stamp, "X-Gate-Signature": signature };
    const answer = await this.call("POST", "/api/v1/gate/events", { body: { events }, headers });
    if (answer.accepted !== 1) throw new Error(`the gate was refused: ${JSON.stringify(answer)}`);
  }

  reserve(as, seat_id, date, start, end) {
    return this.call("POST", "/api/v1/reservations", { as, body: { seat_id, date, start, end } });
  }
}
