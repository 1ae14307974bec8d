// Cases out of a seed: policies, grants, and calls at the edges of what the policies say.
import { write } from './json.mjs';
import { parseWindow, windowAt } from './limits.mjs';
import { anyText, number, oddFor, OPS } from './values.mjs';
import { changeNear, ZONES } from './zones.mjs';

const OP_NAMES = Object.keys(OPS);
const TOOLS = ['get_a', 'get_list', 'get_', 'admin_get', 'send', 'sénd', 'send_mail', 'a/b~c', 'Get_a', 'x', 'a.b', '日本'];
const PATTERNS = ['*', 'get_*', '*_list', 'admin_*', 's*d', '*é*', 'a*', 'get*t', '*_*_x', '日*', 'x*x', '**'];
const CLASSES = ['read', 'write', 'execute', 'destructive', 'financial', 'other'];
const SESSIONS = ['', 's1', 's2', 's'];

/* ---- Conditions */
// How a path reaches one value: text behind "args", and how a value gets there.
const SHAPES = [
  [8, (name) => [`.${name}`, [{ member: name }]]],
  [3, (name) => [`.${name}.p`, [{ member: name }, { member: 'p' }]]],
  [2, (name) => [`.${name}[0]`, [{ member: name }, { index: 0 }]]],
  [1, (name) => [`.${name}[1].p`, [{ member: name }, { index: 1 }, { member: 'p' }]]],
  [4, (name) => [`.${name}[*]`, [{ member: name }, { each: true }]]],
  [3, (name) => [`.${name}[*].p`, [{ member: name }, { each: true }, { member: 'p' }]]],
  [4, (name) => [`.${name}[]`, [{ member: name }, { each: true, orSelf: true }]]],
  [1, (name) => [`.${name}[].p`, [{ member: name }, { each: true, orSelf: true }, { member: 'p' }]]],
  [1, (name) => [`.${name}[*][*]`, [{ member: name }, { each: true }, { each: true }]]],
  [1, (name) => [`.${name}[*].p[]`, [{ member: name }, { each: true }, { member: 'p' }, { each: true, orSelf: true }]]],
  [2, (name) => [`["odd.${name}\\"]"]`, [{ member: `odd.${name}"]` }]]],
  [1, (name) => [`["é ${name}"].p`, [{ member: `é ${name}` }, { member: 'p' }]]],
];

function argumentTest(random, scene, wanted) {
  const op = random.pick(OP_NAMES);
  const made = OPS[op](random, scene.exact);
  const [text, steps] = random.weighted(SHAPES)(`a${random.below(scene.names)}`);
  const value = made.list && random.chance(0.3) ? scene.list(made.value) : made.value;
  scene.hints.push({ steps, made, wanted });
  return { path: `args${text}`, op, value, no_words: made.noWords };
}

function callTest(random, scene, deniesOnly) {
  const number1 = (least, most) => number(random.between(least, most));
  const strings = (choices) => random.weighted([
    [2, () => ({ op: random.pick(['eq', 'neq']), value: random.pick(choices) })],
    [2, () => ({ op: random.pick(['in', 'not_in']), value: random.some(choices, 2) })],
    [1, () => ({ op: 'glob', value: `${random.pick(choices).slice(0, 1)}*` })],
    [1, () => ({ op: random.pick(['starts_with', 'ends_with', 'contains']), value: random.pick(choices.filter((one) => one !== '')) })],
    [1, () => ({ op: 'exists', value: random.chance(0.5) })],
    [1, () => ({ op: random.pick(['length_lte', 'length_gte']), value: number1(1, 6) })],
  ])();
  const numbers = (least, most) => ({ op: random.pick(['lt', 'lte', 'gt', 'gte', 'eq', 'neq']), value: number1(least, most) });
  return random.weighted([
    [2, () => ({ path: 'tool', ...strings(TOOLS) })],
    [1, () => ({ path: 'server', ...strings(['pay', 'files']) })],
    [2, () => ({ path: 'class', ...random.pick([{ op: random.pick(['eq', 'neq']), value: random.pick(CLASSES) },
      { op: random.pick(['in', 'not_in']), value: random.some(CLASSES, 3) }]) })],
    [2, () => ({ path: 'grant.label', ...strings(['laptop', 'ci', 'é']) })],
    [1, () => ({ path: 'grant.tags', op: 'contains', value: random.pick(['prod', 'dev', 'é']) })],
    [1, () => ({ path: 'grant.tags', op: 'subset_of', value: random.some(['prod', 'dev', 'é']) })],
    [2, () => ({ path: 'grant.tags[*]', ...strings(['prod', 'dev', 'é']) })],
    [2, () => ({ path: 'session.id', ...strings(['s1', 's2']) })],
    [deniesOnly ? 2 : 0, () => ({ path: 'client.name', ...strings(['agent', 'é']) })],
    [2, () => ({ path: 'time.hour', ...numbers(0, 23) })],
    [2, () => ({ path: 'time.weekday', ...numbers(1, 7) })],
  ])();
}

