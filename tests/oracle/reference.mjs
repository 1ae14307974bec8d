// The policy decision once more, after docs/policy.md alone: plain and slow, to hold the real one against.
// Documents are taken to be valid. A rule of an answer is a set of JSON Pointers where the page lets several stand.
import { Decimal } from './decimal.mjs';
import { parse } from './json.mjs';
import { and, F, kindOf, not, operators, or, T, U } from './operators.mjs';
import { debitsOf, limitsOf } from './limits.mjs';
import { parsePath } from './paths.mjs';
import { bytes, globMatch } from './strings.mjs';
import { hourOf, weekdayOf } from './zones.mjs';

/* ---- Names */
const isPattern = (selector) => selector.includes('*');
const literalBytes = (selector) => bytes(selector.replaceAll('*', ''));
const pointer = (...parts) => parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

// An exact name before all, else the patterns with the most literal bytes: all of these, where several have as many.
export function select(selectors, name) {
  const found = selectors.filter((one) => (isPattern(one) ? globMatch(one, name) : one === name));
  if (found.includes(name) && !isPattern(name)) return [name];
  const most = Math.max(...found.map(literalBytes));
  return found.filter((one) => literalBytes(one) === most);
}

// What speaks of a tool in `selectors`: { named: as select says, classes, open }. Where its class is not known every class
// does, and `open` says that some class has no selector and nothing else speaks of the tool.
const CLASSES = ['other', 'read', 'write', 'execute', 'destructive', 'financial']; // in the order in which their rules are asked
function selectTool(selectors, name, ofClass) {
  const named = select(selectors.filter((one) => !one.startsWith('@')), name);
  if (named.some((one) => !isPattern(one)) || !selectors.some((one) => one.startsWith('@'))) return { named, classes: [], open: false };
  const candidates = (ofClass === undefined ? CLASSES : [ofClass]).map((one) => `@${one}`);
  const classes = candidates.filter((one) => selectors.includes(one));
  return { named, classes, open: ofClass === undefined && classes.length < CLASSES.length && named.length === 0 };
}

/* ---- Conditions */
function rootValue(root, question, timezone) {
  switch (root) {
    case 'args': return question.args ?? new Map();
    case 'tool': return question.name;
    case 'server': return question.server.name;
    case 'class': return question.class;
    case 'grant.label': return question.grant.label;
    case 'grant.tags': return question.grant.tags;
    case 'session.id': return question.session === '' ? null : question.session;
    case 'client.name': return question.client === '' ? null : question.client;
    case 'time.hour': return new Decimal(String(hourOf(timezone, question.now)));
    default: return new Decimal(String(weekdayOf(timezone, question.now)));
  }
}

// `at`: { every, underNot, value() of roots }.
function holds(condition, at) {
  for (const group of ['any', 'all', 'not']) if (condition.has(group)) at.seen?.('group', group);
  if (condition.has('any')) return or(condition.get('any').map((part) => holds(part, at)));
  if (condition.has('all')) return and(condition.get('all').map((part) => holds(part, at)));
  if (condition.has('not')) return not(holds(condition.get('not'), { ...at, every: !at.every, underNot: true }));
  return test(condition, at);
}

function test(condition, at) {
  const op = condition.get('op');
  const value = at.operand(condition.get('value'));
  const noWords = condition.get('no_words') ?? [];

  const leaf = (argument) => {
    const missing = argument === undefined || argument === null;
    if (missing) at.seen?.(op, 'missing');
    if (op === 'exists') {
      if (!missing) at.seen?.(op, 'there');
      return missing === value ? F : T;
    }
    if ((op === 'eq' || op === 'neq') && value === null) {
      if (['array', 'object'].includes(kindOf(argument))) return U;
      return missing === (op === 'eq') ? T : F;
    }
    if (missing) return at.underNot ? U : F;
    const answer = operators[op](argument, value, { noWords });
    at.seen?.(op, 'FUT'[answer]);
    return answer;
  };
  const walk = (argument, [step, ...rest]) => {
    if (step === undefined || argument === undefined || argument === null) return leaf(argument);
    if (step.member !== undefined) {
      return argument instanceof Map ? walk(argument.get(step.member), rest) : wrongKind();
    }
    if (!Array.isArray(argument)) return step.eachOrSelf ? walk(argument, rest) : wrongKind();
    if (step.index !== undefined) return walk(argument[step.index], rest);
    at.seen?.(at.every ? 'every' : 'some', ['none', 'one'][argument.length] ?? 'several');
    if (argument.length === 0) return leaf(undefined);
    return (at.every ? and : or)(argument.map((element) => walk(element, rest)));
  };

  const wrongKind = () => {
    at.seen?.(op, 'no way');
    return U;
  };

  const { root, steps } = parsePath(condition.get('path'));
  if (root === 'class') at.seen?.('path class', at.root('class') ?? 'unknown');
  if (root === 'class' && at.root('class') === undefined) return U;
  return walk(at.root(root), steps);
}

