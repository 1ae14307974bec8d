// kill -9 in a storm of reloads: under load the policy and the configuration are replaced again and again, by a rename, in
// place, by what does not load, with SIGHUPs among it. Whatever the server then received was admitted under a revision that
// was written, and that allows it. WARDER_STORMS says how often (5), WARDER_SEED repeats a run's moments.
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { digest, random } from '../lib/crash.mjs';
import { Gateway, descendants, runs, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const KILLS = Number(process.env.WARDER_STORMS ?? 5);
const SEED = Number(process.env.WARDER_SEED ?? randomInt(2 ** 31));
const CLIENTS = 6;
const KINDS = 5;
const MAX = 40 * KILLS;
const recorder = new Recorder({ tools: ['echo', 'echo_few'] });
let gateway;
after(() => {
  recorder.remove();
  return gateway?.close();
});

/** A policy that allows calls of some kinds; `revisions`: which, by the digest that the audit knows it by. */
const revisions = new Map();
function policyOf(number) {
  const kinds = Array.from({ length: KINDS }, (_, kind) => kind).filter((kind) => kind !== number % KINDS);
  const rule = { require: [{ conditions: [{ path: 'args.kind', op: 'in', value: kinds }] }] };
  const text = JSON.stringify({
    version: '1', default: 'deny', description: `revision ${number}`,
    tools: { echo: rule, echo_few: { ...rule, limits: [{ counter: 'few', window: 'total', max: MAX }] } },
  });
  revisions.set(createHash('sha256').update(text).digest('hex'), new Set(kinds));
  return text;
}

test(`kill -9 at ${KILLS} moments of a storm of reloads (seed ${SEED})`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
  const chance = random(SEED);
  let revision = 0;
  gateway = new Gateway({ servers: {} });
  const policy = gateway.writePolicy('recorder', {});
  const servers = { recorder: recorder.entry({ policy, isolation: 'server' }) };
  writeFileSync(policy, policyOf(revision++));
  gateway.configure(servers);
  const configuration = JSON.parse(readFileSync(gateway.config, 'utf8'));
  await gateway.start();
  const { token } = await gateway.grant('load', 'recorder');
  const answered = new Set();
  const asked = new Map(); // by the digest of the call: its arguments
  let next = 0;
  let denied = 0;

  async function client(alive) {
    try {
      const session = await Session.open(gateway.endpoint('recorder'), token);
      while (alive()) {
        const n = next++;
        const name = n % 2 ? 'echo' : 'echo_few';
        const args = { n, kind: n % KINDS };
        asked.set(digest('recorder', 'tools/call', name, JSON.stringify(args)), { name, args });
        const { result } = await session.call(name, args);
        if (result && !result.isError) answered.add(n);
        else denied++;
      }
      session.close();
    } catch { /* the gateway died under it */ }
  }

  const replace = (file, text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const gusts = [
    () => replace(policy, policyOf(revision++)),
    () => writeFileSync(policy, policyOf(revision++)),
    () => replace(policy, '{"version": "1", "default": '),
    () => replace(gateway.config, JSON.stringify({ ...configuration, log: chance() < 0.5 ? 'info' : 'debug' })),
    () => replace(gateway.config, JSON.stringify({ ...configuration, lissten: 'nowhere' })),
    () => gateway.child?.kill('SIGHUP'),
  ];
  async function storm(alive) {
    while (alive()) {
      gusts[Math.floor(chance() * gusts.length)]();
      await delay(chance() * 15);
    }
  }

  for (let kill = 0; kill < KILLS; kill++) {
    if (kill > 0) {
      replace(policy, policyOf(revision++));
      replace(gateway.config, JSON.stringify(configuration));
      await gateway.start();
    }
    let alive = true;
    const load = Promise.all([storm(() => alive), ...Array.from({ length: CLIENTS }, () => client(() => alive))]);
    const mark = answered.size;
    const reloads = revision;
    await until(() => answered.size > mark && revision > reloads + 5, 'answers in a storm', 20_000);
    await delay(chance() * 400);
    const below = descendants(gateway.pid);
    await gateway.crash();
    alive = false;
    await until(() => below.filter(runs).length === 0, `the end of every descendant after kill ${kill + 1}`, 2000);
    await load;
  }
  replace(policy, policyOf(revision++));
  replace(gateway.config, JSON.stringify(configuration));
  await gateway.start();
  await gateway.stop();

  const records = await gateway.audit();
  const allowed = records.filter((one) => one.kind === 'decision' && one.method === 'tools/call' && one.reason === 'allowed');
  const known = new Set(records.filter((one) => one.kind === 'revision').map((one) => one.revision));
  const admitted = new Map(allowed.map((one) => [one.digest, one]));
  assert.equal(admitted.size, allowed.length, 'no call is admitted twice');
  for (const one of allowed) {
    assert.ok(revisions.has(one.revision), `${one.revision} was never written`);
    assert.ok(known.has(one.revision), `${one.revision} was never recorded`);
    const { args } = asked.get(one.digest);
    assert.ok(revisions.get(one.revision).has(args.kind), `${JSON.stringify(args)} under a revision that denies it`);
  }
  const calls = recorder.calls();
  for (const { name, arguments: args } of calls) {
    assert.ok(admitted.has(digest('recorder', 'tools/call', name, JSON.stringify(args))), `the server saw ${JSON.stringify(args)}, the audit did not`);
  }
  const received = new Set(calls.map((one) => one.arguments.n));
  assert.equal(received.size, calls.length, 'no call is seen twice');
  for (const n of answered) assert.ok(received.has(n), `answered, but not received: ${n}`);
  assert.ok(calls.filter((one) => one.name === 'echo_few').length <= MAX, 'the limit');
  const outcomes = records.filter((one) => one.kind === 'outcome').map((one) => one.id);
  assert.deepEqual(outcomes.sort(), allowed.map((one) => one.id).sort());
  records.forEach((one, index) => assert.equal(one.sequence, records[0].sequence + index));
  assert.equal(JSON.parse(await gateway.command('audit', 'verify')).ok ?? true, true);
  assert.ok(new Set(allowed.map((one) => one.revision)).size > KILLS, 'calls under several revisions');
  assert.ok(denied > 0 && calls.length > KILLS);
  console.log(`# ${calls.length} calls at the server, ${allowed.length} admitted under ${known.size} of ${revision} revisions, ${answered.size} answered`);
});