function condition(random, scene, wanted, deniesOnly, depth) {
  const part = (want, denies) => condition(random, scene, want, denies, depth + 1);
  const parts = () => Array.from({ length: random.between(1, 3) }, () => part(wanted, deniesOnly));
  return random.weighted([
    [depth < 3 ? 3 : 0, () => ({ any: parts() })],
    [depth < 3 ? 2 : 0, () => ({ all: parts() })],
    [depth < 3 ? 4 : 0, () => ({ not: part(!wanted, false) })],
    [3, () => callTest(random, scene, deniesOnly)],
    [18, () => argumentTest(random, scene, wanted)],
  ])();
}

function entries(random, scene, wanted) {
  const deniesOnly = !wanted;
  return Array.from({ length: random.pick([0, 1, 1, 1, 2]) }, () => ({
    conditions: deniesOnly && random.chance(0.02) ? []
      : Array.from({ length: random.pick([1, 1, 2]) }, () => condition(random, scene, wanted, deniesOnly, 0)),
    on_deny: random.chance(0.2) ? 'No.' : undefined,
  }));
}

/* ---- Limits */
const WINDOWS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'total', number(7), number(60), number(1), number(604800),
  '15m', '6h', '2d', '1m', '45d'];
const SLIDING = ['second', 'minute', 'hour', 'day', number(7), number(86400), number(90), '15m', '6h', '1d'];
const PLACES = [['args.to', [{ member: 'to' }]], ['args.o.to', [{ member: 'o' }, { member: 'to' }]],
  ['args.list[1]', [{ member: 'list' }, { index: 1 }]], ['args["t.o"]', [{ member: 't.o' }]]];
const COUNTED = ['x', 'X', '', '1', 'true', 'é', true, false, '1', '1.0', '10e-1', '2', '-1', '0', '-0', '1e2', '100'];
const COSTS = ['1', '0.5', '2.50', '1e1', '100', '0.000000001', '3', '1e0'];
const ODD_COSTS = ['0', '-1', '1e-10', '1e29', '0.0', '1.0000000001', '1e401', '-0.5', '12345678901234567890123456789.123456789',
  '99999999999999999999999999999', '100000000000000000000000000000', '1.0000000000', '1e28', '0.00000000010'];

function scopePlace(random, scene) {
  const [path, steps] = random.pick(PLACES);
  const value = () => {
    const one = random.pick(COUNTED);
    return typeof one === 'string' && /^-?\d/.test(one) && random.chance(0.8) ? number(one) : one;
  };
  scene.hints.push({ steps, wanted: true, made: { yes: value, no: value,
    odd: () => (random.chance(0.1) ? 'y'.repeat(random.pick([3000, 4500])) : random.pick([[], new Map(), null, undefined])) } });
  return path;
}

function limit(random, scene) {
  const sliding = random.chance(0.3);
  const window = random.pick(sliding ? SLIDING : WINDOWS);
  const scope = random.weighted([[4, undefined], [2, 'grant'], [4, 'session'], [3, 'server'], [3, 'global'], [6, 'args']]);
  const costs = !sliding && random.chance(0.35);
  scene.windows.push(parseWindow(window, sliding ? 'sliding' : 'fixed'));
  if (costs) {
    scene.hints.push({ steps: [{ member: 'amount' }], wanted: true, made: { yes: () => number(random.pick(COSTS)),
      no: () => number(random.pick(ODD_COSTS.filter((one) => scene.exact || number(one).fitsDouble() || random.chance(0.05)))) } });
  }
  return {
    counter: `${costs ? 'spent' : 'calls'}${random.below(2)}`, window,
    max: number(costs ? random.pick(['10', '2.5', '100.000000001', '1e2', '3', '1e28', '0.000000001', '200.50']) : random.pick([1, 1, 2, 2, 3, 5, 8])),
    scope: scope === 'args' ? scopePlace(random, scene) : scope,
    cost: costs ? 'args.amount' : random.chance(0.1) ? number(1) : undefined,
    algorithm: sliding ? 'sliding' : random.chance(0.1) ? 'fixed' : undefined,
    on_deny: random.chance(0.1) ? 'Too many.' : undefined,
  };
}

