// Limits count in windows of the wall clock: a test that counts must not cross a border on its way.
import { setTimeout as delay } from 'node:timers/promises';

/** Waits until at least `needed` ms are left in the current window of `length` ms, aligned to the epoch. */
export async function roomInWindow(length, needed) {
  const left = length - (Date.now() % length);
  if (left < needed) await delay(left + 50);
}
