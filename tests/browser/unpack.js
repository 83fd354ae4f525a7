// Unpacks Chromium 70 beside its package, once at each installation.
"use strict";

const { createReadStream, createWriteStream } = require("node:fs");
const { join } = require("node:path");
const { pipeline } = require("node:stream/promises");
const { createBrotliDecompress } = require("node:zlib");

const folder = join(__dirname, "node_modules");
pipeline(
  createReadStream(join(folder, "chrome-aws-lambda", "bin", "chromium-70.0.3508.0.br")),
  createBrotliDecompress(),
  createWriteStream(join(folder, "chromium-70"), { mode: 0o755 }),
);
