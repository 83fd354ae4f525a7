// Mini-programs know no event streams: what is on the screen is asked for again while it is there.

const PERIOD_MS = 15000;
const SPREAD_MS = 3000;

/** Every 15 seconds, plus or minus three by chance, so that phones do not come all at once. */
export function poll(work: () => void): number {
  const period = PERIOD_MS + (Math.random() * 2 - 1) * SPREAD_MS;
  return setInterval(work, period) as unknown as number;
}