// Two windows of one length are one identity: what differs must be told apart by the counter's name.
function limits(random, scene, most) {
  return Array.from({ length: random.below(most + 1) }, () => limit(random, scene));
}

function rateLimit(random, scene) {
  const max = random.pick([1, 2, 3, 5]);
  const window = random.pick(WINDOWS);
  scene.windows.push(parseWindow(window));
  if (typeof window === 'string' && random.chance(0.5)) return `${max}/${window}`;
  return { max: number(max), window, scope: random.chance(0.4) ? random.pick(['session', 'grant']) : undefined };
}

/* ---- Policies */
function mayMeet(a, b) {
  if (a === b) return true;
  const ends = (text) => [text.split('*')[0], text.split('*').at(-1)];
  const [[startA, endA], [startB, endB]] = [ends(a), ends(b)];
  return (startA.startsWith(startB) || startB.startsWith(startA)) && (endA.endsWith(endB) || endB.endsWith(endA));
}
const literal = (pattern) => Buffer.byteLength(pattern.replaceAll('*', ''));

function selectors(random) {
  const patterns = [];
  for (const one of random.some(PATTERNS, 3)) {
    if (!patterns.some((earlier) => literal(earlier) === literal(one) && mayMeet(earlier, one))) patterns.push(one);
  }
  const classes = random.chance(0.1) ? CLASSES : random.chance(0.4) ? random.some(CLASSES, 3) : [];
  return [...random.some(TOOLS, 3), ...(random.chance(0.7) ? patterns : []), ...classes.map((one) => `@${one}`)];
}

function checks(random, scene, limitsMost) {
  return {
    require: random.chance(0.5) ? entries(random, scene, true) : undefined,
    deny_if: random.chance(0.5) ? entries(random, scene, false) : undefined,
    limits: random.chance(0.6) ? limits(random, scene, limitsMost) : undefined,
    concurrent: random.chance(0.15) ? number(random.between(1, 3)) : undefined,
  };
}

function rule(random, scene) {
  if (random.chance(0.06)) return { action: 'deny', reason: random.chance(0.5) ? 'Never.' : undefined };
  return { action: random.chance(0.1) ? 'allow' : undefined, ...checks(random, scene, 3),
    rate_limit: random.chance(0.2) ? rateLimit(random, scene) : undefined,
    timeout: random.chance(0.1) ? random.pick([number(1), number(3600), '30s', '5m', '60m']) : undefined };
}

const RESOURCES = ['docs://a', 'docs://internal/a', 'docs://é', 'file:///x', ''];
const PROMPTS = ['summary', 'Ask-Me', 'ask_me', 'é', 'plan', 'get-a', 'GET_LIST', 'send-mail', 'admin-get', 'x', 'S\u00c9nd'];
const LISTED = ['get_a', 'get_list', 'send', 'send_mail', 'admin_get', 'x', 'Plan'];
function access(random, names, patterns) {
  const list = () => (random.chance(0.3) ? undefined : [...new Set(random.some([...names.filter((one) => one !== ''), ...patterns], 3))]);
  return { default: random.pick([undefined, 'allow', 'deny']), allow: list(), deny: list() };
}

function policy(random, scene) {
  const lists = {};
  scene.list = (value) => {
    const name = `l${Object.keys(lists).length}`;
    lists[name] = value;
    return { $list: name };
  };
  const chosen = selectors(random);
  const tools = Object.fromEntries(chosen.map((one) => [one, rule(random, scene)]));
  return {
    version: '1', default: random.pick(['allow', 'deny']),
    hide: random.chance(0.25) ? random.some([...TOOLS, ...PATTERNS.slice(1), '@destructive', '@other'], 2) : undefined,
    all_tools: random.chance(0.4) ? checks(random, scene, 2) : undefined,
    tools: random.chance(0.97) ? tools : undefined,
    resources: random.chance(0.3) ? access(random, RESOURCES, ['docs://*', '*/internal/*', '*']) : undefined,
    prompts: random.chance(0.3) ? access(random, PROMPTS, ['ask*', '*-*', '*']) : undefined,
    methods: random.chance(0.3) ? { 'completion/complete': random.pick(['allow', 'deny']), 'roots/list': random.pick(['allow', 'deny']) } : undefined,
    timezone: random.chance(0.4) ? (scene.timezone = random.pick([...Object.keys(ZONES), 'UTC'])) : undefined,
    hints: random.chance(0.1) ? false : undefined,
    lists: Object.keys(lists).length > 0 ? lists : undefined,
  };
}

