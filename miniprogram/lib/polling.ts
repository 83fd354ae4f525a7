// Mini-programs know no event streams: what is on the screen is asked for again while it is there.

const PERIOD_MS = 15000;
const SPREAD_MS = 3000;

export interface Polls {
  data: { ready: boolean; wait: number; timer: number };
  setData(change: Record<string, unknown>): void;
}

/** Every 15 seconds, plus or minus three by chance, so that phones do not come all at once; not while
 * nothing is shown yet, or the service wants to be left alone. */
export function poll(page: Polls, work: () => void): void {
  still(page);
  const period = PERIOD_MS + (Math.random() * 2 - 1) * SPREAD_MS;
  const timer = setInterval(() => { if (page.data.ready && page.data.wait === 0) work(); }, period);
  page.setData({ timer: timer as unknown as number });
}

export function still(page: Polls): void {
  clearInterval(page.data.timer);
}
