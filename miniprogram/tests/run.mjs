// Runs all tests on one service: `npm test`, with options of node --test, or with the names of files.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PATIENCE, started } from "./service.mjs";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const LONGEST_FILE_MS = 300_000; // node limits a file as it limits a test

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".test.mjs")).map((name) => FOLDER + name);
const service = await started();
const stop = async (status) => {
  await service.stop();
  process.exit(status);
};
const tests = spawn(process.execPath, [
  "--test", "--test-concurrency=1", `--test-timeout=${LONGEST_FILE_MS * PATIENCE}`, "--test-reporter=spec",
  ...(process.argv.length > 2 ? process.argv.slice(2) : files),
], { stdio: "inherit", env: { ...process.env, SERVICE_URL: service.url } });
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => { tests.kill(signal); });
const [status] = await once(tests, "exit");
await stop(status ?? 1);