/* ---- Arguments */
function put(random, holder, [step, ...rest], make, broken) {
  if (step === undefined) return make();
  if (broken && random.chance(0.4)) return random.pick(['odd', number(3), true, null, [], [number(1)], new Map(), undefined]);
  const next = (value) => put(random, value, rest, make, broken);
  if (step.member !== undefined) {
    const object = holder instanceof Map ? holder : new Map();
    const value = next(object.get(step.member));
    if (value === undefined) object.delete(step.member);
    else object.set(step.member, value);
    return object;
  }
  const array = Array.isArray(holder) ? holder : [];
  if (step.each) {
    if (step.orSelf && random.chance(0.3)) return next(undefined);
    const some = Array.from({ length: random.pick([0, 1, 1, 2, 2, 3]) }, () => next(undefined));
    return some.map((one) => (one === undefined ? null : one));
  }
  while (array.length < step.index) array.push(null);
  const value = next(array[step.index]);
  if (value === undefined) array.length = Math.min(array.length, step.index);
  else array[step.index] = value;
  return array;
}

function argumentsOf(random, scene) {
  const args = new Map();
  if (random.chance(0.03)) return undefined;
  for (const { steps, made, wanted } of scene.hints) {
    const make = random.weighted([
      [14, () => (wanted ? made.yes : made.no)], [4, () => (wanted ? made.no : made.yes)],
      [3, () => () => oddFor(made, random, scene.exact)], [1, () => () => null], [1, () => () => undefined],
    ])();
    put(random, args, steps, make, random.chance(0.04));
  }
  if (random.chance(0.1)) args.set('more', random.pick([number(1), anyText(random), null, [number('0.1')]]));
  return args;
}

// JSON text, now and then with characters escaped that need not be.
function spelled(random, args) {
  const text = write(args);
  if (!random.chance(0.15)) return text;
  const escape = (char) => (random.chance(0.2) ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char);
  return text.replace(/"(?:[^"\\]|\\.)*"/g, (string) =>
    string.replace(/\\u....|\\.|[a-zé日/]/g, (piece) => (piece.length > 1 ? piece : escape(piece))));
}

/* ---- Calls */
function nameFor(random, document) {
  const chosen = Object.keys(document?.tools ?? {});
  if (chosen.length === 0 || random.chance(0.15)) return random.pick(TOOLS);
  const one = random.pick(chosen);
  if (one.startsWith('@')) return random.chance(0.9) ? random.pick(['new_tool', ...TOOLS]) : one;
  if (!one.includes('*')) return one;
  const fill = () => one.split('*').reduce((text, piece) => text + random.pick(['', 'x', 'y_', 'é']) + piece) || 'z';
  return random.chance(0.85) ? fill() : random.pick([`x${fill()}`, `${fill()}x`, fill().slice(1) || 'z', fill().slice(0, -1) || 'z', fill().toUpperCase()]);
}

const START = Date.UTC(2026, 0, 1), YEAR_1971 = Date.UTC(1971, 0, 1);
function moment(random, scene, now, last) {
  const window = random.pick(scene.windows.length > 0 ? scene.windows : [{ kind: 'month', seconds: 0 }]);
  const near = (at) => at + random.pick([-1, 0, 1]);
  return random.weighted([
    [40, () => now + random.below(400)],
    [12, () => now],
    [8, () => near(windowAt(window, now).end ?? now)],
    [4, () => near(windowAt(window, now).start)],
    [8, () => (window.seconds > 0 ? near(random.pick(last) + window.seconds * 1000) : now + 1000)],
    [3, () => now - random.between(1, 5000)],
    [1, () => now - random.pick([60000, 3600000, 86400000, 40 * 86400000])],
    [scene.timezone ? 8 : 0, () => changeNear(random)],
    [2, () => now + random.pick([60000, 3600000, 86400000, 7 * 86400000, 31 * 86400000])],
  ])();
}
const somewhere = (random) => random.pick([START, 0, Date.UTC(2024, 1, 29, 23, 59, 59, 999), Date.UTC(2023, 1, 28), Date.UTC(1970, 0, 4, 23, 59, 59),
  Date.UTC(2100, 1, 28, 12), Date.UTC(1969, 11, 31, 23, 59), Date.UTC(2025, 11, 29), Date.UTC(2038, 0, 19, 3, 14, 7), Date.UTC(1900, 0, 1), Date.UTC(9000, 5, 5)])
  + random.below(86400000);

