// Clients that leave a gateway in every way there is, and what it keeps of them: nothing.
import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants } from '../lib/gateway.mjs';
import { request } from '../lib/raw-http.mjs';

/** A socket that is connected; nothing of what it meets later is an error of the test. */
function open(url, options = {}) {
  const { hostname, port } = new URL(url);
  return new Promise((done, failed) => {
    const socket = connect({ host: hostname, port: Number(port), ...options });
    socket.once('connect', () => {
      socket.off('error', failed);
      socket.on('error', () => {});
      done(socket);
    });
    socket.once('error', failed);
  });
}

const fields = (url, token, more = []) => [
  ['Host', new URL(url).host], ['Authorization', `Bearer ${token}`], ['Content-Type', 'application/json'],
  ['Accept', 'application/json, text/event-stream'], ...more,
];
const post = (url, token, message, more) =>
  request({ target: new URL(url).pathname, headers: fields(url, token, more), body: JSON.stringify(message) });
const initialize = (url, token) => post(url, token, {
  jsonrpc: '2.0', id: 1, method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'leaver', version: '1' } },
});
const call = (url, token, session, tool) =>
  post(url, token, { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: tool, arguments: {} } }, [['Mcp-Session-Id', session]]);

/** The answer's bytes so far, once there are some. */
const some = (socket) => new Promise((done) => {
  socket.once('data', (chunk) => done(chunk.toString('latin1')));
  socket.once('close', () => done(''));
});

async function session(url, token, options) {
  const socket = await open(url, options);
  socket.write(initialize(url, token));
  const id = /mcp-session-id: (\S+)/i.exec(await some(socket))?.[1];
  return { socket, id };
}

/** How a client may leave: name -> what it does with a fresh connection. */
export const ways = {
  'idle, then closed': async ({ url }) => (await open(url)).end(),
  'idle, then cut': async ({ url }) => (await open(url)).resetAndDestroy(),
  'half a head': async ({ url, token }) => {
    const socket = await open(url);
    socket.write(initialize(url, token).subarray(0, 60));
    await delay(1);
    socket.destroy();
  },
  'half a body': async ({ url, token }) => {
    const socket = await open(url);
    socket.write(initialize(url, token).subarray(0, -20));
    await delay(1);
    socket.resetAndDestroy();
  },
  'a session without DELETE': async ({ url, token }) => (await session(url, token)).socket.end(),
  'cut before the answer': async ({ url, token, tool }) => {
    const { socket, id } = await session(url, token);
    if (id) socket.write(call(url, token, id, tool));
    await delay(1);
    socket.resetAndDestroy();
  },
  'half-open, never read': async ({ url, token, tool }) => {
    const { socket, id } = await session(url, token, { allowHalfOpen: true });
    socket.pause();
    if (id) for (let i = 0; i < 5; i++) socket.write(call(url, token, id, tool));
    socket.end();
    await delay(5);
    socket.destroy();
  },
  'an event stream that is cut': async ({ url, token }) => {
    const { socket, id } = await session(url, token);
    if (id) socket.write(request({
      method: 'GET', target: new URL(url).pathname, bare: true,
      headers: [['Host', new URL(url).host], ['Authorization', `Bearer ${token}`], ['Accept', 'text/event-stream'], ['Mcp-Session-Id', id]],
    }));
    await delay(2);
    socket.resetAndDestroy();
  },
  'no HTTP at all': async ({ url }) => {
    const socket = await open(url);
    socket.write('\x16\x03\x01\x00\xff\r\n\r\n');
    await some(socket);
    socket.destroy();
  },
};

/** `count` connections, `at_once` of them side by side, in every way in turns. */
export async function leave(target, count, at_once = 32) {
  const names = Object.keys(ways);
  let next = 0;
  await Promise.all(Array.from({ length: at_once }, async () => {
    while (next < count) await ways[names[next++ % names.length]](target);
  }));
}

/** What a process holds now. */
export function holds(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)[1]),
    kilobytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]),
    children: descendants(pid).length,
  };
}
