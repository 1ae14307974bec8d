// What is wrong gets an error that says what and where, and the gateway still serves the rest.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';

const allow = { version: '1', default: 'allow' };
const scratch = mkdtempSync(join(tmpdir(), 'warder-bad-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const file = (name, content) => {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
};

describe('a policy file', () => {
  const cases = [
    ['an unknown member', '{"version": "1",\n "default": "deny",\n "tols": {}}', /3:2.*tols|tols.*3:2/s, /tools/],
    ['a wrong type', '{"version": "1", "default": true}', /1:\d+/, /default/],
    ['a duplicate key', '{"version": "1", "default": "deny", "default": "allow"}', /1:\d+/, /default/],
    ['no JSON', '{"version": "1",\n "default": "deny",', /2:\d+|3:\d+/, /./],
    ['a wrong value', '{"version": "2", "default": "deny"}', /1:\d+/, /version/],
    ['an unknown operator', '{"version": "1", "default": "deny",\n "tools": {"t": {"deny_if": [{"conditions": [\n  {"path": "args.a", "op": "gtt", "value": 1}]}]}}}', /3:\d+/, /gte?\b/],
    ['a regex that does not compile', '{"version": "1", "default": "deny", "tools": {"t": {"require": [{"conditions": [{"path": "args.a", "op": "regex", "value": "(("}]}]}}}', /1:\d+/, /\/tools\/t\/require\/0\/conditions\/0/],
    ['a null', '{"version": "1", "default": "deny", "hide": null}', /1:\d+/, /hide/],
    ['an empty allow-list', '{"version": "1", "default": "deny", "resources": {"default": "deny", "allow": []}}', /1:\d+/, /allow/],
    ['what is not supported yet', '{"version": "1", "default": "deny", "tools": {"t": {"action": "approve"}}}', /1:\d+/, /not.*supported/i],
    ['a byte order mark', '\ufeff{"version": "1", "default": "deny"}', /1:1/, /./],
    ['a huge number', '{"version": "1", "default": "deny", "tools": {"t": {"rate_limit": {"max": 1e999, "window": 60}}}}', /1:\d+/, /max/],
  ];
  for (const [what, content, where, says] of cases) {
    test(`with ${what}: check says where`, async () => {
      const { code, stdout, stderr } = await warder(['check', file('wrong.json', content)]);
      assert.equal(code, 1, stdout + stderr);
      assert.match(stdout + stderr, where);
      assert.match(stdout + stderr, says);
      assert.match(stdout + stderr, /wrong\.json/);
    });
  }

  test('tells all its errors at once', async () => {
    const { code, stdout, stderr } = await warder(['check', file('many.json', '{"version": "1", "default": "maybe",\n"hide": 7,\n"tols": {}}')]);
    assert.equal(code, 1);
    for (const where of [/1:\d+/, /2:\d+/, /3:\d+/]) assert.match(stdout + stderr, where);
  });

  test('that does not exist', async () => {
    const { code, stdout, stderr } = await warder(['check', join(scratch, 'nowhere.json')]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /nowhere\.json/);
  });
});

describe('a configuration', () => {
  const recorder = new Recorder({ tools: ['echo'] });
  const cases = [
    ['an unknown key', { extra: 1 }, /extra/],
    ['a wrong type', { listen: 8808 }, /listen/],
    ['an address that is not loopback, without "insecure"', { listen: '0.0.0.0:0' }, /insecure|loopback/],
    ['no such address', { listen: 'nowhere:port' }, /listen|nowhere/],
    ['an unknown audit', { audit: 'sometimes' }, /audit/],
    ['a server with an unknown key', { mcpServers: { a: { ...recorder.entry(), polcy: 'x' } } }, /polcy.*policy|policy.*polcy/s],
    ['a server\'s name that is none', { mcpServers: { 'a/../b': recorder.entry() } }, /a\/\.\.\/b/],
    ['a variable that is not there', { mcpServers: { a: { ...recorder.entry(), env: { KEY: '${NO_SUCH_VARIABLE_HERE}' } } } }, /NO_SUCH_VARIABLE_HERE/],
    ['a variable\'s name that is none', { mcpServers: { a: { ...recorder.entry(), env: { KEY: '${../secret*}' } } } }, /mcpServers|env|KEY/],
    ['a policy file that is not there', { mcpServers: { a: { ...recorder.entry(), policy: 'missing.policy.json' } } }, /missing\.policy\.json/],
    ['a policy file that is wrong', { mcpServers: { a: { ...recorder.entry(), policy: file('bad.policy.json', '{"version": "1"}') } } }, /bad\.policy\.json/],
    ['a command that is not there', { mcpServers: { a: { command: 'no-such-command-here' } } }, /no-such-command-here/],
  ];
  for (const [what, members, says] of cases) {
    test(`with ${what}: the start is refused`, async () => {
      const path = file('warder.json', JSON.stringify({ listen: '127.0.0.1:0', data: join(scratch, 'data'), mcpServers: {}, ...members }));
      const { code, stdout, stderr } = await warder(['run', '-c', path], { timeout: 5000 });
      assert.ok(code === 1 || code === 2, `ended with ${code}: ${stdout}${stderr}`);
      assert.match(stdout + stderr, says);
    });
  }

  test('that is no JSON: the start is refused', async () => {
    const { code, stdout, stderr } = await warder(['run', '-c', file('warder.json', '{"listen": \n nope}')], { timeout: 5000 });
    assert.ok(code === 1 || code === 2);
    assert.match(stdout + stderr, /warder\.json.*2:2|2:2/s);
  });
});

describe('beside what is wrong, the rest is served', () => {
  const recorder = new Recorder({ tools: ['echo'] });
  let gateway;
  let grant;

  before(async () => {
    const node = process.execPath;
    gateway = new Gateway({
      servers: {
        good: recorder.entry({ policy: allow }),
        crashes: { command: node, args: ['-e', 'process.exit(7)'], policy: allow },
        garbage: { command: node, args: ['-e', 'setInterval(() => console.log("hello, I am no MCP server"), 20)'], policy: allow },
        unruled: recorder.entry(),
      },
      settings: {},
    });
    await gateway.start();
    grant = await gateway.grant('all', '*');
  });
  after(() => gateway?.close());

  const served = async () => {
    const session = await Session.open(gateway.endpoint('good'), grant.token);
    assert.equal(text(await session.call('echo', { ok: true })), '{"ok":true}');
    session.close();
  };
  const lone = (server = 'good', token = grant.token) => new Session(gateway.endpoint(server), token);
  const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };

  test('no token, a wrong one, a spoilt one, another grant\'s secret', async () => {
    const [, id] = grant.token.split('_');
    const other = (await gateway.grant('other', 'good')).token.split('_').slice(2).join('_');
    for (const token of ['', 'x', 'wdr_', `${grant.token}x`, grant.token.slice(0, -1), `wdr_${id}_${other}`, grant.token.toUpperCase(), `wdr_000000000000_${'A'.repeat(49)}`]) {
      const session = lone('good', token);
      const { status, body, headers } = await session.rpc('initialize', initialize);
      assert.equal(status, 401, `${token}: ${body}`);
      assert.match(headers['www-authenticate'] ?? '', /^Bearer/);
      assert.ok(!body.includes(grant.token.slice(-20)));
      session.close();
    }
    const session = lone();
    const bare = session.fields().filter(([name]) => name !== 'Authorization');
    assert.equal((await session.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize }, { headers: bare })).status, 401);
    assert.equal((await session.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize }, { headers: [...bare, ['Authorization', 'Basic eDp5']] })).status, 401);
    session.close();
    await served();
  });

  test('a grant for another server', async () => {
    const { token } = await gateway.grant('narrow', 'good');
    const session = lone('crashes', token);
    const { status } = await session.rpc('initialize', initialize);
    assert.ok([401, 403, 404].includes(status), `status ${status}`);
    session.close();
    await served();
  });

  test('no such server, no such path', async () => {
    for (const path of ['/mcp/nowhere', '/', '/mcp/good/more', '/MCP/good']) {
      const session = lone();
      session.url.pathname = path;
      assert.equal((await session.rpc('initialize', initialize)).status, 404, path);
      session.close();
    }
    await served();
  });

  test('a server that ends at its start, one that talks nonsense', { timeout: 90_000 }, async () => {
    const answers = ['crashes', 'garbage'].map((server) => {
      const session = lone(server);
      return session.rpc('initialize', initialize, { timeout: 40_000 }).finally(() => session.close());
    });
    await served();
    for (const { message: { error } } of await Promise.all(answers)) assert.match(error?.data?.reason ?? '', /^upstream_/, JSON.stringify(error));
    await served();
  });

  test('a server without a policy is denied everything', async () => {
    const session = await Session.open(gateway.endpoint('unruled'), grant.token);
    assert.deepEqual(await session.tools(), []);
    const message = await session.call('echo', {});
    assert.equal(message.result._meta['dev.warder/decision'].code, 'no_policy');
    session.close();
    assert.match(gateway.log, /unruled/, 'the start says which server has none');
    await served();
  });

  test('messages that are none', async () => {
    const session = await Session.open(gateway.endpoint('good'), grant.token);
    for (const [body, code] of [['', -32700], ['{', -32700], ['nul', -32700], ['42', -32600], ['"x"', -32600], ['{}', -32600], ['{"jsonrpc":"2.0"}', -32600], ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600]]) {
      const answer = await session.post(body);
      assert.equal(answer.status, 400, body);
      assert.equal(answer.message.error.code, code, `${body}: ${answer.body}`);
      assert.ok(answer.message.error.message.length > 10);
    }
    session.close();
    await served();
  });

  test('sessions that are none', async () => {
    const session = await Session.open(gateway.endpoint('good'), grant.token);
    const known = session.id;
    session.id = 'nonsense';
    assert.equal((await session.rpc('tools/list')).status, 404);
    session.id = undefined;
    assert.equal((await session.rpc('tools/list')).status, 400);
    session.id = known;
    const thief = new Session(gateway.endpoint('good'), (await gateway.grant('thief', '*')).token);
    thief.id = known;
    thief.version = session.version;
    assert.equal((await thief.rpc('tools/list')).status, 404, 'a session belongs to its grant');
    thief.url = new URL(gateway.endpoint('unruled'));
    thief.token = grant.token;
    assert.equal((await thief.rpc('tools/list')).status, 404, 'and to its server');
    thief.close();
    assert.ok([200, 202, 204].includes((await session.end()).status));
    assert.equal((await session.rpc('tools/list')).status, 404, 'it has ended');
    session.close();
    await served();
  });

  test('health and readiness', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await until(async () => { const one = await fetch(gateway.url + path); return one.status === 200 && one; }, path);
      assert.equal(answer.status, 200);
    }
  });

  test('no secret stands in the log', () => {
    assert.ok(!gateway.log.includes(grant.token.slice(grant.token.indexOf('_', 4) + 1)));
  });
});
