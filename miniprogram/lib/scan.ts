// The kiosk's code that brought the reader here. Who is not bound yet binds first; it is not lost by that.

let kept = "";

export function keep(qr: string): void {
  kept = qr;
}

/** It, and never again. */
export function take(): string {
  const qr = kept;
  kept = "";
  return qr;
}

/** Part of a link as it was before it was put there; what was cut in the middle is nothing. */
export function decoded(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}
