// How many messages are unread, as 首页 last heard: the other tabs show it without asking.

let unread = 0;

export function keepUnread(n: number): void {
  unread = Math.max(0, n);
}

export function unreadMessages(): number {
  return unread;
}
