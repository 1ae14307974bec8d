// The rule that a call's record is durable before its first byte leaves, held against the real gateway by shim.c: it sees
// every write and sync of the ledger and every write to the server, and ends the process at a breach, or where it is told.
// WARDER_POINTS is how far apart the points of death are (3; 1 is every one of them).
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Gateway, binary } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const CALLS = 10;
const MAX = 6;
const STRIDE = Number(process.env.WARDER_POINTS ?? 3);
const BREACH = 99;
const KILLED = 137;
const shim = join(dirname(binary), '../../tests/crash/crash_shim.so');
const tools = Array.from({ length: CALLS }, (_, at) => `crash_${at}`);
const policy = {
  version: '1', default: 'deny',
  tools: { 'crash_*': { limits: [{ counter: 'few', window: 'total', max: MAX }] } },
};

/** A life before all others, without the shim: the tools' definitions are accepted in it, so that in the next ones a
 *  tool's name stands in the ledger for its call alone. Its data directory is where each of them begins. */
async function firstLife() {
  const recorder = new Recorder({ tools });
  const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  const { token } = await gateway.grant('crash', 'recorder');
  await gateway.start();
  const session = await Session.open(gateway.endpoint('recorder'), token);
  await session.tools();
  session.close();
  const { pins } = JSON.parse(await gateway.command('pins', 'list'));
  assert.equal(pins.length, CALLS);
  assert.equal((await gateway.stop()).code, 0, gateway.log);
  recorder.remove();
  return { gateway, token };
}
const first = await firstLife();

const lives = new Set();
after(async () => {
  lives.forEach((gateway) => gateway.killNow());
  await first.gateway.close();
});

/** One life of a gateway under the shim: what was answered, what the server received, how it ended. */
async function life({ audit = 'durable', env = {} }) {
  const recorder = new Recorder({ tools });
  const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) }, settings: { audit } });
  const { token } = first;
  lives.add(gateway);
  cpSync(first.gateway.data, gateway.data, { recursive: true });
  gateway.env = {
    LD_PRELOAD: shim, CRASH_LEDGER: gateway.data, CRASH_MARK: 'crash_', CRASH_UPSTREAM: 'pipe',
    ASAN_OPTIONS: 'verify_asan_link_order=0', ...env,
  };
  const answered = new Set();
  try {
    await gateway.start();
    const session = await Session.open(gateway.endpoint('recorder'), token);
    for (const tool of tools) if ((await session.call(tool)).result?.isError !== true) answered.add(tool);
    session.close();
  } catch { /* it died, which its status tells */ }
  const { code } = gateway.child ? await gateway.stop() : { code: null };
  gateway.env = {};
  return { gateway, recorder, token, answered, code };
}

async function remove({ gateway, recorder }) {
  lives.delete(gateway);
  await gateway.close();
  recorder.remove();
}

test('every call is flushed before its first byte', async () => {
  const one = await life({});
  assert.equal(one.code, 0, one.gateway.log);
  assert.equal(one.recorder.calls().length, MAX);
  await remove(one);
});

test('with audit: process the same test fails', async () => {
  const one = await life({ audit: 'process' });
  assert.equal(one.code, BREACH, one.gateway.log);
  await remove(one);
});

async function checkRecovered(one, what) {
  const reached = one.recorder.calls().map((call) => call.name);
  await one.gateway.start();
  const session = await Session.open(one.gateway.endpoint('recorder'), one.token);
  for (const tool of tools) await session.call(tool);
  session.close();
  const records = await one.gateway.auditUntil((all) =>
    all.filter((record) => record.kind === 'outcome').length ===
    all.filter((record) => record.kind === 'decision' && record.reason === 'allowed').length, 'an outcome of each admission');
  const admitted = records.filter((record) => record.kind === 'decision' && record.reason === 'allowed');
  for (const name of reached) assert.ok(admitted.some((record) => record.name === name), `${what}: ${name} has no record`);
  for (const name of one.answered) assert.ok(reached.includes(name), `${what}: ${name} was answered from nowhere`);
  assert.ok(one.recorder.calls().length <= MAX, `${what}: ${one.recorder.calls().length} calls reached the server`);
  const outcomes = records.filter((record) => record.kind === 'outcome').map((record) => record.id);
  assert.equal(new Set(outcomes).size, admitted.length, `${what}: each admission has one outcome`);
}

for (const fault of ['kill-before', 'kill-after']) {
  test(`${fault} at each point of ten calls`, { timeout: 300_000 }, async () => {
    let points = 0;
    for (let at = fault === 'kill-before' ? 1 : 2; ; at += STRIDE) {
      const one = await life({ env: { CRASH_AT: String(at), CRASH_FAULT: fault } });
      assert.ok(one.code === KILLED || one.code === 0, `point ${at}: ended with ${one.code}\n${one.gateway.log}`);
      const over = one.code === 0;
      await checkRecovered(one, `point ${at}`);
      await remove(one);
      if (over) break;
      points++;
    }
    assert.ok(points >= CALLS / STRIDE, `only ${points} points`);
  });
}
