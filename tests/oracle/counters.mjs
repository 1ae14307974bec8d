// What calls have taken from limits. An identity is a tuple; here its JSON text is its name.
import { NEVER, ONE, windowAt } from './limits.mjs';

// When that moment, and with it all before it, has left a sliding window; moments stand in their order.
const endOfMoment = (window, moments, at) => (at in moments ? moments[at] + window.seconds * 1000 : NEVER);

export class Counters {
  constructor() {
    this.byName = new Map();
    this.latest = -Infinity; // of all windows and moments that were looked at
    this.floor = -Infinity; // no counter begins in a window before it
  }

  // The counter as it stands at `now`: what of it is over is dropped. A clock that ran back leaves it where it was.
  look({ identity, window }, at) {
    const now = Math.max(at, this.floor);
    const found = this.byName.get(identity) ?? { window, start: -Infinity, used: 0n, moments: [] };
    const counter = { ...found, touched: now };
    if (window.kind === 'concurrent') return { ...counter, end: NEVER };
    if (window.algorithm === 'sliding') {
      const moment = Math.max(now, counter.start);
      const moments = counter.moments.filter((one) => one + window.seconds * 1000 > moment);
      return { ...counter, moments, start: moment, used: BigInt(moments.length) * ONE, end: endOfMoment(window, moments, 0) };
    }
    const { start } = windowAt(window, now);
    const { end } = windowAt(window, Math.max(start, counter.start));
    return start > counter.start ? { ...counter, start, used: 0n, end } : { ...counter, end };
  }

  // When `cost` fits into `max` again. NEVER: not by waiting.
  #resets(counter, cost, max) {
    if (cost > max) return NEVER;
    if (counter.window.algorithm !== 'sliding') return counter.end;
    const calls = Number(max / ONE);
    return endOfMoment(counter.window, counter.moments, counter.moments.length - calls);
  }

  // All debits together, or none: { taken } or { over: [every debit that fails, in order] }.
  reserve(debits, now) {
    const costs = new Map();
    for (const { identity, cost } of debits) {
      const before = costs.get(identity) ?? 0n;
      costs.set(identity, cost > before ? cost : before);
    }
    const tooLong = debits.find((debit) => debit.tooLong);
    // What a counter has seen, it has seen, whatever becomes of the call.
    for (const debit of debits.slice(0, tooLong ? debits.indexOf(tooLong) : undefined)) {
      const counter = this.look(debit, now);
      if (!['total', 'concurrent'].includes(debit.window.kind)) this.latest = Math.max(this.latest, counter.start);
      if (this.byName.has(debit.identity)) this.byName.set(debit.identity, counter);
    }
    if (tooLong) return { over: [{ debit: tooLong, full: true }] };
    const over = [];
    for (const debit of debits) {
      const counter = this.look(debit, now), cost = costs.get(debit.identity);
      if (counter.used + cost <= debit.max) continue;
      over.push({ debit, used: counter.used, resets: this.#resets(counter, cost, debit.max) });
    }
    if (over.length > 0) return { over };
    const taken = new Map();
    for (const debit of debits) {
      if (taken.has(debit.identity)) continue;
      const cost = costs.get(debit.identity);
      const counter = this.look(debit, now);
      counter.used += cost;
      if (debit.window.algorithm === 'sliding') counter.moments = [...counter.moments, counter.start];
      this.byName.set(debit.identity, counter);
      taken.set(debit.identity, { debit, cost, start: counter.start });
    }
    taken.counters = [...taken]; // what a reset sets back, also when one has done so before
    return { taken };
  }

  // Nothing of the call left: into its own window only. A call in flight is not any more.
  giveBack(taken) {
    for (const [identity, { debit, cost, start }] of taken) {
      const counter = this.byName.get(identity);
      if (counter === undefined) continue; // its window is over, and it was forgotten
      if (debit.window.algorithm === 'sliding') {
        const at = counter.moments.indexOf(start);
        if (at < 0) continue;
        counter.moments.splice(at, 1);
        counter.used -= cost;
      } else if (debit.window.kind === 'concurrent' || counter.start === start) {
        counter.used -= cost;
      }
    }
  }

  // The call ended: it is not in flight any more.
  release(taken) {
    for (const [identity, { debit, cost }] of taken) {
      if (debit.window.kind === 'concurrent') this.byName.get(identity).used -= cost;
    }
  }

  // What no window holds any more is forgotten when it was not looked at for a minute, but not that its windows are over.
  // It can only be told apart where a denied call moved a counter and the clock then ran back.
  expire(now) {
    this.floor = Math.max(this.floor, now);
    for (const [identity, { window, start, used, touched }] of this.byName) {
      const holds = window.kind === 'total' || window.kind === 'concurrent' ? used > 0n
        : (window.algorithm === 'sliding' ? start + window.seconds * 1000 : windowAt(window, start).end) > this.floor;
      if (!holds && this.floor - touched >= 60000) this.byName.delete(identity);
    }
  }

  // An operator sets back what a call took: it and all others that were counted there have taken nothing.
  reset(taken, takings) {
    for (const [identity, { debit }] of taken.counters) {
      if (debit.window.kind === 'concurrent') continue;
      this.byName.delete(identity);
      for (const each of takings) each.delete(identity);
    }
  }

  // The gateway starts again: nothing is in flight, and the clock may not go back behind what any counter has seen.
  restart() {
    for (const [identity, counter] of this.byName) { // what holds nothing is not remembered
      counter.touched = 0;
      if (counter.window.kind === 'concurrent' || counter.used === 0n) this.byName.delete(identity);
    }
    this.expire(this.latest);
  }

  // What is used at `now`, above 0, by identity.
  view(now) {
    const used = [];
    for (const [identity, { window }] of this.byName) {
      const counter = this.look({ identity, window }, now);
      if (counter.used > 0n) used.push([identity, String(counter.used), counter.end]);
    }
    return used.sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
