// A failing case made small: parts of it are left out for as long as it still fails the same way.
import { differs, judge } from './compare.mjs';
import { askNow } from './driver.mjs';
import { parse, write } from './json.mjs';

function fault(one) {
  let expected;
  try {
    expected = judge(one);
  } catch {
    return undefined; // left out too much: no valid document any more
  }
  const { answer, why } = askNow(one);
  if (answer === null) return { what: 'the driver ended', step: -1, why };
  return differs(expected, answer);
}

// Every value with one member or element less, from the outside in.
function* lesser(value) {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield value.toSpliced(i, 1);
    for (let i = 0; i < value.length; i++) for (const one of lesser(value[i])) yield value.with(i, one);
  } else if (value instanceof Map) {
    for (const key of value.keys()) yield new Map([...value].filter(([other]) => other !== key));
    for (const [key, part] of value) for (const one of lesser(part)) yield new Map([...value, [key, one]]);
  }
}

function* withoutSteps(one) {
  const at = one.steps.length;
  for (let size = at >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from + size <= at; from += size) {
      const steps = [];
      const moved = new Map();
      one.steps.forEach((step, i) => {
        if ((i >= from && i < from + size) || (step.do !== 'call' && !moved.has(step.call))) return;
        moved.set(i, steps.length);
        steps.push(step.do === 'call' ? step : { ...step, call: moved.get(step.call) });
      });
      yield { ...one, steps };
    }
  }
}

function* smaller(one) {
  yield* withoutSteps(one);
  for (const [i, server] of one.servers.entries()) {
    if (server.policy === null) continue;
    for (const policy of lesser(parse(server.policy))) {
      yield { ...one, servers: one.servers.with(i, { ...server, policy: write(policy) }) };
    }
  }
  for (const [i, step] of one.steps.entries()) {
    if (step.args === undefined) continue;
    for (const args of lesser(parse(step.args))) yield { ...one, steps: one.steps.with(i, { ...step, args: write(args) }) };
  }
}

const TRIES = 1500;

// { one, fault }: the smallest that was found.
export function shrink(failure) {
  let found = { one: failure.one, fault: fault(failure.one) };
  if (!found.fault) return failure; // not by itself: only behind the cases before it
  for (let tries = 0, better = true; better && tries < TRIES;) {
    better = false;
    for (const candidate of smaller(found.one)) {
      if (++tries > TRIES) break;
      const still = fault(candidate);
      if (still?.what !== found.fault.what) continue;
      found = { one: candidate, fault: still };
      better = true;
      break;
    }
  }
  return found;
}

// A case to be read by people, and by `tests/oracle/run --case FILE`.
export function printed({ one, fault: { what, step, expected, got, why } }) {
  const text = (value) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
  const call = one.steps[step];
  return [`differs in: ${what}`, ...(call ? [`call: ${text(call)}`, `policy: ${one.servers[call.server]?.policy}`] : []),
    ...(why ? [why] : [`reference: ${text(expected)}`, `warder:    ${text(got)}`]), `case: ${JSON.stringify(one)}`].join('\n');
}
