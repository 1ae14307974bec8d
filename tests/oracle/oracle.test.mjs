// The decision against a second one, written from docs/policy.md alone: random policies, grants and calls, once from a
// fixed seed and once from another: WARDER_SEED, a number or `clock`. A failing case is printed small; `tests/oracle/run --case FILE` runs it again.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { checkProgram } from './driver.mjs';
import { runInParallel } from './parallel.mjs';
import { printed, shrink } from './shrink.mjs';
import { OPS } from './values.mjs';

const FIXED_DECISIONS = 200000, OTHER_DECISIONS = 100000;
const jobs = Math.min(availableParallelism(), 4);

async function agree(seed, decisions) {
  checkProgram();
  const found = await runInParallel({ seed, decisions, jobs });
  const [failure] = found.failed;
  if (failure) assert.fail(`seed ${seed}, case ${failure.number}\n${printed(shrink(failure))}`);
  assert.ok(found.decisions >= decisions);
  return found.seen;
}

// What must have been met, and how often: a generator that has gone lame fails here.
const FLOOR = 1000;
function expectMet(seen, what, words, floor = FLOOR) {
  for (const word of words) {
    const count = seen[what]?.[word] ?? 0;
    assert.ok(count >= floor, `${what}, ${word}: met ${count} times, and ${floor} are wanted`);
  }
}

test('both know the same operators', () => {
  const table = readFileSync(new URL('../../src/policy/ops.def', import.meta.url), 'utf8');
  const names = [...table.matchAll(/^OP\((\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(Object.keys(OPS).sort(), names.sort(), 'OPS in tests/oracle/values.mjs has not the rows of src/policy/ops.def');
});

let fixed;
test('a fixed seed: both decide alike', async () => { fixed = await agree(20260101, FIXED_DECISIONS); });

const seed = process.env.WARDER_SEED === 'clock' ? Date.now() % 2 ** 32 : Number(process.env.WARDER_SEED ?? 20260102);
test(`another seed, ${seed}: both decide alike`, async () => { await agree(seed, OTHER_DECISIONS); });

test('the fixed seed meets every operator with every answer', () => {
  for (const op of Object.keys(OPS)) {
    expectMet(fixed, op, ['missing']);
    expectMet(fixed, op, ['no way'], FLOOR / 2); // a path through a value of another kind
    if (op === 'exists') expectMet(fixed, op, ['there']);
    else expectMet(fixed, op, op === 'type' ? ['T', 'F'] : ['T', 'F', 'U']);
  }
  expectMet(fixed, 'type', ['U'], FLOOR / 10); // only of a number beyond comparing
  for (const quantifier of ['every', 'some']) expectMet(fixed, quantifier, ['none', 'one', 'several']);
  expectMet(fixed, 'group', ['any', 'all', 'not']);
});

test('the fixed seed meets every code, scope and window', () => {
  expectMet(fixed, 'reason', ['allowed', 'default_deny', 'denied', 'require', 'deny_if', 'invalid_arguments', 'rate_limited',
    'concurrent', 'pin_changed', 'frozen', 'no_policy', 'unknown_tool', 'unknown_prompt', 'unknown_resource', 'method_not_found']);
  for (const scope of ['grant', 'session', 'server', 'global', 'args']) expectMet(fixed, `scope ${scope}`, ['taken', 'over']);
  for (const window of ['fixed seconds', 'sliding seconds', 'fixed concurrent']) expectMet(fixed, `window ${window}`, ['taken', 'over']);
  for (const window of ['week', 'month', 'total']) expectMet(fixed, `window fixed ${window}`, ['taken', 'over']);
  expectMet(fixed, 'debit', ['of a parent', 'of a cost']);
  expectMet(fixed, 'clock', ['runs back', 'stands', 'runs']);
  expectMet(fixed, 'given back', ['yes']);
  for (const word of ['read', 'write', 'execute', 'destructive', 'financial', 'other', 'unknown']) {
    expectMet(fixed, 'classes', [word, `${word} and a pattern`], FLOOR / 5);
    expectMet(fixed, 'path class', [word], FLOOR / 8);
  }
  expectMet(fixed, 'did', ['expire', 'restart', 'reset'], FLOOR / 2);
});
