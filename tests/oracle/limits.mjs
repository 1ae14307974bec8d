// Limits: their windows, and what a call would take from which counters.
import { Decimal } from './decimal.mjs';
import { parsePath } from './paths.mjs';
import { bytes } from './strings.mjs';

export const ONE = 10n ** 9n;
const IDENTITY_BYTES_MOST = 4096;
const DAY = 86400000;
export const NEVER = null;

// The window [start, end) that a moment is in; end NEVER where it does not end by itself. All UTC.
export function windowAt(window, now) {
  const aligned = (length, offset) => {
    const start = Math.floor((now - offset) / length) * length + offset;
    return { start, end: start + length };
  };
  if (window.kind === 'seconds') return aligned(window.seconds * 1000, 0);
  if (window.kind === 'week') return aligned(7 * DAY, 4 * DAY); // 5 January 1970 was a Monday
  if (window.kind === 'month') {
    const date = new Date(now);
    const first = (months) => {
      const day = new Date(0);
      day.setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
      return day.getTime();
    };
    return { start: first(0), end: first(1) };
  }
  return { start: 0, end: NEVER };
}

const UNITS = { second: 1, minute: 60, hour: 3600, day: 86400, s: 1, m: 60, h: 3600, d: 86400 };

export function parseWindow(value, algorithm = 'fixed') {
  const window = (kind, seconds = 0) => ({ kind, seconds, algorithm });
  if (value instanceof Decimal) return window('seconds', Number(value.text));
  if (['week', 'month', 'total'].includes(value)) return window(value);
  const [, count, unit] = /^(\d*)([a-z]+)$/.exec(value);
  return window('seconds', Number(count || 1) * UNITS[unit]);
}

// What a rule or all_tools counts by, in the order in which it is asked.
export function limitsOf(checks, place, isRule) {
  const limits = (checks.get('limits') ?? []).map((limit, i) => ({ limit, place: `${place}/limits/${i}` }));
  let short = checks.get('rate_limit');
  if (short !== undefined && isRule) {
    if (typeof short === 'string') {
      const [max, window] = short.split('/');
      short = new Map([['max', new Decimal(max)], ['window', window]]);
    }
    limits.push({ limit: short, place: `${place}/rate_limit`, rate: true });
  }
  if (checks.has('concurrent')) {
    limits.push({ limit: new Map([['max', checks.get('concurrent')]]), place: `${place}/concurrent`, concurrent: true });
  }
  return limits;
}

// What scope "args.<path>" counts by; undefined: it cannot be counted by.
function argumentAt(path, question) {
  let value = question.args ?? new Map();
  for (const { member, index } of parsePath(path).steps) {
    if (member !== undefined) value = value instanceof Map ? value.get(member) : undefined;
    else value = Array.isArray(value) ? value[index] : undefined;
  }
  return value;
}

function scopeValue(value) {
  if (typeof value === 'string' || typeof value === 'boolean') return `${typeof value}:${value}`;
  return value instanceof Decimal && value.comparable ? `number:${value.canonical()}` : undefined;
}

// What an agent reads where the policy has no words of its own.
function standardText(cost, by) {
  const whose = by === undefined ? '' : ` for this ${by}`;
  return cost === undefined ? `The limit of calls${whose} is reached.` : `With this call the sum of ${cost}${whose} would pass its limit.`;
}

// The debits of one limit, the grant's parents' behind its own; undefined: the call cannot be counted.
export function debitsOf({ limit, place, rate, concurrent }, question, hints) {
  const counter = rate ? `${question.name}_rate` : concurrent ? question.name : limit.get('counter');
  const window = concurrent ? { kind: 'concurrent', seconds: 0, algorithm: 'fixed' }
    : parseWindow(limit.get('window'), limit.get('algorithm'));
  let scope = limit.get('scope') ?? 'grant';
  const by = scope.startsWith('args') ? scope : undefined;
  if (scope === 'session' && question.session === '') scope = 'grant';

  let values;
  if (scope.startsWith('args')) {
    const value = argumentAt(scope, question);
    if (scopeValue(value) === undefined) return undefined;
    values = [scopeValue(value)];
    scope = 'args';
  } else {
    const own = { grant: question.grant.id, session: question.session, server: question.server.name, global: '' };
    values = scope === 'grant' ? [own.grant, ...question.ancestors.map((grant) => grant.id)] : [own[scope]];
  }

  let cost = ONE;
  const takes = typeof limit.get('cost') === 'string' ? limit.get('cost') : undefined;
  if (takes !== undefined) {
    const value = argumentAt(takes, question);
    cost = value instanceof Decimal ? value.amount() : null;
    if (cost === null) return undefined;
  }
  return values.map((value, i) => ({
    identity: JSON.stringify([scope, value, scope === 'global' ? '' : question.server.name, counter,
      window.kind, window.seconds, window.algorithm]),
    tooLong: bytes(value) > IDENTITY_BYTES_MOST,
    window, cost, max: limit.get('max').amount(), rule: place, concurrent, ofParent: i > 0,
    hasCost: takes !== undefined, told: takes === undefined && hints, message: limit.get('on_deny') ?? (concurrent ? '' : standardText(takes, by)),
  }));
}
