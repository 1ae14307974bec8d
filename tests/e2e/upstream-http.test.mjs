// A server over HTTP that keeps sessions and an event stream of its own, through the real binary.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { afterEach, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { Session, text } from '../lib/session.mjs';

const policy = { version: '1', default: 'allow' };
const running = [];
afterEach(async () => {
  for (const end of running.splice(0).reverse()) await end();
});

/** An MCP server with sessions; `onGet(response, n)` answers the n-th GET. */
class SessionServer {
  constructor(onGet) {
    this.tools = ['act'];
    this.onGet = onGet;
    this.gets = [];
    this.sessions = new Set();
    this.deleted = [];
    this.made = 0;
    this.server = createServer((request, response) => this.#answer(request, response));
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}/mcp`;
    running.push(() => { this.server.closeAllConnections(); return new Promise((done) => this.server.close(done)); });
    return this;
  }

  async #answer(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const session = request.headers['mcp-session-id'];
    const json = (message, headers = {}) => response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify({ jsonrpc: '2.0', ...message }));
    const { id, method, params } = body ? JSON.parse(body) : {};
    if (method === 'initialize') {
      const made = `session-${++this.made}`;
      this.sessions.add(made);
      return json({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo: { name: 's', version: '1' } } }, { 'Mcp-Session-Id': made });
    }
    if (!this.sessions.has(session)) return response.writeHead(404).end();
    if (request.method === 'GET') {
      this.gets.push(request.headers);
      return this.onGet(response, this.gets.length);
    }
    if (request.method === 'DELETE') {
      this.deleted.push(session);
      return response.writeHead(204).end();
    }
    if (id === undefined) return response.writeHead(202).end();
    if (method === 'tools/list') return json({ id, result: { tools: this.tools.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
    return json({ id, result: { content: [{ type: 'text', text: session }] } });
  }
}

async function inFront(server) {
  const gateway = new Gateway({ servers: { web: { url: server.url, timeout: '10s', isolation: 'server', policy } } });
  await gateway.start();
  const grant = await gateway.grant('web', 'web');
  const session = await Session.open(gateway.endpoint('web'), grant.token);
  running.push(async () => { session.close(); await gateway.close(); });
  return { gateway, session };
}

const changed = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })}\n\n`;

test('what a server says on its own stream is heard, also after the stream broke', async () => {
  const streams = [];
  const server = await new SessionServer((response, n) => {
    if (n === 2) return response.writeHead(503).end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': hello\n\n');
    return streams.push(response);
  }).listen();
  const { session } = await inFront(server);
  assert.deepEqual(await session.tools(), ['act']);
  await until(() => streams.length === 1, 'the stream');
  assert.equal(server.gets[0].accept, 'text/event-stream');
  assert.match(server.gets[0]['mcp-session-id'], /^session-/);
  assert.equal(server.gets[0]['mcp-protocol-version'], '2025-11-25');

  server.tools = ['act', 'more'];
  streams[0].write(changed);
  await until(async () => (await session.tools()).length === 2, 'the second tool');
  // An answer that nobody asked for on this stream ends no call.
  streams[0].write(`data: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n`);

  streams[0].end();
  server.tools = ['act', 'more', 'third'];
  await until(() => streams.length === 2, 'the stream again');
  await until(async () => (await session.tools()).length === 3, 'what changed meanwhile');
  streams[1].write('data: {nonsense\n\n');
  assert.match(text(await session.call('act')), /^session-/);
});

test('a server without a stream is asked for it once', async () => {
  const server = await new SessionServer((response) => response.writeHead(405).end()).listen();
  const { session } = await inFront(server);
  for (let i = 0; i < 5; i++) assert.match(text(await session.call('act')), /^session-/);
  await new Promise((done) => setTimeout(done, 1500));
  assert.equal(server.gets.length, 1);
});

test('a session that the server forgot is begun anew; at the end each is deleted', async () => {
  const server = await new SessionServer((response) => response.writeHead(405).end()).listen();
  const { gateway, session } = await inFront(server);
  const first = text(await session.call('act'));
  server.sessions.delete(first);
  assert.equal((await session.call('act')).error?.data?.reason, 'upstream_closed');
  await until(async () => {
    const found = await session.call('act');
    return found.result && text(found) !== first;
  }, 'a new session');
  const { code } = await gateway.stop();
  assert.equal(code, 0);
  await until(() => server.deleted.length >= 1, 'the end of the sessions');
  for (const one of server.deleted) assert.ok(server.sessions.has(one));
  assert.ok(!server.deleted.includes(first), 'what is gone is not deleted');
});
