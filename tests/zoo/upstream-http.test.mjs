// What an HTTP server may say to the gateway, and must not get through: broken answers, other statuses, hostile streams.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Gateway, warder } from '../lib/gateway.mjs';
import { HttpServer, answer, ok } from '../lib/http-server.mjs';
import { Session, text } from '../lib/session.mjs';

const SECRET = 'sesame-9f31';
const server = new HttpServer(['act']);
let gateway;
let grant;
let session;

before(async () => {
  await server.listen();
  gateway = new Gateway({
    servers: { web: { url: server.url, headers: { 'X-Api-Key': '${UPSTREAM_KEY}' }, timeout: '3s', policy: { version: '1', default: 'allow' } } },
    env: { UPSTREAM_KEY: SECRET },
  });
  await gateway.start();
  grant = await gateway.grant('web', 'web');
  session = await Session.open(gateway.endpoint('web'), grant.token);
});
after(async () => {
  session?.close();
  await gateway?.close();
  await server.close();
});

const good = (id, label = 'good') => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"${label}"}]}}`;
const events = (body) => ok(body, 'text/event-stream');
const chunk = (body) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
let ended = 0;

/** `says`: the text that the client must get; else `reason` of the error that it gets. `how`: the outcome in the record. */
function vector(z, title, make, { says, reason = /^upstream_malformed$/, how = says ? 'ok' : 'unknown', messages = 1, fresh = !says } = {}) {
  const name = `${z} ${title}`;
  server.answers[name] = make;
  test(name, async () => {
    const before = server.requests.length;
    const told = await session.rpc('tools/call', { name: 'act', arguments: { vector: name } });
    ended++;
    if (says) assert.equal(text(told.message), says, told.body.slice(0, 300));
    else assert.match(told.message.error?.data?.reason ?? '', reason, told.body.slice(0, 300));
    assert.equal(told.messages.length, messages);
    const mine = (one) => one.kind === 'outcome';
    const records = await gateway.auditUntil((all) => all.filter(mine).length >= ended);
    assert.equal(records.filter(mine).length, ended);
    assert.equal(records.filter(mine).at(-1).outcome, how);

    assert.equal(text(await session.call('act', { after: z })), `{"after":"${z}"}`, 'the next call works');
    ended++;
    const calls = server.requests.slice(before).filter(({ body }) => body.includes('tools/call'));
    assert.equal(calls.length, 2, 'each call was sent once');
    if (fresh) assert.notEqual(calls[0].connection, calls[1].connection, 'not on the connection that failed');
  });
}

vector('H00', 'JSON by length', (id) => ok(good(id)), { says: 'good' });
vector('H00', 'JSON by chunks', (id) => answer(['HTTP/1.1 200 OK', 'Content-Type: application/json', 'Transfer-Encoding: chunked'], `${chunk(good(id).slice(0, 20))}${chunk(good(id).slice(20))}0\r\n\r\n`), { says: 'good' });
vector('H00', 'an event stream', (id) => events(`event: message\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('H00', 'a 100 before', (id) => Buffer.concat([answer(['HTTP/1.1 100 Continue']), ok(good(id))]), { says: 'good' });

