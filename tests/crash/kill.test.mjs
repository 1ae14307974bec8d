// kill -9 at random moments under load. Three logs that know nothing of each other are joined at the end: what clients were
// answered, what the server received, and the audit. WARDER_KILLS says how often (50), WARDER_SEED repeats a run's moments.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { digest, random } from '../lib/crash.mjs';
import { Gateway, descendants, runs, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision } from '../lib/session.mjs';

const KILLS = Number(process.env.WARDER_KILLS ?? 50);
const SEED = Number(process.env.WARDER_SEED ?? randomInt(2 ** 31));
const CLIENTS = 8;
const MAX = 4 * KILLS; // for each tool that is limited; the other one goes on to the last kill

/** Each tool's limit, and the arguments of the call of a number: amounts in tenths, that a double would not add up to. */
const limit = (counter, max, more) => ({ limits: [{ counter, window: 'total', max, ...more }] });
const tools = {
  echo: { rule: limit('many', 1_000_000_000), args: (n) => ({ n }) },
  echo_few: { rule: limit('few', MAX), args: (n) => ({ n }) },
  echo_slide: { rule: limit('slide', Math.min(MAX, 1000), { window: 'day', algorithm: 'sliding' }), args: (n) => ({ n }) },
  echo_pay: { rule: limit('paid', MAX / 2, { cost: 'args.amount' }), args: (n) => ({ n, amount: (n % 9 + 1) / 10 }) },
  echo_to: { rule: limit('to', MAX / 2, { scope: 'args.to' }), args: (n) => ({ n, to: n % 3 }) },
};
const names = Object.keys(tools);
const nameOf = (n) => names[n % names.length];
const recorder = new Recorder({ tools: names });
const policy = { version: '1', default: 'deny', tools: Object.fromEntries(names.map((name) => [name, tools[name].rule])) };
let gateway;
after(() => gateway?.close());

test(`kill -9 at ${KILLS} moments under load (seed ${SEED})`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
  const chance = random(SEED);
  const servers = { recorder: recorder.entry({ policy }) };
  gateway = new Gateway({ servers });
  await gateway.start();
  const { token, id } = await gateway.grant('load', 'recorder');
  // Half of the clients come with the token of a child: it counts in its parent.
  const child = JSON.parse(await gateway.command('grant', 'create', '--parent', id, '--label', 'child'));
  const answered = new Set(); // arguments of calls whose result a client read
  let limited = 0;
  let next = 0;

  async function client(alive, who) {
    try {
      const session = await Session.open(gateway.endpoint('recorder'), who % 2 ? child.token : token);
      while (alive()) {
        const n = next++;
        const message = await session.call(nameOf(n), tools[nameOf(n)].args(n));
        if (decision(message)?.code === 'rate_limited') limited++;
        else if (message.result && !message.result.isError) answered.add(n);
      }
      session.close();
    } catch { /* the gateway died under it */ }
  }

  for (let kill = 0; kill < KILLS; kill++) {
    if (kill > 0) {
      gateway.configure(servers, { audit: kill % 4 === 3 ? 'process' : 'durable' }); // kill -9 leaves what the kernel has
      await gateway.start();
    }
    let alive = true;
    const load = Promise.all(Array.from({ length: CLIENTS }, (_, who) => client(() => alive, who)));
    // Some kills fall into the start of the servers, most into the calls.
    if (chance() < 0.2) await delay(chance() * 300);
    else {
      const mark = answered.size + limited;
      await until(() => answered.size + limited > mark, 'the first answer', 20_000);
      await delay(chance() * 150);
    }
    const below = descendants(gateway.pid);
    await gateway.crash();
    alive = false;
    await until(() => below.filter(runs).length === 0, `the end of every descendant after kill ${kill + 1}`, 2000);
    await load;
  }
  await gateway.start();
  await gateway.stop();

  const records = await gateway.audit();
  const calls = recorder.calls();
  const decisions = records.filter((one) => one.kind === 'decision' && one.method === 'tools/call');
  const allowed = decisions.filter((one) => one.reason === 'allowed');
  const outcomes = records.filter((one) => one.kind === 'outcome');

  // Every call that the server saw was decided before, once for once.
  const admitted = new Map(allowed.map((one) => [one.digest, one]));
  assert.equal(admitted.size, allowed.length, 'no call is admitted twice');
  const received = new Set();
  for (const { name, arguments: args } of calls) {
    const key = digest('recorder', 'tools/call', name, JSON.stringify(args));
    assert.ok(admitted.has(key), `the server saw ${JSON.stringify(args)}, the audit did not`);
    assert.ok(!received.has(key), `the server saw ${JSON.stringify(args)} twice`);
    received.add(key);
  }
  for (const n of answered) {
    assert.ok(received.has(digest('recorder', 'tools/call', nameOf(n), JSON.stringify(tools[nameOf(n)].args(n)))), `answered, but not received: ${n}`);
  }

  // No limit is exceeded, and it was reached.
  const of = (name) => calls.filter((one) => one.name === name).map((one) => one.arguments);
  const few = of('echo_few').length;
  assert.ok(few <= MAX, `${few} calls of ${MAX}`);
  assert.ok(of('echo_slide').length <= Math.min(MAX, 1000), `${of('echo_slide').length} calls in a sliding window of ${MAX}`);
  const tenths = of('echo_pay').reduce((sum, args) => sum + Math.round(args.amount * 10), 0);
  assert.ok(tenths <= 5 * MAX, `${tenths} tenths of ${5 * MAX}`);
  for (const to of [0, 1, 2]) assert.ok(of('echo_to').filter((args) => args.to === to).length <= MAX / 2, `to ${to}`);
  const back = new Set(outcomes.filter((one) => one.given_back).map((one) => one.id));
  assert.ok(allowed.filter((one) => one.name === 'echo_few' && !back.has(one.id)).length <= MAX);
  assert.ok(limited > 0, 'the limit was never reached');

  // Each admitted call has one outcome; the sequence has no hole.
  assert.deepEqual(outcomes.map((one) => one.id).sort(), allowed.map((one) => one.id).sort());
  records.forEach((one, index) => assert.equal(one.sequence, records[0].sequence + index));
  assert.ok(calls.length > KILLS, `only ${calls.length} calls under ${KILLS} kills`);
  console.log(`# ${calls.length} calls at the server, ${allowed.length} admitted, ${answered.size} answered, ${few} of ${MAX} limited ones, ${limited} above`);
});
