// One function an operator: (argument, value, condition) -> F, U or T. The argument is there and not null.
import { Decimal } from './decimal.mjs';
import * as strings from './strings.mjs';

export const F = 0, U = 1, T = 2; // Kleene's three, in his order
export const and = (answers) => answers.reduce((a, b) => Math.min(a, b), T);
export const or = (answers) => answers.reduce((a, b) => Math.max(a, b), F);
export const not = (answer) => T - answer;
const of = (truth) => (truth ? T : F);

export function kindOf(value) {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Decimal) return 'number';
  if (Array.isArray(value)) return 'array';
  return value instanceof Map ? 'object' : typeof value;
}

const SUBJECT_BYTES_MOST = 65536;

// Equality within one type.
function equal(a, b) {
  const kind = kindOf(a);
  if (kind !== kindOf(b) || kind === 'array' || kind === 'object') return U;
  if (kind !== 'number') return of(a === b);
  return a.comparable && b.comparable ? of(a.compare(b) === 0) : U;
}
const isIn = (value, list) => or(list.map((one) => equal(value, one)));

const ordered = (holds) => (argument, value) => {
  if (!(argument instanceof Decimal) || !argument.comparable) return U;
  return of(holds(argument.compare(value)));
};
const onText = (answer) => (argument, value, condition) =>
  (typeof argument === 'string' ? answer(argument, value, condition) : U);

function length(argument) {
  if (typeof argument === 'string') return [...argument].length;
  return Array.isArray(argument) ? argument.length : undefined;
}
const measured = (holds) => (argument, value) => {
  const found = length(argument);
  return found === undefined ? U : of(holds(new Decimal(String(found)).compare(value)));
};

function isOfType(argument, type) {
  if (!(argument instanceof Decimal) || !['number', 'integer'].includes(type)) return of(kindOf(argument) === type);
  if (!argument.comparable) return U;
  return of(type === 'number' || argument.isInteger());
}

// PCRE2's dot leaves out the line feed alone; JavaScript's three characters more.
function toJavaScript(pattern) {
  return pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\./gsu, (piece) => (piece === '.' ? '[^\\n]' : piece));
}
const compiled = new Map();
function regexOf(pattern) {
  if (compiled.size > 1000) compiled.clear();
  if (!compiled.has(pattern)) compiled.set(pattern, new RegExp(toJavaScript(pattern), 'u'));
  return compiled.get(pattern);
}

export const operators = {
  eq: (argument, value) => equal(argument, value),
  neq: (argument, value) => not(equal(argument, value)),
  lt: ordered((order) => order < 0),
  lte: ordered((order) => order <= 0),
  gt: ordered((order) => order > 0),
  gte: ordered((order) => order >= 0),
  in: (argument, list) => isIn(argument, list),
  not_in: (argument, list) => not(isIn(argument, list)),
  regex: onText((text, pattern) => (strings.bytes(text) > SUBJECT_BYTES_MOST ? U : of(regexOf(pattern).test(text)))),
  contains: (argument, value) => {
    if (Array.isArray(argument)) {
      return or(argument.map((element) => equal(element, value)));
    }
    return typeof argument === 'string' && typeof value === 'string' ? of(argument.includes(value)) : U;
  },
  starts_with: onText((text, value) => of(text.startsWith(value))),
  ends_with: onText((text, value) => of(text.endsWith(value))),
  glob: onText((text, pattern) => of(strings.globMatch(pattern, text))),
  length_lte: measured((order) => order <= 0),
  length_gte: measured((order) => order >= 0),
  type: (argument, types) => or([types].flat().map((type) => isOfType(argument, type))),
  subset_of: (argument, list) => {
    if (!Array.isArray(argument) || argument.length === 0) return U;
    return and(argument.map((element) => isIn(element, list)));
  },
  path_within: onText((text, roots) => {
    const parts = strings.resolvePath(text);
    return parts === undefined ? U : of(roots.some((root) => strings.isWithin(parts, root)));
  }),
  host_in: onText((text, hosts) => {
    const found = strings.hostOfUrl(text);
    return found === undefined ? U : of(strings.hostIsOneOf(found, hosts));
  }),
  command: onText((text, patterns, condition) => {
    const words = strings.shellWords(text);
    return words === undefined ? U : of(strings.commandMatches(words, patterns, condition.noWords));
  }),
};
