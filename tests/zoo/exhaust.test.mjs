// Ceilings of the whole process: who fills them without a grant takes nothing from who has one, or from the operator.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { parse, total } from '../lib/exposition.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { entry } from '../lib/large-server.mjs';
import { request } from '../lib/raw-http.mjs';
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

test('answers that one grant does not read fill its own share: it is refused, others are answered, and reading makes room', { timeout: 120_000 }, async () => {
  const BYTES = 15 << 20;
  const policy = { version: '1', default: 'allow' };
  const other = new Gateway({ servers: { large: entry({ policy, isolation: 'server' }) }, settings: { admin_listen: '127.0.0.1:0' } });
  const readers = [];
  try {
    await other.start();
    const waiting = async () => total(parse(await (await fetch(`${other.adminUrl}/metrics`)).text()), 'warder_answer_queue_bytes');
    const greedy = await Session.open(other.endpoint('large'), (await other.grant('greedy', 'large')).token);
    const modest = await Session.open(other.endpoint('large'), (await other.grant('modest', 'large')).token);
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'large', arguments: { bytes: BYTES } } });
    const whole = async (of) => JSON.parse(await (await fetch(of.url, { method: 'POST', headers: Object.fromEntries(of.fields().slice(1)), body })).text()).result.content[0].text.length;
    const ask = async () => {
      const { hostname, port, pathname } = greedy.url;
      const reader = { got: 0, socket: connect({ host: hostname, port: Number(port) }).pause() };
      readers.push(reader);
      reader.socket.on('error', () => {});
      await new Promise((done) => reader.socket.once('connect', done));
      reader.socket.write(request({ target: pathname, headers: greedy.fields(), body }));
    };
    let refused;
    for (let n = 0; n < 20 && !refused; n++) {
      const before = await waiting();
      await ask();
      await until(async () => await waiting() > before, 'an answer that waits', 30_000);
      const answer = await greedy.rpc('ping');
      refused = answer.status === 503 && answer.body;
    }
    assert.match(refused, /"reason":"overloaded"/);
    assert.ok(await waiting() < 128 << 20);
    for (let n = 0; n < 2; n++) assert.equal(await whole(modest), BYTES);
    assert.equal((await greedy.rpc('ping')).status, 503);
    for (const reader of readers) {
      reader.socket.on('data', (data) => { reader.got += data.length; });
      reader.socket.resume();
    }
    await until(() => readers.every(({ got }) => got > BYTES), 'all answers, whole', 60_000);
    await until(async () => (await greedy.rpc('ping')).status === 200, 'room');
    assert.equal(await whole(greedy), BYTES);
    await until(async () => await waiting() < 1 << 20, 'nothing that waits');
    greedy.close();
    modest.close();
  } finally {
    for (const { socket } of readers) socket.destroy();
    await other.close();
  }
});