const length = (id, n = good(id).length) => `Content-Length: ${n}`;
const json = 'Content-Type: application/json';
const BROKEN = { reason: /^upstream_(malformed|closed)$/ };
vector('H17', 'length and chunks', (id) => answer(['HTTP/1.1 200 OK', json, length(id), 'Transfer-Encoding: chunked'], `${chunk(good(id))}0\r\n\r\n`), BROKEN);
vector('H17', 'two lengths', (id) => answer(['HTTP/1.1 200 OK', json, length(id), length(id, 5)], good(id)), BROKEN);
vector('H17', 'a length with a sign', (id) => answer(['HTTP/1.1 200 OK', json, `Content-Length: +${good(id).length}`], good(id)), BROKEN);
vector('H17', 'gzip, chunked', (id) => answer(['HTTP/1.1 200 OK', json, 'Transfer-Encoding: gzip, chunked'], `${chunk(good(id))}0\r\n\r\n`), BROKEN);
vector('H17', 'a chunk size that is none', (id) => answer(['HTTP/1.1 200 OK', json, 'Transfer-Encoding: chunked'], `0x${chunk(good(id))}0\r\n\r\n`), BROKEN);
vector('H17', 'bare line feeds', (id) => Buffer.from(answer(['HTTP/1.1 200 OK', json, length(id)], good(id)).toString().replaceAll('\r\n', '\n')), BROKEN);
vector('H17', 'a folded field', (id) => answer(['HTTP/1.1 200 OK', json, 'X-A: b', ' c', length(id)], good(id)), BROKEN);
vector('H17', 'a field without colon', (id) => answer(['HTTP/1.1 200 OK', json, 'X-A', length(id)], good(id)), BROKEN);
vector('H17', 'NUL in a field', (id) => answer(['HTTP/1.1 200 OK', json, 'X-A: \0', length(id)], good(id)), BROKEN);
vector('H17', 'HTTP/2.0', (id) => answer(['HTTP/2.0 200 OK', json, length(id)], good(id)), BROKEN);
vector('H17', 'a status that is none', (id) => answer(['HTTP/1.1 2000 OK', json, length(id)], good(id)), BROKEN);
vector('H17', 'no HTTP at all', (id) => Buffer.from(`${good(id)}\n`), BROKEN);
vector('H17', 'a head above 32 KiB', (id) => answer(['HTTP/1.1 200 OK', json, ...Array.from({ length: 40 }, (_, i) => `X-${i}: ${'a'.repeat(1024)}`), length(id)], good(id)), BROKEN);
vector('H17', 'read until close', (id) => ({ bytes: answer(['HTTP/1.1 200 OK', json], good(id)), end: true }), BROKEN);
vector('H17', 'a length that promises more', (id) => ({ bytes: answer(['HTTP/1.1 200 OK', json, length(id, good(id).length + 5)], good(id)), end: true }), BROKEN);
vector('H17', 'a length that promises less', (id) => answer(['HTTP/1.1 200 OK', json, length(id, good(id).length - 1)], good(id)), BROKEN);
vector('H17', '101', (id) => answer(['HTTP/1.1 101 Switching Protocols', 'Upgrade: x', 'Connection: upgrade'], good(id)), BROKEN);
vector('H17', 'five times 100', (id) => Buffer.concat([...Array(5).fill(answer(['HTTP/1.1 100 Continue'])), ok(good(id))]), BROKEN);
vector('H17', 'nothing, and a close', () => ({ bytes: Buffer.alloc(0), end: true }), BROKEN);
vector('H17', 'bytes behind the answer', (id) => Buffer.concat([ok(good(id)), Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')]), BROKEN);
vector('H18', 'Connection: close', (id) => ({ bytes: answer(['HTTP/1.1 200 OK', json, length(id), 'Connection: close'], good(id)), end: true }), { says: 'good', fresh: true });

vector('Z11', 'a byte order mark before the JSON', (id) => ok(`\ufeff${good(id)}`), { fresh: false });
vector('Z31', 'gzip that was not asked for', (id) => { const body = gzipSync(good(id)); return answer(['HTTP/1.1 200 OK', json, 'Content-Encoding: gzip', `Content-Length: ${body.length}`], body); });
vector('Z31', 'Content-Encoding: gzip, and plain bytes', (id) => answer(['HTTP/1.1 200 OK', json, 'Content-Encoding: gzip', length(id)], good(id)));
for (const status of ['201 Created', '203 Non-Authoritative Information', '206 Partial Content', '400 Bad Request', '401 Unauthorized', '403 Forbidden', '404 Not Found', '429 Too Many Requests', '500 Internal Server Error', '503 Service Unavailable']) {
  vector('Z32', `an answer with ${status}`, (id) => answer([`HTTP/1.1 ${status}`, json, length(id)], good(id)), { reason: /^upstream_/, fresh: false });
}
for (const status of ['301 Moved Permanently', '302 Found', '303 See Other', '307 Temporary Redirect', '308 Permanent Redirect']) {
  vector('Z32', `a redirect is not followed: ${status}`, (id) => answer([`HTTP/1.1 ${status}`, `Location: ${server.url}/elsewhere`, json, length(id)], good(id)), { reason: /^upstream_/, fresh: false });
}
vector('Z32', '202 for a call', () => answer(['HTTP/1.1 202 Accepted', 'Content-Length: 0']), { reason: /^upstream_/, fresh: false });
vector('Z32', '204 for a call', () => answer(['HTTP/1.1 204 No Content']), { reason: /^upstream_/, fresh: false });
for (const type of ['text/html', 'text/plain', 'application/octet-stream', 'application/json-seq', 'multipart/form-data', '']) {
  vector('Z30', `an answer of type ${JSON.stringify(type)}`, (id) => ok(good(id), type), { fresh: false });
}
vector('Z30', 'two types', (id) => answer(['HTTP/1.1 200 OK', json, 'Content-Type: text/event-stream', length(id)], good(id)), { fresh: false });

vector('Z33', 'JSON that is none', () => ok('{"jsonrpc":'), { fresh: false });
vector('Z33', 'an event that is no JSON, then the answer', (id) => events(`data: {nonsense\n\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('Z33', 'an event that is no UTF-8, then the answer', (id) => events(Buffer.concat([Buffer.from('data: "'), Buffer.from('fffe', 'hex'), Buffer.from(`"\n\ndata: ${good(id)}\n\n`)])), { says: 'good' });
vector('Z33', 'events without an answer', () => events('data: {nonsense\n\n'), { reason: /^upstream_(closed|malformed)$/, fresh: false });
for (const [what, end] of [['CR', '\r'], ['LF', '\n'], ['CR LF', '\r\n']]) {
  vector('Z34', `lines that end with ${what}`, (id) => events(`event: message${end}data: ${good(id)}${end}${end}`), { says: 'good' });
}
vector('Z34', 'mixed line ends', (id) => events(`id: 1\revent: message\ndata: ${good(id)}\r\n\r\n`), { says: 'good' });
vector('Z34', 'data on many lines', (id) => events(`${good(id).replaceAll(',', ',\n').split('\n').map((line) => `data: ${line}`).join('\n')}\n\n`), { says: 'good' });
vector('Z34', 'a byte order mark before the stream', (id) => events(`\ufeffdata: ${good(id)}\n\n`), { says: 'good' });
vector('Z34', 'comments, retry, id with NUL, fields without colon', (id) => events(`: hello\nretry: 5\nid: a\0b\ndata\n\nunknown: x\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('Z34', 'an event of another name is no message', (id) => events(`event: other\ndata: ${good(id, 'wrong')}\n\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('Z34', 'a name with a line end inside', (id) => events(`event: mess\rage\ndata: ${good(id)}\n\n`), { reason: /^upstream_(closed|malformed)$/, fresh: false });
vector('Z34', 'no empty line at the end', (id) => events(`data: ${good(id)}\n`), { reason: /^upstream_(closed|malformed)$/, fresh: false });
vector('Z34', 'a line of 17 MiB', (id) => events(`data: ${' '.repeat(17 << 20)}${good(id)}\n\n`), { reason: /^upstream_malformed$/ });
vector('Z35', 'another id, then the right one', (id) => events(`data: ${good(id + 1, 'wrong')}\n\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('Z35', 'another id alone', (id) => ok(good(id + 1)), { fresh: false });
vector('Z35', 'the answer twice', (id) => events(`data: ${good(id)}\n\ndata: ${good(id, 'second')}\n\n`), { says: 'good' });
vector('Z36', 'result and error', (id) => ok(`{"jsonrpc":"2.0","id":${id},"result":{},"error":{"code":1,"message":"x"}}`), { fresh: false });
vector('Z16', 'a batch', (id) => ok(`[${good(id)}]`), { fresh: false });
vector('Z24', 'a request of its own before the answer', (id) => events(`data: {"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}\n\ndata: ${good(id)}\n\n`), { says: 'good' });
vector('Z38', 'an answer of 17 MiB', (id) => ok(good(id, 'x'.repeat(17 << 20))));

test('H16 the server gets our fields and no other', async () => {
  const mark = server.requests.length;
  const bare = session.fields();
  await session.post({ jsonrpc: '2.0', id: 900, method: 'tools/call', params: { name: 'act', arguments: {} } },
    { headers: [...bare, ['X-Forwarded-For', '1.2.3.4'], ['Cookie', 'a=b'], ['X-Api-Key', 'mine'], ['Forwarded', 'for=x'], ['User-Agent', 'tests'], ['Mcp-Name', 'act']] });
  ended++;
  const { head, body } = server.requests[mark];
  const [start, ...lines] = head.split('\r\n');
  assert.equal(start, 'POST /mcp HTTP/1.1');
  const names = lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()).sort();
  assert.deepEqual(names, ['accept', 'accept-encoding', 'content-length', 'content-type', 'host', 'mcp-protocol-version', 'x-api-key']);
  assert.ok(lines.includes(`X-Api-Key: ${SECRET}`));
  assert.ok(lines.some((line) => /^accept-encoding: identity$/i.test(line)));
  assert.ok(!head.includes(grant.token) && !head.includes('1.2.3.4'));
  assert.match(body, /^\{"jsonrpc":"2\.0","id":\d+,"method":"tools\/call","params":\{"name":"act","arguments":\{\}\}\}$/);
});

test('H16 what the server says in its fields does not reach the client', async () => {
  server.answers.fields = (id) => answer(['HTTP/1.1 200 OK', json, 'Set-Cookie: a=b', 'Mcp-Session-Id: theirs', 'WWW-Authenticate: Bearer', 'Access-Control-Allow-Origin: *', length(id)], good(id));
  const { headers } = await session.rpc('tools/call', { name: 'act', arguments: { vector: 'fields' } });
  ended++;
  for (const name of ['set-cookie', 'mcp-session-id', 'www-authenticate', 'access-control-allow-origin']) assert.ok(!(name in headers), name);
});

test('H15 a field that would break the head is refused at the start', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'warder-fields-'));
  const config = join(dir, 'warder.json');
  for (const headers of [{ 'X-A': 'b\r\nX-Evil: 1' }, { 'X-A': '${UPSTREAM_KEY}' }, { 'X A': 'b' }, { 'X-A\r\nX-Evil': '1' }, { 'Content-Length': '5' }, { 'Transfer-Encoding': 'chunked' }, { Host: 'evil.example' }]) {
    writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', data: join(dir, 'data'), mcpServers: { web: { url: server.url, headers } } }));
    const { code, stdout, stderr } = await warder(['run', '-c', config], { timeout: 5000, env: { UPSTREAM_KEY: 'a\nX-Evil: 1' } });
    assert.ok(code === 1 || code === 2, `${JSON.stringify(headers)}: ended with ${code}: ${stdout}${stderr}`);
  }
  rmSync(dir, { recursive: true });
});
