// A server that lists so much that the gateway is busy with it for a while, and changes a definition under the cover of
// that. What is listed otherwise than it was accepted is denied from the moment the list is there, however long it then
// takes to look at the rest; and what nobody has looked at yet does not exist.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { entry } from '../lib/many-server.mjs';
import { Session, decision } from '../lib/session.mjs';

const COUNT = 4000; // and as many again: the pins of one server have room for both
const gateway = new Gateway({ servers: { many: entry(COUNT, { page: 1000, policy: { version: '1', default: 'allow' } }) } });
let session;

const code = async (tool) => {
  const message = await session.call(tool, {});
  return message.error?.message ?? decision(message)?.code ?? 'allowed';
};
const lists = () => gateway.log.split(`server 'many': ${COUNT} tools`).length - 1;
/** The versions of `trusted` that were called, as the server knows it. */
const called = async () => JSON.parse((await session.call('calls', {})).result.content[0].text);

before(async () => {
  await gateway.start();
  const { token } = await gateway.grant('one', 'many');
  session = await Session.open(gateway.endpoint('many'), token, { timeout: 60_000 });
});
after(async () => {
  session?.close();
  await gateway.close();
});

test('all of the first list is there at once when the gateway has looked at it', async () => {
  assert.equal(await code('trusted'), 'allowed');
  assert.equal(await code(`get_record_${8 * Math.floor((COUNT - 4) / 8)}`), 'allowed');
  assert.deepEqual(await called(), [1]);
});

test('a definition that changes among thousands that are new is denied at once, and the new ones come', async () => {
  assert.equal((await session.call('turn', { others: 'new' })).error, undefined);
  await until(() => lists() === 2, 'the list');
  const codes = new Set();
  let last;
  do {
    last = await code(`get_record_${COUNT}`);
    codes.add(await code('trusted'));
    assert.match(last, /^(allowed|Unknown tool: get_record_4000)$/);
  } while (last !== 'allowed');
  assert.deepEqual([...codes], ['pin_changed']);
  assert.deepEqual(await called(), [1]);
});

test('so is one that changes while the list before it is still looked at', async () => {
  for (const others of ['changed', undefined, 'changed', undefined]) {
    const before_ = lists();
    assert.equal((await session.call('turn', { others })).error, undefined);
    assert.equal(await code('trusted'), 'pin_changed');
    await until(() => lists() > before_, 'the list');
    assert.equal(await code('trusted'), 'pin_changed');
  }
  assert.deepEqual(await called(), [1]);
});

test('the ledger has no call of the changed one, and knows when it was first seen to change', async () => {
  const records = await gateway.audit();
  const of = (kind) => records.filter((record) => record.kind === kind && record.name === 'trusted');
  assert.deepEqual(of('decision').filter(({ reason }) => reason === 'allowed').length, 1);
  const pins = of('pin').map(({ text }) => text);
  assert.equal(pins[0], 'first sight');
  assert.ok(pins.length >= 2 && pins.slice(1).every((text) => text === 'changed'), pins.join());
});
