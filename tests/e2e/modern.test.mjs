// MCP 2026-07-28 from end to end: the official client without a session, the gateway, and a server of the official library,
// over both transports to it; then what is refused, by hand.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Gateway, until } from '../lib/gateway.mjs';
import { EraServer } from '../lib/era-servers.mjs';
import { MODERN, Modern, meta } from '../lib/modern.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision, text } from '../lib/session.mjs';

const policy = {
  version: '1', default: 'deny', hide: ['secret'],
  tools: { echo: {}, where: {}, asks: {}, grow: {}, slow: {}, steps: {}, extra: {} }, prompts: { default: 'allow' }, resources: { default: 'allow' },
};
const wanted = ['echo', 'where', 'asks', 'grow', 'slow', 'steps'];

async function official(endpoint, token, mode) {
  const client = new Client({ name: 'official', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }));
  return client;
}

for (const back of ['stdio', 'http']) {
  describe(`over ${back}`, () => {
    let dual, modern, gateway, token, raw;
    const old = new Recorder({ tools: ['echo'] });
    before(async () => {
      [dual, modern] = await Promise.all([EraServer.start(back), EraServer.start(back, { ERAS: 'modern' })]);
      gateway = await new Gateway({ servers: {
        dual: dual.entry({ policy }), modern: modern.entry({ policy }), old: old.entry({ policy }), shared: modern.entry({ isolation: 'server', policy }), closed: modern.entry({ policy: { version: '1', default: 'deny', hide: ['*'] } }),
      } }).start();
      ({ token } = await gateway.grant('modern', '*'));
      raw = new Modern(gateway.endpoint('modern'), token);
    });
    after(async () => {
      raw?.close();
      await gateway?.close();
      for (const server of [dual, modern]) server?.close();
      old.remove();
    });

    test('the official client, pinned to the revision', async () => {
      const client = await official(gateway.endpoint('modern'), token, { pin: MODERN });
      assert.equal(client.getServerVersion().name, 'warder');
      assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), wanted);
      assert.deepEqual((await client.callTool({ name: 'echo', arguments: { a: [1, 'zwei', null] } })).content, [{ type: 'text', text: '{"a":[1,"zwei",null]}' }]);
      assert.equal(text({ result: await client.callTool({ name: 'where', arguments: { region: 'Zürich ', n: 7 } }) }), '{"region":"Zürich ","n":7}');
      const seen = [];
      await client.callTool({ name: 'steps', arguments: {} }, { onprogress: ({ progress }) => seen.push(progress) });
      assert.deepEqual(seen, [1, 2, 3]);
      assert.equal((await client.getPrompt({ name: 'guide' })).messages[0].content.text, 'go');
      assert.equal((await client.readResource({ uri: 'note://one' })).contents[0].text, 'the text');
      await assert.rejects(client.callTool({ name: 'secret', arguments: {} }), /Unknown tool/);
      await client.close();
    });

    test('the official client that negotiates finds each server\'s era', async () => {
      for (const [name, era] of [['modern', 'modern'], ['dual', 'modern'], ['old', 'legacy']]) {
        const client = await official(gateway.endpoint(name), token, 'auto');
        assert.equal(text({ result: await client.callTool({ name: 'echo', arguments: { a: era } }) }), `{"a":"${era}"}`);
        assert.equal(client.getNegotiatedProtocolVersion() === MODERN, era === 'modern', name);
        await client.close();
      }
    });

    test('a client with a session before a server that has both', async () => {
      const session = await Session.open(gateway.endpoint('dual'), token);
      assert.equal(text(await session.call('echo', { a: 1 })), '{"a":1}');
      assert.equal((await session.rpc('server/discover')).message.error.code, -32601);
      session.close();
    });

    test('a client with a session before a server without: the versions that it speaks', async () => {
      const session = new Session(gateway.endpoint('modern'), token);
      for (let n = 0; n < 2; n++) {
        const { status, message } = await session.rpc('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } });
        assert.equal(status, 200);
        assert.deepEqual([message.error.code, message.error.data], [-32602, { reason: 'server_modern', supported: [MODERN], requested: '2025-11-25' }]);
      }
      session.close();
    });

    test('a client without a session before a server that has nothing else', async () => {
      const other = new Modern(gateway.endpoint('old'), token);
      for (const [method, params] of [['server/discover', {}], ['tools/list', {}], ['tools/call', { name: 'echo', arguments: {} }]]) {
        const { status, message } = await other.rpc(method, params);
        assert.equal(status, 400);
        assert.deepEqual([message.error.code, message.error.data], [-32022, { reason: 'protocol_unsupported', supported: ['2025-11-25', '2025-06-18', '2025-03-26'], requested: MODERN }]);
      }
      assert.deepEqual(old.calls().filter((call) => call.arguments.a === undefined), []);
      other.close();
    });

    test('discovery and lists say what the policy leaves, to this client alone', async () => {
      const { message, headers } = await raw.rpc('server/discover');
      assert.deepEqual(message.result.supportedVersions, [MODERN]);
      const told = { listChanged: true };
      assert.deepEqual(message.result.capabilities, { tools: told, prompts: told, resources: told });
      assert.equal(headers['mcp-session-id'], undefined);
      for (const method of ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read']) {
        const { result } = (await raw.rpc(method, method === 'resources/read' ? { uri: 'note://one' } : {})).message;
        assert.deepEqual([result.resultType, result.ttlMs, result.cacheScope], ['complete', 0, 'private'], method);
      }
      const closed = new Modern(gateway.endpoint('closed'), token);
      assert.deepEqual((await closed.rpc('server/discover')).message.result.capabilities, {});
      closed.close();
    });

    test('what is denied says so in a whole result', async () => {
      const gone = await raw.rpc('tools/call', { name: 'secret', arguments: {} });
      const never = await raw.rpc('tools/call', { name: 'never!', arguments: {} });
      assert.equal(gone.status, 200);
      assert.equal(gone.body.replace(/"id":\d+/, '').replace('secret', 'never!'), never.body.replace(/"id":\d+/, ''));
    });

    test('what the server gets is ours', async () => {
      await raw.rpc('tools/call', { name: 'echo', arguments: { a: 1 }, _meta: meta({ 'io.modelcontextprotocol/clientInfo': { name: 'spy', version: '9' }, 'com.example/x': 1 }) }, { fields: { 'Mcp-Param-Unknown': 'spy', 'X-Spy': 'spy', 'Mcp-Session-Id': 'spy' } });
      if (back === 'stdio') return;
      const { headers, body } = modern.requests().findLast((one) => one.body?.method === 'tools/call');
      assert.equal(headers['mcp-name'], 'echo');
      assert.equal(headers['mcp-method'], 'tools/call');
      assert.equal(headers['mcp-protocol-version'], MODERN);
      assert.ok(!JSON.stringify([headers, body]).includes('spy'));
      assert.deepEqual(body.params._meta, { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'warder', version: '0.1.0' }, 'io.modelcontextprotocol/clientCapabilities': {} });
    });

    test('a server that asks for input is not passed on', async () => {
      const { status, message } = await raw.rpc('tools/call', { name: 'asks', arguments: {} });
      assert.equal(status, 200);
      assert.equal(message.error.data?.reason, 'input_required', JSON.stringify(message));
      const again = await raw.rpc('tools/call', { name: 'echo', arguments: {}, requestState: 'x', inputResponses: {} });
      assert.equal(again.message.error.data.reason, 'input_response');
    });

    test('a client that goes away has cancelled its call', async () => {
      const other = new Modern(gateway.endpoint('modern'), token);
      const lost = other.rpc('tools/call', { name: 'slow', arguments: { ms: 20_000 } }).catch(() => {});
      await until(() => modern.notes().includes('began'), 'the call at the server');
      other.connection.socket.resetAndDestroy();
      await lost;
      await until(() => modern.notes().includes('cancelled'), 'the cancellation at the server');
      const records = await gateway.auditUntil((all) => all.some((one) => one.kind === 'outcome' && one.outcome === 'cancelled'));
      assert.equal(records.findLast((one) => one.outcome === 'cancelled').reason, 'client_gone');
    });

    test('who listens hears of a list that changed, once, under the request\'s id', async () => {
      const client = await official(gateway.endpoint('shared'), token, { pin: MODERN });
      const changed = new Promise((done) => client.setNotificationHandler('notifications/tools/list_changed', done));
      const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['note://one'] });
      assert.deepEqual(subscription.honoredFilter, { toolsListChanged: true });
      const other = new Modern(gateway.endpoint('shared'), token);
      const heard = other.rpc('subscriptions/listen', { notifications: { toolsListChanged: true, promptsListChanged: false } }, { timeout: 30_000 });
      await client.callTool({ name: 'grow', arguments: {} });
      await changed;
      assert.ok((await client.listTools()).tools.some((tool) => tool.name === 'extra'));
      await client.close();
      await gateway.stop();
      const { messages } = await heard;
      const subscriptionId = other.next - 1;
      assert.deepEqual(messages[0], { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta: { 'io.modelcontextprotocol/subscriptionId': subscriptionId }, notifications: { toolsListChanged: true } } });
      assert.deepEqual(messages.slice(1, -1), [{ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: { 'io.modelcontextprotocol/subscriptionId': subscriptionId } } }]);
      assert.deepEqual(messages.at(-1), { jsonrpc: '2.0', id: subscriptionId, result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': subscriptionId } } });
      await gateway.start();
      raw = new Modern(gateway.endpoint('modern'), token);
    });

    const refusals = [
      ['no version in _meta', 'tools/list', { _meta: { 'io.modelcontextprotocol/clientCapabilities': {} } }, {}, 400, -32602],
      ['no capabilities in _meta', 'tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN } }, {}, 400, -32602],
      ['no _meta', 'tools/list', { _meta: undefined }, {}, 400, -32602],
      ['a log level that is none', 'tools/list', { _meta: meta({ 'io.modelcontextprotocol/logLevel': 'loud' }) }, {}, 400, -32602],
      ['another version', 'tools/list', { _meta: meta({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }) }, { 'MCP-Protocol-Version': '2099-01-01' }, 400, -32022],
      ['another version in the field', 'tools/list', {}, { 'MCP-Protocol-Version': '2025-11-25' }, 400, -32020],
      ['no version field', 'tools/list', {}, { 'MCP-Protocol-Version': undefined }, 400, -32020],
      ['the version field twice', 'tools/list', {}, { 'MCP-Protocol-Version': [MODERN, MODERN] }, 400, -32020],
      ['another Mcp-Method', 'tools/list', {}, { 'Mcp-Method': 'prompts/list' }, 400, -32020],
      ['Mcp-Method in capitals', 'tools/list', {}, { 'Mcp-Method': 'TOOLS/LIST' }, 400, -32020],
      ['no Mcp-Method', 'tools/list', {}, { 'Mcp-Method': undefined }, 400, -32020],
      ['Mcp-Method twice', 'tools/list', {}, { 'Mcp-Method': ['tools/list', 'tools/list'] }, 400, -32020],
      ['another Mcp-Name', 'tools/call', { name: 'secret', arguments: {} }, { 'Mcp-Name': 'echo' }, 400, -32020],
      ['no Mcp-Name', 'tools/call', { name: 'echo', arguments: {} }, { 'Mcp-Name': undefined }, 400, -32020],
      ['Mcp-Name joined', 'tools/call', { name: 'echo', arguments: {} }, { 'Mcp-Name': 'echo, echo' }, 400, -32020],
      ['Mcp-Name that is not base64', 'tools/call', { name: 'echo', arguments: {} }, { 'Mcp-Name': '=?base64?ZWNobw?=' }, 400, -32020],
      ['a uri that is not the field\'s', 'resources/read', { uri: 'note://one' }, { 'Mcp-Name': 'note://two' }, 400, -32020],
      ['initialize', 'initialize', { protocolVersion: MODERN, capabilities: {}, clientInfo: { name: 't', version: '1' } }, {}, 404, -32601],
      ['ping', 'ping', {}, {}, 404, -32601],
      ['logging/setLevel', 'logging/setLevel', { level: 'info' }, {}, 404, -32601],
      ['resources/subscribe', 'resources/subscribe', { uri: 'note://one' }, {}, 404, -32601],
      ['tasks/get', 'tasks/get', { taskId: 'x' }, {}, 404, -32601],
      ['listening for nothing', 'subscriptions/listen', {}, {}, 200, -32602],
      ['listening for a number', 'subscriptions/listen', { notifications: { toolsListChanged: 1 } }, {}, 200, -32602],
      ['a method that nobody knows', 'x/vendor', {}, {}, 404, -32601],
    ];
    test('refused, each with its code and its id', async () => {
      await raw.rpc('tools/list'); // the server's era is known
      for (const [what, method, params, fields, status, code] of refusals) {
        const answer = await raw.rpc(method, params, { fields });
        assert.deepEqual([answer.status, answer.message.error?.code], [status, code], `${what}: ${answer.body}`);
        if (code === -32022) assert.deepEqual(answer.message.error.data, { reason: 'protocol_unsupported', supported: [MODERN], requested: '2099-01-01' });
        if (!/twice/.test(what)) assert.equal(answer.message.id, raw.next - 1, what);
      }
    });

    test('marked arguments and their fields', async () => {
      const { inputSchema } = (await raw.rpc('tools/list')).message.result.tools.find((tool) => tool.name === 'where');
      const call = (args, fields) => raw.rpc('tools/call', { name: 'where', arguments: args }, { fields });
      if (back === 'stdio') {
        assert.deepEqual(inputSchema.properties.region, { type: 'string' });
        assert.equal((await call({ region: 'a' }, { 'Mcp-Param-Region': 'b' })).status, 200, 'nothing is marked any more');
        return;
      }
      assert.equal(inputSchema.properties.region['x-mcp-header'], 'Region');
      assert.equal((await call({ region: 'a', n: 42 }, { 'mcp-param-REGION': 'a', 'Mcp-Param-Number': '42.0' })).status, 200);
      const { headers } = modern.requests().findLast((one) => one.body?.method === 'tools/call');
      assert.deepEqual([headers['mcp-param-region'], headers['mcp-param-number']], ['a', '42']);
      for (const [args, fields] of [
        [{ region: 'a' }, {}], [{ region: 'a' }, { 'Mcp-Param-Region': 'A' }], [{ region: 'a' }, { 'Mcp-Param-Region': ['a', 'a'] }],
        [{}, { 'Mcp-Param-Region': 'a' }], [{ region: null }, { 'Mcp-Param-Region': 'null' }], [{ region: { x: 1 } }, { 'Mcp-Param-Region': '{"x":1}' }],
        [{ n: 42 }, { 'Mcp-Param-Number': '43' }], [{ region: 'ü' }, { 'Mcp-Param-Region': '=?base64?w7w?=' }],
      ]) {
        const answer = await call(args, fields);
        assert.deepEqual([answer.status, answer.message.error?.code], [400, -32020], JSON.stringify([args, fields]));
      }
      assert.equal((await call({ region: 'ü' }, { 'Mcp-Param-Region': '=?base64?w7w=?=' })).status, 200);
    });
  });
}
