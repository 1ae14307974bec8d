// Ceilings of the whole process: who fills them without a grant takes nothing from who has one, or from the operator.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Gateway } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';

const recorder = new Recorder({ tools: ['echo'] });
const FILES = 200;
let gateway;
let grant;
let session;
const sockets = [];

before(async () => {
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: { version: '1', default: 'allow' }, isolation: 'session' }) }, files: FILES });
  await gateway.start();
  grant = await gateway.grant('exhaust', 'recorder');
  session = await Session.open(gateway.endpoint('recorder'), grant.token);
  await session.call('echo');
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  session?.close();
  await gateway?.close();
});

test('more connections than descriptors: calls, new servers and the operator have theirs', { timeout: 60_000 }, async () => {
  const { hostname, port } = new URL(gateway.url);
  await Promise.all(Array.from({ length: 2 * FILES }, () => new Promise((done) => {
    const socket = connect({ host: hostname, port: Number(port) });
    sockets.push(socket);
    for (const event of ['connect', 'error', 'close']) socket.once(event, done);
  })));
  assert.equal(text(await session.call('echo', { a: 1 })), '{"a":1}');
  const other = await Session.open(gateway.endpoint('recorder'), grant.token);
  assert.equal(text(await other.call('echo', { a: 2 })), '{"a":2}', 'with a server of its own');
  other.close();
  await gateway.revoke(grant.id);
  assert.equal((await session.rpc('ping')).status, 401);
});
