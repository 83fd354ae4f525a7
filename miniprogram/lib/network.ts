// Who waits for a network is told when there is one again.

const waiting = new Map<number, () => void>();
let listens = false;
let last = 0;

/** `work` is done each time that a network comes back, until `stop` is called with what this returns. */
export function whenBack(work: () => void): number {
  if (!listens) {
    listens = true;
    wx.onNetworkStatusChange(({ isConnected }) => {
      if (isConnected) for (const one of [...waiting.values()]) one();
    });
  }
  last += 1;
  waiting.set(last, work);
  return last;
}

export function stop(id: number): void {
  waiting.delete(id);
}
