// Streams that clients hold open (GET): who may, what is told on them, and when they end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { setTimeout as delay } from 'node:timers/promises';
import { officialClients } from '../lib/clients.mjs';
import { Gateway, binary, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { CRLF, RawConnection, bytes } from '../lib/raw-http.mjs';
import { Session } from '../lib/session.mjs';

const policy = { version: '1', default: 'deny', tools: { become: {}, echo: {}, added: {} } };
const CHANGED = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';

describe('streams', () => {
  let gateway, grant;
  before(async () => {
    const recorder = new Recorder({ tools: ['become', 'echo'] });
    gateway = new Gateway({ servers: { one: recorder.entry({ policy, isolation: 'server' }) } });
    await gateway.start();
    grant = await gateway.grant('streams', 'one');
  });
  after(() => gateway.close());

  const open = (token = grant.token) => Session.open(gateway.endpoint('one'), token);
  const get = (session, headers) => fetch(gateway.endpoint('one'), { headers: {
    Accept: 'text/event-stream', Authorization: `Bearer ${session.token}`,
    ...(session.id ? { 'Mcp-Session-Id': session.id, 'MCP-Protocol-Version': session.version } : {}), ...headers } });

  /** A stream over a plain socket, and what has come on it. */
  async function stream(session) {
    const connection = await RawConnection.open(gateway.url);
    connection.send(bytes([`GET /mcp/one HTTP/1.1`, `Host: ${session.url.host}`, 'Accept: text/event-stream',
      `Authorization: Bearer ${session.token}`, `Mcp-Session-Id: ${session.id}`, '', ''].join(CRLF)));
    const got = () => connection.pending.toString();
    await until(() => got().includes(CRLF + CRLF) || connection.ended, 'the head');
    return { connection, got, told: () => got().split(CHANGED).length - 1 };
  }

  for (const [label, connect] of Object.entries(officialClients)) {
    test(`${label} hears that a server has a new tool`, async () => {
      const client = await connect(gateway.endpoint('one'), grant.token);
      let told = 0;
      client.setNotificationHandler(label.startsWith('sdk') ? ToolListChangedNotificationSchema : 'notifications/tools/list_changed', () => { told += 1; });
      assert.equal(client.getServerCapabilities().tools.listChanged, true);
      assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['become', 'echo']);
      await client.callTool({ name: 'become', arguments: { tools: ['become', 'echo', 'added'] } });
      await until(() => told > 0, 'list_changed');
      assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['become', 'echo', 'added']);
      const seen = told;
      await client.callTool({ name: 'become', arguments: { tools: ['become', 'echo'] } });
      await until(() => told > seen, 'list_changed again');
      await client.close();
    });
  }

  test('what a grant does not see is not told, and what it sees only on one stream', async () => {
    const session = await open();
    const first = await stream(session);
    const second = await stream(session);
    await session.call('become', { tools: ['become', 'echo', 'secret'] });
    await session.call('become', { tools: ['become', 'echo', 'secret', 'added'] });
    await until(() => second.told() === 1, 'list_changed');
    assert.equal(first.told(), 0);
    await session.call('become', { tools: ['become', 'echo', 'secret2'] });
    await until(() => second.told() === 2, 'list_changed');
    assert.equal(first.told(), 0);
    assert.ok(!second.got().includes('secret'));
    assert.ok((await session.end()).status < 300);
    await until(() => first.connection.ended && second.connection.ended, 'the end of both');
    assert.ok(second.got().endsWith('0\r\n\r\n'));
  });

  test('a stream needs a token, a session of its own, and a client that reads events', async () => {
    const session = await open();
    const status = async (of, headers) => (await get(of, headers)).status;
    assert.equal(await status(session, { Accept: 'application/json' }), 406);
    assert.equal(await status(session, { Authorization: 'Bearer nobody' }), 401);
    assert.equal(await status(session, { 'MCP-Protocol-Version': '2025-03-26' }), 400);
    assert.equal(await status({ token: grant.token }), 400);
    assert.equal(await status(session, { 'Mcp-Session-Id': 'unknown' }), 404);
    const thief = await gateway.grant('thief', 'one');
    assert.equal(await status({ ...session, id: session.id, version: session.version, token: thief.token }), 404);
    assert.equal(await status(session, { Origin: 'https://evil.example' }), 403);
    await session.end();
  });

  test('an idle stream with its session takes at most 6.5 KiB', { skip: /san/.test(binary) && 'a sanitizer takes its own' }, async () => {
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))[1]);
    const count = 2000, open_ = [];
    const many = async (from, to) => {
      for (let n = from; n < to; n += 50) {
        await Promise.all(Array.from({ length: 50 }, async () => {
          const session = await open(tokens[Math.floor(n / 900)]);
          session.close();
          open_.push(await stream(session));
        }));
      }
    };
    const tokens = [];
    for (let n = 0; n < 3; n++) tokens.push((await gateway.grant(`crowd ${n}`, 'one')).token);
    await many(0, 200); // what is kept for reuse is there
    await delay(1500);
    const before = resident();
    await many(200, count);
    await delay(1500);
    const each = (resident() - before) / (count - 200);
    for (const one of open_) one.connection.close();
    assert.ok(each <= 6.5, `${each} KiB a stream`);
    console.log(`# ${each.toFixed(2)} KiB a stream with its session`);
  });

  test('a revoked grant and a stop end them', async () => {
    const other = await gateway.grant('other', 'one');
    const theirs = await stream(await open(other.token));
    const ours = await stream(await open());
    await gateway.revoke(other.id);
    await until(() => theirs.connection.ended, 'the end of the revoked');
    assert.ok(!ours.connection.ended);
    const begun = Date.now();
    const how = await gateway.stop();
    assert.equal(how.code, 0);
    assert.ok(Date.now() - begun < 10_000, 'a stream holds no stop up');
    assert.ok(ours.connection.ended);
  });
});
