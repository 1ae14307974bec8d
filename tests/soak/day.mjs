// A day pressed into minutes: an hour of a busy desk is a beat of one minute or less. In each beat clients come, call and
// leave in every way, a server dies, tools change, a policy is edited, a grant is made and revoked, and twice a day the
// gateway is killed and started again. At the end no limit was exceeded, every admission has its outcome, the ledger
// verifies, and what the gateway holds is what it held after the first hours.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Gateway, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';
import { holds, leave } from './leavers.mjs';

const HOURS = 24;
const TOOLS = ['echo', 'free', 'other'];
const MAX = 400; // calls of `echo` in the whole day
const GROWTH = 16384; // KiB from the fourth hour to the last

const policyOf = (hour) => ({
  version: '1', default: 'deny', description: `hour ${hour}`,
  tools: { echo: { limits: [{ counter: 'day', window: 'total', max: MAX, scope: 'global' }] }, free: {}, 'other': {} },
});

async function hour(gateway, recorder, number) {
  const end = Date.now() + gateway.beat;
  const { id, token } = await gateway.grant(`hour-${number}`, 'recorder');
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(gateway.endpoint('recorder'), token)));
  gateway.writePolicy('recorder', policyOf(number));
  const work = sessions.map(async (session) => {
    for (let i = 0; Date.now() < end && i < 200; i++) {
      await session.call(i % 4 ? 'free' : 'echo').catch(() => {});
      await delay(5);
    }
    await session.end().catch(() => {});
  });
  await leave({ url: gateway.endpoint('recorder'), token, tool: 'free' }, 60, 8);
  if (number % 3 === 1) process.kill(recorder.processes().at(-1).pid, 'SIGKILL');
  await Promise.all(work);
  await gateway.revoke(id);
  if (number % 12 === 11) {
    await gateway.crash();
    await gateway.start();
  }
}

export async function day(minutes, say) {
  const recorder = new Recorder({ tools: TOOLS });
  const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: policyOf(0), isolation: 'server' }) }, settings: { log: 'error' } });
  gateway.beat = (minutes * 60_000) / HOURS;
  await gateway.start();
  let early;
  for (let number = 0; number < HOURS; number++) {
    await hour(gateway, recorder, number);
    const now = holds(gateway.pid);
    say(`hour ${number + 1}`, now);
    if (number === 3) early = now;
  }
  const last = holds(gateway.pid);
  const counted = recorder.calls().filter((call) => call.name === 'echo').length;
  assert.ok(counted <= MAX, `${counted} calls of a tool that had ${MAX}`);
  assert.ok(last.kilobytes - early.kilobytes < GROWTH, `${last.kilobytes - early.kilobytes} KiB more than in the fourth hour`);
  const ends = (records) => new Set(records.filter((record) => record.kind === 'outcome').map((record) => record.id));
  await gateway.auditUntil((records) => {
    const ended = ends(records);
    return records.filter((record) => record.kind === 'decision' && record.reason === 'allowed').every((record) => ended.has(record.id));
  }, 'an outcome of every admission');
  const { data } = gateway;
  assert.equal((await gateway.stop()).code, 0);
  const verified = await warder(['audit', 'verify', '--data', data]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  say('the ledger', { verified: verified.stdout.trim() });
  await gateway.close();
  recorder.remove();
}
