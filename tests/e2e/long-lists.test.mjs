// A server that lists thousands of tools holds up nobody else: calls on another server go on between the moment its
// list is there and the moment it may be used. Nothing here is timed; what happened in between is counted.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { entry as large } from '../lib/large-server.mjs';
import { entry as many } from '../lib/many-server.mjs';
import { Session } from '../lib/session.mjs';

const COUNT = 6000;
const FEW = 5; // calls: one may have been under way when all of the work began, and one be answered behind it
const allow = { version: '1', default: 'allow' };
let gateway;
let small;

async function begin(policy, wait = 1000) {
  gateway = new Gateway({ servers: { many: many(COUNT, { page: 2000, wait, policy }), small: large({ isolation: 'server', policy: allow }) } });
  await gateway.start();
  const { token } = await gateway.grant('one', 'many', 'small');
  small = await Session.open(gateway.endpoint('small'), token);
  return token;
}
afterEach(async () => {
  small?.close();
  await gateway?.close();
});

const there = () => gateway.log.includes(`server 'many': ${COUNT} tools`);

/** How many calls on the other server end between `from` and `to`. */
async function between(from, to) {
  let count = 0;
  while (!to()) {
    const before = from();
    await small.call('large', {});
    if (before && !to()) count += 1;
  }
  return count;
}

test('calls on another server go on while the list is looked at', async () => {
  const token = await begin(allow);
  let session;
  const opening = Session.open(gateway.endpoint('many'), token, { timeout: 60_000 }).then((opened) => { session = opened; });
  assert.ok(await between(there, () => session) >= FEW);
  await opening;
  assert.ok((await session.call('get_record_0', {})).result);
  session.close();
});

test('and while a recommended policy is made of it; nothing is allowed before', async () => {
  const token = await begin('recommended');
  const waiting = Session.open(gateway.endpoint('many'), token, { timeout: 60_000 });
  const made = () => gateway.log.includes(`the recommended policy for its ${COUNT} tools is in force`);
  assert.ok(await between(there, made) >= FEW);
  const session = await waiting;
  assert.ok((await session.call('get_record_0', {})).result);
  assert.equal((await session.call('delete_record_5', {})).error.message, 'Unknown tool: delete_record_5');
  session.close();
});

test('and a gateway that is stopped meanwhile ends in order', async () => {
  await begin('recommended');
  await until(there, 'the list', 60_000);
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});

test('status and tools say that the recommended policy comes with the first list', async () => {
  await begin('recommended', 100_000);
  const note = 'starting, its recommended policy is made of its first tools: until then everything is denied\n';
  for (const command of ['status', 'tools']) {
    const { stdout } = await warder([command, '--data', gateway.data]);
    assert.ok(stdout.includes(note), stdout);
  }
});
