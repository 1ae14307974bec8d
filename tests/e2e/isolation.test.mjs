// Who shares an instance of a server: its state, its ends, and how many there may be.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway, runs, until } from '../lib/gateway.mjs';
import { EraServer } from '../lib/era-servers.mjs';
import { Modern } from '../lib/modern.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';

const policy = { version: '1', default: 'allow' };
const kinds = ['grant', 'session', 'server'];
const recorders = Object.fromEntries([...kinds, 'few', 'idle'].map((name) => [name, new Recorder({ tools: ['keep', 'pid', 'act'] })]));
let gateway;
let modern;
const grants = {};
before(async () => {
  modern = await EraServer.start('stdio', { ERAS: 'modern' });
  gateway = await new Gateway({ servers: {
    ...Object.fromEntries(kinds.map((isolation) => [isolation, recorders[isolation].entry({ isolation, policy })])),
    few: recorders.few.entry({ instances: 3, policy }), idle: recorders.idle.entry({ idle: '1s', policy }),
    stateless: modern.entry({ isolation: 'session', instances: 3, policy }),
  } }).start();
  for (const name of ['one', 'two', 'three']) grants[name] = await gateway.grant(name, '*');
});
after(async () => {
  await gateway?.close();
  modern?.close();
  for (const recorder of Object.values(recorders)) recorder.remove();
});
const open = (server, grant) => Session.open(gateway.endpoint(server), grants[grant].token);
const keep = async (session, value) => JSON.parse(text(await session.call('keep', { value })));
const pid = async (session) => Number(text(await session.call('pid')));

test('grant: its sessions share, another grant sees nothing of it', async () => {
  const [first, second, other] = await Promise.all([open('grant', 'one'), open('grant', 'one'), open('grant', 'two')]);
  assert.deepEqual(await keep(first, 'a'), ['a']);
  assert.deepEqual(await keep(other, 'b'), ['b']);
  assert.deepEqual(await keep(second, 'c'), ['a', 'c']);
  assert.deepEqual(await keep(other, 'd'), ['b', 'd']);
  for (const session of [first, second, other]) session.close();
});

test('session: nobody shares, and its instance ends with it', async () => {
  const [first, second] = await Promise.all([open('session', 'one'), open('session', 'one')]);
  assert.deepEqual(await keep(first, 'a'), ['a']);
  assert.deepEqual(await keep(second, 'b'), ['b']);
  const process = await pid(first);
  await first.end();
  await until(() => !runs(process), 'the end of the session\'s instance');
  assert.deepEqual(await keep(second, 'c'), ['b', 'c']);
  second.close();
});

test('server: all share', async () => {
  const [first, other] = await Promise.all([open('server', 'one'), open('server', 'two')]);
  assert.deepEqual(await keep(first, 'a'), ['a']);
  assert.deepEqual(await keep(other, 'b'), ['a', 'b']);
  for (const session of [first, other]) session.close();
});

test('a crash of one leaves the others, and the next call has a new one', async () => {
  const [first, other] = await Promise.all([open('grant', 'one'), open('grant', 'two')]);
  const before = await keep(other, 'still');
  const crashed = await first.call('act', { do: [{ exit: 9 }] });
  assert.equal(crashed.error.data.reason, 'upstream_closed');
  assert.deepEqual(await keep(other, 'here'), [...before, 'here']);
  assert.deepEqual(await keep(first, 'anew'), ['anew']);
  assert.ok((await first.tools()).includes('keep'));
  for (const session of [first, other]) session.close();
});

test('a revoked grant\'s instance ends, another\'s does not', async () => {
  const extra = await gateway.grant('extra', '*');
  const gone = await Session.open(gateway.endpoint('grant'), extra.token);
  const other = await open('grant', 'two');
  const [mine, theirs] = [await pid(gone), await pid(other)];
  await gateway.revoke(extra.id);
  await until(() => !runs(mine), 'the end of the grant\'s instance');
  assert.equal(await pid(other), theirs);
  for (const session of [gone, other]) session.close();
});

test('at the ceiling one more is refused, and those that are there go on', async () => {
  const [first, second, third] = await Promise.all(['one', 'two', 'three'].map((name) => open('few', name)));
  assert.deepEqual(await keep(first, 'a'), ['a']);
  assert.deepEqual(await keep(second, 'b'), ['b']);
  const refused = await third.call('keep', { value: 'c' });
  assert.equal(refused.error.data.reason, 'upstream_instances');
  assert.deepEqual(await keep(first, 'd'), ['a', 'd']);
  for (const session of [first, second, third]) session.close();
});

test('an idle one is ended, and the next call starts it again', async () => {
  const session = await open('idle', 'one');
  const process = await pid(session);
  await until(() => !runs(process), 'the end of the idle instance');
  assert.notEqual(await pid(session), process);
  session.close();
});

test('clients without sessions: by grant, also where sessions are kept apart', async () => {
  const [first, second, other] = ['one', 'one', 'two'].map((name) => new Modern(gateway.endpoint('stateless'), grants[name].token));
  for (const client of [first, second, other]) assert.equal((await client.rpc('tools/call', { name: 'echo', arguments: {} })).status, 200);
  const third = new Modern(gateway.endpoint('stateless'), grants.three.token);
  assert.equal((await third.rpc('tools/call', { name: 'echo', arguments: {} })).message.error.data.reason, 'upstream_instances', 'two grants, two instances');
  for (const client of [first, second, other, third]) client.close();
});
