// A case through the reference, and its answers held against those of the driver.
import { Counters } from './counters.mjs';
import { Decimal } from './decimal.mjs';
import { parse } from './json.mjs';
import { decide, isListed, parsePolicy } from './reference.mjs';

const ancestorsOf = (grants, grant) =>
  (grant.parent === undefined ? [] : [grants[grant.parent], ...ancestorsOf(grants, grants[grant.parent])]);
const amountText = (scaled) => new Decimal(`${scaled}e-9`).canonical();

// What the reference says of every step, and what is used in the end. `seen` counts what was met.
export function judge(one, seen = () => {}) {
  const policies = one.servers.map(({ policy }) => parsePolicy(policy));
  const counters = new Counters();
  const takings = new Map();
  let clock;
  const steps = one.steps.map((step, i) => {
    if (step.do === 'expire') counters.expire(step.now);
    if (step.do === 'restart') {
      counters.restart();
      takings.clear();
    }
    if (step.do === 'reset' && takings.has(step.call)) counters.reset(takings.get(step.call), [...takings.values()]);
    if (['expire', 'restart', 'reset'].includes(step.do)) {
      seen('did', step.do);
      return {};
    }
    if (step.do !== 'call') {
      const taken = takings.get(step.call);
      if (taken?.size > 0 && step.do === 'back') seen('given back', 'yes');
      if (taken) counters[step.do === 'back' ? 'giveBack' : 'release'](taken);
      takings.delete(step.call);
      return {};
    }
    if (clock !== undefined) seen('clock', ['runs back', 'stands', 'runs'][1 + Math.sign(step.now - clock)]);
    clock = step.now;
    const grant = one.grants[step.grant];
    const decision = decide(policies[step.server], { ...step, server: one.servers[step.server], grant,
      ancestors: ancestorsOf(one.grants, grant), args: step.args === undefined ? undefined : parse(step.args) }, seen);
    const answer = { verdict: decision.verdict, reason: decision.reason, rules: decision.rules,
      message: decision.message, timeout: decision.timeout, listed: step.listed ? isListed(decision) : undefined };
    if (decision.verdict === 'allow') {
      const { taken, over } = counters.reserve(decision.debits, step.now);
      if (taken) takings.set(i, taken);
      for (const { window, identity, ofParent, hasCost } of decision.debits) {
        if (ofParent) seen('debit', 'of a parent');
        if (hasCost) seen('debit', 'of a cost');
        seen(`scope ${JSON.parse(identity)[0]}`, over ? 'over' : 'taken');
        seen(`window ${window.algorithm} ${window.kind}`, over ? 'over' : 'taken');
      }
      if (over) answer.over = over[0];
    }
    seen('reason', answer.over ? (answer.over.debit.concurrent ? 'concurrent' : 'rate_limited') : decision.reason);
    return answer;
  });
  const used = counters.view(one.end).map(([identity, scaled, resets]) => {
    const [scope, value, server, counter] = JSON.parse(identity);
    return JSON.stringify([scope, scope === 'args' ? null : value, server, counter, amountText(scaled), resets]);
  });
  return { steps, counters: used.sort() };
}

function stepDiffers(expected, got) {
  if (expected.verdict !== got.verdict) return 'verdict';
  if (expected.verdict === undefined) return undefined;
  if (expected.reason !== got.reason) return 'reason';
  if (!expected.rules.includes(got.rule)) return 'rule';
  if (expected.message !== undefined && expected.message !== got.message) return 'message';
  if (expected.verdict === 'allow' && (expected.timeout ?? 0) !== got.timeout) return 'timeout';
  if (expected.listed !== undefined && expected.listed !== got.listed) return 'listed';
  if ((expected.over === undefined) !== (got.over === undefined)) return 'over';
  if (!expected.over) return undefined;
  const { debit, used, resets, full = false } = expected.over;
  if (debit.rule !== got.over.rule) return 'rule of the limit';
  if ((debit.concurrent ?? false) !== got.over.concurrent) return 'kind of the limit';
  if (full !== got.over.full) return 'full';
  if (debit.told !== got.over.told) return 'told';
  if (debit.message !== got.over.message) return 'message of the limit';
  if (full) return undefined;
  if (amountText(used) !== new Decimal(got.over.used).canonical()) return 'used';
  if (amountText(debit.max) !== new Decimal(got.over.max).canonical()) return 'max';
  return resets === got.over.resets ? undefined : 'resets';
}

// Where the two differ: { what, step, expected, got }, or undefined.
export function differs(expected, got) {
  if (got.refused) return { what: `refused: ${Object.values(got.refused)}`, step: -1, why: Object.keys(got.refused).join(' ') };
  for (const [i, one] of expected.steps.entries()) {
    const what = stepDiffers(one, got.steps[i]);
    if (what) return { what, step: i, expected: one, got: got.steps[i] };
  }
  const used = got.counters.map(({ scope, value = null, server, counter, used: amount, resets }) =>
    JSON.stringify([scope, value, server, counter, new Decimal(amount).canonical(), resets])).sort();
  if (JSON.stringify(used) === JSON.stringify(expected.counters)) return undefined;
  return { what: 'counters', step: got.steps.length, expected: expected.counters, got: used };
}