/* ---- The decision */
const allow = (rule, more) => ({ verdict: 'allow', reason: 'allowed', rules: [rule], debits: [], ...more });
const deny = (reason, rule, message) => ({ verdict: 'deny', reason, rules: [rule], debits: [], message });
const hide = (reason, rules) => ({ verdict: 'hide', reason, rules, debits: [] });

function someNumberDiffers(value) {
  if (value instanceof Decimal) return !value.fitsDouble();
  if (Array.isArray(value)) return value.some(someNumberDiffers);
  return value instanceof Map && [...value.values()].some(someNumberDiffers);
}

// The first entry that denies, as a decision; undefined: none does.
function checkEntries(policy, checks, place, question, seen) {
  const operand = (value) => (value instanceof Map ? policy.get('lists').get(value.get('$list')) : value);
  const root = (name) => rootValue(name, question, policy.get('timezone') ?? 'UTC');
  const answerOf = (entry, every) => and(entry.get('conditions')
    .map((condition) => holds(condition, { every, underNot: false, operand, root, seen })));
  for (const [i, entry] of (checks.get('require') ?? []).entries()) {
    if (answerOf(entry, true) !== T) return deny('require', `${place}/require/${i}`, entry.get('on_deny'));
  }
  for (const [i, entry] of (checks.get('deny_if') ?? []).entries()) {
    if (answerOf(entry, false) !== F) return deny('deny_if', `${place}/deny_if/${i}`, entry.get('on_deny'));
  }
  return undefined;
}

// In milliseconds; 0: the server's own.
function timeoutOf(value = new Decimal('0')) {
  const [, count, unit] = /^(\d+)([sm]?)$/.exec(value.text ?? value);
  return Number(count) * (unit === 'm' ? 60000 : 1000);
}

function decideTool(policy, question, seen) {
  const { pin, name } = question;
  if (!question.known || pin === 'never') return hide('unknown_tool', ['(unknown)']);
  const hidden = policy.get('hide') ?? [];
  const hides = selectTool(hidden, name, question.class);
  if (hides.named.length + hides.classes.length > 0) {
    return hide('unknown_tool', [...hides.named, ...hides.classes].map((one) => pointer('hide', hidden.indexOf(one))));
  }
  const tools = policy.get('tools') ?? new Map();
  const { named, classes, open } = selectTool([...tools.keys()], name, question.class);
  const rules = [...named, ...classes].map((selector) => [tools.get(selector), pointer('tools', selector)]);
  if (classes.length > 0) seen?.('classes', [question.class ?? 'unknown', ...named.length > 0 ? ['and a pattern'] : []].join(' '));
  if ((rules.length === 0 || open) && policy.get('default') === 'deny') return deny('default_deny', '/default');
  const place = rules.length > 0 ? rules[0][1] : '/default';

  const changed = pin === 'changed' ? deny('pin_changed', '(pin)') : undefined;
  const [[denying, where] = []] = rules.filter(([rule]) => rule.get('action') === 'deny');
  const denied = denying && deny('denied', where, denying.get('reason'));
  if (question.listed) return changed ?? denied ?? allow(place);
  if (denied ?? changed) return denied ?? changed;
  if (!question.server.exact && someNumberDiffers(question.args)) return deny('invalid_arguments', '(arguments)');

  const all = policy.get('all_tools') ?? new Map();
  for (const [checks, one] of [[all, '/all_tools'], ...rules]) {
    const refused = checkEntries(policy, checks, one, question, seen);
    if (refused) return refused;
  }
  const debits = [];
  for (const limit of [...limitsOf(all, '/all_tools', false), ...rules.flatMap(([rule, one]) => limitsOf(rule, one, true))]) {
    const some = debitsOf(limit, question, policy.get('hints') ?? true);
    if (some === undefined) return deny('invalid_arguments', limit.place);
    debits.push(...some);
  }
  const timeouts = rules.map(([rule]) => timeoutOf(rule.get('timeout'))).filter((one) => one > 0);
  return allow(place, { debits, timeout: timeouts.length > 0 ? Math.min(...timeouts) : 0 });
}

