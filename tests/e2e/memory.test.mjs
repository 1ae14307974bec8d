// What a flood of large messages took goes back to the system when it is over, however it ended.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { entry } from '../lib/large-server.mjs';
import { request } from '../lib/raw-http.mjs';
import { Session } from '../lib/session.mjs';

const MIB = 1 << 20;
let gateway;
let session;
let start;
let id = 1;

const memory = (field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))[1]) * 1024;
const message = (args) => JSON.stringify({ jsonrpc: '2.0', id: id++, method: 'tools/call', params: { name: 'large', arguments: args } });
const read = async (args) => (await (await fetch(session.url, { method: 'POST', headers: Object.fromEntries(session.fields().slice(1)), body: message(args) })).arrayBuffer()).byteLength;
/** A client that asks, reads nothing, and is cut off. */
async function leave(args) {
  const socket = connect({ host: session.url.hostname, port: Number(session.url.port) }).pause();
  await new Promise((done) => socket.once('connect', done));
  socket.write(request({ target: session.url.pathname, headers: session.fields(), body: message(args) }));
  return socket;
}

before(async () => {
  gateway = new Gateway({ servers: { large: entry({ policy: { version: '1', default: 'allow' }, isolation: 'server' }) } });
  await gateway.start();
  session = await Session.open(gateway.endpoint('large'), (await gateway.grant('flood', 'large')).token);
  await read({ bytes: 1000 });
  start = memory('VmRSS');
});
after(async () => {
  session?.close();
  await gateway?.close();
});

const sanitized = () => readFileSync(`/proc/${gateway.pid}/maps`, 'utf8').includes('asan');
const flood = {
  'long texts': () => Promise.all(Array.from({ length: 12 }, (_, n) => read({ bytes: 5 * MIB + n * 1000 }))),
  'many small values': () => Promise.all(Array.from({ length: 8 }, () => read({ members: 60_000 }))),
  'answers that nobody reads': async () => {
    const sockets = await Promise.all(Array.from({ length: 6 }, () => leave({ bytes: 9 * MIB })));
    await until(() => memory('VmRSS') > start + 10 * MIB, 'answers that wait');
    for (const socket of sockets) socket.destroy();
  },
  'large requests': () => Promise.all(Array.from({ length: 12 }, () => read({ pad: 'x'.repeat(3 * MIB) }))),
};
for (const [what, run] of Object.entries(flood)) {
  test(`behind ${what} the gateway is as small as before`, { timeout: 120_000 }, async (context) => {
    if (sanitized()) return context.skip('a sanitizer keeps what is freed');
    await run();
    assert.ok(memory('VmHWM') > start + 10 * MIB, 'it was a flood');
    await until(() => memory('VmRSS') < start + 4 * MIB, `what it took: ${memory('VmRSS')} bytes are left of ${memory('VmHWM')}, ${start} were there before`, 60_000);
  });
}
