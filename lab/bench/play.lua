-- Plays prepared requests: wrk … -s play.lua URL -- FILE SECONDS once|round tally|sum
--
-- FILE holds whole HTTP requests, each ended by a zero byte; every thread takes its own share of
-- them. Sending ends after SECONDS, or at the end of the file with "once". From then on an empty
-- request keeps a connection silent until wrk itself stops, so that every answer to a sent request
-- is counted: wrk alone would cut the last ones off. A thread that has all of its answers by then
-- says ANSWERED, so that nobody waits for nothing. Ends with one line: RESULT and JSON.
--
-- With "tally" each status is counted here. That hands headers and body of every answer to Lua and
-- makes wrk the slower one of the two when answers are large and quick; with "sum" only wrk's own
-- numbers are told: how many answers, and how many of them were above 399.

local ffi = require("ffi")
ffi.cdef([[
typedef struct { long s; long ns; } bench_time;
int clock_gettime(int clock, bench_time *at);
]])
local MONOTONIC = 1
local at = ffi.new("bench_time")

local function now()
  ffi.C.clock_gettime(MONOTONIC, at)
  return tonumber(at.s) + tonumber(at.ns) / 1e9
end

-- Before the threads start, in wrk's own state.
local threads = {}

function setup(thread)
  thread:set("index", #threads)
  thread:set("count", tonumber(os.getenv("BENCH_THREADS")))
  table.insert(threads, thread)
end

-- In each thread. What `done` reads has to be global.
local requests, seconds, once
local next_one = 0
began, ended, statuses = 0, 0, {}

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local number = 0
  requests, seconds, once = {}, tonumber(args[2]), args[3] == "once"
  for request in file:read("*a"):gmatch("%Z+") do
    if number % count == index then
      requests[#requests + 1] = request
    end
    number = number + 1
  end
  file:close()
  if args[4] == "tally" then
    response = tally
  end
end

local verified, over = false, false
local sent, answered = 0, 0

local function say_answered()
  io.write("ANSWERED\n")
  io.flush()
end

-- wrk itself stays for its whole duration unless it is interrupted, which load.py does.
local function nothing()
  if not over then
    over = true
    if answered == sent then
      say_answered()
    end
  end
  return ""
end

function request()
  -- wrk asks the first thread for one request that it only looks at.
  if index == 0 and not verified then
    verified = true
    return requests[1]
  end
  if began == 0 then
    began = now()
  end
  if next_one == #requests then
    if once then
      return nothing()
    end
    next_one = 0
  end
  if now() - began >= seconds then
    return nothing()
  end
  sent = sent + 1
  next_one = next_one + 1
  return requests[next_one]
end

function tally(status, headers)
  -- A refusal that does not say when to come again is an error of its own (load.py).
  if (status == 503 or status == 429) and not headers["Retry-After"] then
    status = 599
  end
  statuses[status] = (statuses[status] or 0) + 1
  ended = now()
  answered = answered + 1
  if over and answered == sent then
    say_answered()
  end
end

function done(summary, latency)
  local first, last, total = math.huge, 0, {}
  local sum = summary.requests > 0 and next(threads[1]:get("statuses")) == nil
  for _, thread in ipairs(threads) do
    first = math.min(first, thread:get("began"))
    last = math.max(last, thread:get("ended"))
    for status, n in pairs(thread:get("statuses")) do
      total[status] = (total[status] or 0) + n
    end
  end
  local counts, taken = {}, last - first
  if sum then
    local bad = summary.errors.status
    total, taken = { [200] = summary.requests - bad, [599] = bad > 0 and bad or nil }, summary.duration / 1e6
  end
  for status, n in pairs(total) do
    counts[#counts + 1] = string.format('"%d":%d', status, n)
  end
  local errors = summary.errors
  print(string.format(
    'RESULT {"seconds":%.6f,"statuses":{%s},"p50_us":%d,"p99_us":%d,"bytes":%d,"socket_errors":%d}',
    taken,
    table.concat(counts, ","),
    latency:percentile(50),
    latency:percentile(99),
    summary.bytes,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