/* ---- Prompts go with the tools that are named like them */
const loose = (name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replaceAll('-', '_');
const alwaysDenies = (rule) => rule.get('action') === 'deny'
  || (rule.get('deny_if') ?? []).some((entry) => entry.get('conditions').length === 0);

// The rules by which a prompt goes; none: it stays.
function promptGoes(policy, name, known, ofClass) {
  const hidden = policy.get('hide') ?? [];
  const tools = policy.get('tools') ?? new Map();
  const likes = (selectors) => selectors.filter((one) => !one.startsWith('@') && select([loose(one)], loose(name)).length > 0);
  if (likes(hidden).length > 0) return likes(hidden).map((one) => pointer('hide', hidden.indexOf(one)));
  const all = likes([...tools.keys()]);
  const exact = all.filter((one) => !isPattern(one));
  const most = Math.max(...all.map(literalBytes));
  const speaking = exact.length > 0 ? exact : all.filter((one) => literalBytes(one) === most);
  const denying = speaking.filter((one) => alwaysDenies(tools.get(one)));
  if (denying.length > 0) return denying.map((one) => pointer('tools', one));
  const [tool] = known.filter((one) => loose(one) === loose(name));
  if (tool === undefined) return [];
  const byClass = selectTool(hidden, tool, ofClass);
  if (byClass.classes.length > 0) return byClass.classes.map((one) => pointer('hide', hidden.indexOf(one)));
  const { named, classes, open } = selectTool([...tools.keys()], tool, ofClass);
  const never = classes.filter((one) => alwaysDenies(tools.get(one)));
  if (never.length > 0) return never.map((one) => pointer('tools', one));
  const unspoken = named.length + classes.length === 0 || open;
  return unspoken && policy.get('default') === 'deny' ? ['/default'] : [];
}

function decideAccess(policy, kind, question) {
  const access = policy.get(`${kind}s`) ?? new Map();
  const reason = `unknown_${kind}`;
  for (const side of ['deny', 'allow']) {
    const list = access.get(side) ?? [];
    const found = select(list, question.name).map((one) => pointer(`${kind}s`, side, list.indexOf(one)));
    if (found.length > 0) return side === 'deny' ? hide(reason, found) : { ...allow(found[0]), rules: found };
  }
  const rule = access.has('default') ? `/${kind}s/default` : '/default';
  return (access.get('default') ?? policy.get('default')) === 'allow' ? allow(rule) : hide(reason, [rule]);
}

// `policy`: a parsed document, or null. question: { kind: tool | resource | prompt | method, server, grant,
// ancestors, name, known, pin, frozen, args, listed,
// class, session, client, now }; `class`: the tool's, or that of the tool that a prompt is named like; undefined: nobody
// knows it; `listed`: a list is being filtered, so the arguments are open. `seen` is told what each operator met.
export function decide(policy, question, seen) {
  if (question.frozen && !question.listed) return deny('frozen', '(frozen)');
  if (policy === null) {
    if (question.kind === 'method') return deny('method_not_found', '(no policy)');
    return question.kind === 'tool' ? deny('no_policy', '(no policy)')
      : hide(`unknown_${question.kind}`, ['(no policy)']);
  }
  if (question.kind === 'tool') return decideTool(policy, question, seen);
  if (question.kind === 'method') {
    const said = policy.get('methods')?.get(question.name);
    const rule = said === undefined ? '/methods' : pointer('methods', question.name);
    return said === 'allow' ? allow(rule) : deny('method_not_found', rule);
  }
  const goes = question.kind === 'prompt' ? promptGoes(policy, question.name, question.server.tools ?? [], question.class) : [];
  const decision = goes.length > 0 ? hide('unknown_prompt', goes) : decideAccess(policy, question.kind, question);
  if (decision.verdict !== 'allow' || question.pin === undefined) return decision;
  return question.pin === 'never' ? hide(`unknown_${question.kind}`, ['(unknown)']) : deny('pin_changed', '(pin)');
}

// A list shows every tool but hidden, unknown, changed and default-denied ones.
export function isListed(decision) {
  return decision.verdict === 'allow' || decision.reason === 'denied';
}

export const parsePolicy = (text) => (text === null ? null : parse(text));