function step(random, scenes, state) {
  const allowedSoFar = state.calls;
  if (allowedSoFar.length > 0 && random.chance(0.14)) {
    return { do: random.weighted([[6, 'release'], [6, 'back'], [1, 'reset']]), call: random.pick(allowedSoFar.slice(-6)) };
  }
  if (random.chance(0.02)) {
    if (random.chance(0.5) && state.now > YEAR_1971) return { do: 'restart' };
    return { do: 'expire', now: random.pick([...state.times, state.now + random.pick([0, 1000, 86400000])]) };
  }
  const server = random.chance(0.8) ? 0 : random.below(scenes.length);
  const scene = scenes[server];
  state.now = moment(random, scene, state.now, state.times);
  state.times = [...state.times.slice(-3), state.now];
  const kind = random.weighted([[88, 'tool'], [4, 'resource'], [4, 'prompt'], [3, 'method']]);
  const name = { resource: () => random.pick(RESOURCES), prompt: () => random.pick(PROMPTS), method: () => random.pick(['completion/complete', 'roots/list', 'tasks/get']),
    tool: () => (random.chance(0.7) ? scene.favourite : nameFor(random, scene.document)) }[kind]();
  const isTool = kind === 'tool';
  const listed = kind !== 'method' && random.chance(0.06) ? true : undefined;
  const args = isTool && !listed ? (random.chance(0.3) && scene.lastArgs) || argumentsOf(random, scene) : undefined;
  scene.lastArgs = args;
  return { do: 'call', kind, server, grant: random.below(state.grants), name, known: isTool && !random.chance(0.015),
    class: isTool || kind === 'prompt' ? (random.chance(0.6) ? scene.class : random.pick([...CLASSES, undefined])) : undefined,
    pin: kind !== 'method' ? random.weighted([[95, undefined], [2, 'changed'], [1, 'never']]) : undefined, frozen: random.chance(0.015) || undefined,
    args: args && spelled(random, args), listed, session: random.pick(SESSIONS), client: random.pick(['', 'agent', 'é']), now: state.now };
}

// One case, as the driver reads it.
export function generate(random) {
  const scenes = Array.from({ length: random.pick([1, 1, 2]) }, () => {
    const scene = { exact: random.chance(0.4), hints: [], windows: [], names: random.between(3, 8) };
    scene.document = random.chance(0.02) ? undefined : policy(random, scene);
    scene.favourite = nameFor(random, scene.document);
    scene.class = random.pick([...CLASSES, undefined]);
    return scene;
  });
  const grants = Array.from({ length: random.between(1, 4) }, (_, i) => ({
    id: `g${i}`, label: random.pick(['laptop', 'ci', 'é']), tags: random.pick([[], ['prod'], ['prod', 'dev'], ['é', 'dev']]),
    parent: i > 0 && random.chance(0.6) ? random.below(i) : undefined,
  }));
  const state = { now: random.chance(0.5) ? START + random.below(86400000) : somewhere(random), times: [START], calls: [], grants: grants.length };
  const steps = [];
  for (let count = random.between(16, 48), i = 0; i < count; i++) {
    const one = step(random, scenes, state);
    if (one.do === 'call' && one.kind === 'tool') state.calls.push(i);
    steps.push(one);
  }
  return {
    servers: scenes.map(({ exact, document }, i) => ({ name: ['pay', 'files'][i], exact, tools: random.some(LISTED), policy: document === undefined ? null : write(document) })),
    zones: Object.fromEntries(scenes.filter(({ timezone }) => timezone in ZONES)
      .map(({ timezone }) => [timezone, ZONES[timezone]])),
    grants, steps, end: state.now + random.pick([0, 0, 1000, 60000, 86400000]),
  };
}

