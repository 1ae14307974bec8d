// Request bodies that never end: they count for the grant whose token stands in their head, and take nothing from others.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';

const MIB = 1 << 20;
let gateway, grants, session;
const sockets = [];

before(async () => {
  const recorder = new Recorder({ tools: ['echo'] });
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: { version: '1', default: 'allow' } }) } });
  await gateway.start();
  grants = [await gateway.grant('filler', 'recorder'), await gateway.grant('other', 'recorder')];
  session = await Session.open(gateway.endpoint('recorder'), grants[1].token);
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  session?.close();
  await gateway?.close();
});

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))[1]) / 1024;

/** All of a body of 4 MiB but its last byte. */
function fill(token) {
  const { hostname, port, host } = new URL(gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  sockets.push(socket);
  const one = { socket, got: '' };
  socket.on('error', () => {});
  socket.on('data', (data) => { one.got += data.toString('latin1'); });
  socket.write(`POST /mcp/recorder HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
    `Accept: application/json, text/event-stream\r\nContent-Length: ${4 * MIB}\r\n\r\n`);
  socket.write(Buffer.alloc(4 * MIB - 1, 0x20));
  return one;
}

test('a grant fills its own 64 MiB and no more', { timeout: 120_000 }, async () => {
  const before_ = resident();
  const fillers = Array.from({ length: 60 }, () => fill(grants[0].token));
  await until(() => fillers.filter((one) => one.got.startsWith('HTTP/1.1 503 ')).length >= 60 - 16, 'refusals', 60_000);
  assert.ok(fillers.every((one) => one.got === '' || one.got.startsWith('HTTP/1.1 503 ')));
  assert.ok(resident() - before_ < 64 * 2 + 16, `${resident() - before_} MiB more`);
  assert.equal(text(await session.call('echo', { a: 1 })), '{"a":1}', 'another grant is served');
  const big = 'x'.repeat(3 * MIB);
  assert.equal(JSON.parse(text(await session.call('echo', { big }))).big.length, big.length);
  for (const { socket } of fillers) socket.destroy();
  const own = await until(() => Session.open(gateway.endpoint('recorder'), grants[0].token).catch(() => undefined), 'room again');
  assert.equal(text(await own.call('echo', { a: 2 })), '{"a":2}');
  own.close();
});
