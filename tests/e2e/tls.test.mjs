// TLS on both sides, through the real binary: who is believed, what is shown, what changes while it runs.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { connect } from 'node:tls';
import { authority, issue } from '../lib/certificates.mjs';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { HttpServer, answer } from '../lib/http-server.mjs';
import { Session, text } from '../lib/session.mjs';

const policy = { version: '1', default: 'allow' };
const SECRET = 'sesame-77a1';
let dir;
let ca;
let other;
let local;

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'warder-tls-'));
  ca = authority(dir);
  other = authority(dir, 'other');
  local = issue(dir, ca, 'local', 'DNS:localhost,IP:127.0.0.1');
});
after(() => rmSync(dir, { recursive: true, force: true }));

const servers = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serve(tls) {
  servers.push(new HttpServer(['act'], tls));
  return servers.at(-1).listen();
}

/** A gateway in front of one server, and a session through it. */
async function inFront(entry, { settings = {}, env = {}, tls } = {}) {
  const gateway = new Gateway({ servers: { web: { timeout: '10s', policy, ...entry } }, settings, env });
  await gateway.start();
  const grant = await gateway.grant('web', 'web');
  return { gateway, grant, open: () => Session.open(gateway.endpoint('web'), grant.token, { tls }) };
}

test('an https server, by address and by name, with an authority of its own', async () => {
  const server = await serve({ key: local.key, cert: local.cert });
  for (const host of ['127.0.0.1', 'localhost']) {
    const { gateway, open } = await inFront({ url: `https://${host}:${server.port}/mcp`, tls: { ca: ca.certFile }, headers: { Authorization: 'Bearer ${KEY}' } }, { env: { KEY: SECRET } });
    const session = await open();
    for (let i = 0; i < 3; i++) assert.equal(text(await session.call('act', { i })), `{"i":${i}}`);
    const { head } = server.requests.at(-1);
    assert.match(head, new RegExp(`^Host: ${host}:${server.port}\r$`, 'm'));
    assert.match(head, new RegExp(`^Authorization: Bearer ${SECRET}\r$`, 'm'));
    session.close();
    await gateway.close();
    assert.doesNotMatch(gateway.log, new RegExp(SECRET));
  }
});

test("the system's authorities count where no other is named", async () => {
  const server = await serve({ key: local.key, cert: local.cert });
  const { gateway, open } = await inFront({ url: server.url }, { env: { SSL_CERT_FILE: ca.certFile } });
  const session = await open();
  assert.equal(text(await session.call('act', {})), '{}');
  session.close();
  await gateway.close();
});

test('a client certificate is shown to who asks for one', async () => {
  const client = issue(dir, ca, 'client', 'DNS:client.example');
  const server = await serve({ key: local.key, cert: local.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
  const { gateway, open } = await inFront({ url: server.url, tls: { ca: ca.certFile, cert: client.certFile, key: client.keyFile } });
  const session = await open();
  assert.equal(text(await session.call('act', {})), '{}');
  session.close();
  await gateway.close();
});

test('a server that wants a certificate of us says so', async () => {
  const server = await serve({ key: local.key, cert: local.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
  await notBelieved(server.url, { ca: ca.certFile }, /certificate required/);
  assert.equal(server.requests.length, 0);
});

/** What the log must say of a server that is not believed; no call may reach it. */
async function notBelieved(url, tls, said) {
  const { gateway, grant } = await inFront({ url, tls });
  await until(() => said.test(gateway.log), `${said} in the log`);
  await gateway.crash();
  gateway.killNow();
  return grant;
}

test('certificates that are not believed', async () => {
  const rows = [
    [issue(dir, ca, 'late', 'IP:127.0.0.1', -1), ca, /certificate has expired/],
    [issue(dir, ca, 'elsewhere', 'DNS:elsewhere.example'), ca, /IP address mismatch/],
    [issue(dir, other, 'stranger', 'IP:127.0.0.1'), ca, /unable to get local issuer certificate/],
  ];
  for (const [shown, believed, said] of rows) {
    const server = await serve({ key: shown.key, cert: shown.cert });
    await notBelieved(server.url, { ca: believed.certFile }, said);
    assert.equal(server.requests.length, 0, 'nothing was said to it');
  }
  const server = await serve({ key: local.key, cert: local.cert });
  await notBelieved(server.url, undefined, /unable to get local issuer certificate|self-signed|no file of trusted authorities/);
  assert.equal(server.requests.length, 0);
});

test('plain HTTP where TLS was expected, a port that refuses, a name that is none', async () => {
  const plain = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer(['HTTP/1.1 400 Bad Request', 'Content-Length: 0'])));
  });
  await new Promise((done) => plain.listen(0, '127.0.0.1', done));
  const { port } = plain.address();
  await notBelieved(`https://127.0.0.1:${port}/mcp`, { ca: ca.certFile }, /does not speak TLS on this port/);
  await new Promise((done) => plain.close(done));
  await notBelieved(`https://127.0.0.1:${port}/mcp`, { ca: ca.certFile }, /cannot be reached: .*refused/);
  await notBelieved('https://no-such-name.invalid/mcp', { ca: ca.certFile }, /cannot be reached: its name (is not known|cannot be looked up|was not found in time)/);
});

test('a handshake that stalls ends after ten seconds', { timeout: 40_000 }, async () => {
  const sockets = [];
  const silent = createServer((socket) => { sockets.push(socket); socket.on('error', () => {}); });
  await new Promise((done) => silent.listen(0, '127.0.0.1', done));
  const { gateway } = await inFront({ url: `https://127.0.0.1:${silent.address().port}/mcp`, tls: { ca: ca.certFile } });
  await until(() => /the TLS handshake took too long/.test(gateway.log), 'the end of the handshake', 25_000);
  await gateway.close();
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('a certificate that goes bad while the gateway runs ends calls with upstream_tls', async () => {
  const server = await serve({ key: local.key, cert: local.cert });
  const { gateway, open } = await inFront({ url: server.url, tls: { ca: ca.certFile }, isolation: 'server' });
  const session = await open();
  assert.equal(text(await session.call('act', {})), '{}');
  const bad = issue(dir, other, 'bad', 'IP:127.0.0.1');
  server.server.setSecureContext({ key: bad.key, cert: bad.cert });
  server.server.setTicketKeys(Buffer.alloc(48, 7)); // or else the old session is resumed
  for (const socket of server.sockets) socket.destroy();
  await until(async () => (await session.call('act', {})).error?.data?.reason === 'upstream_tls', 'upstream_tls');
  session.close();
  await gateway.close();
});

test('answers that are HTTP errors say which', async () => {
  const server = await serve({ key: local.key, cert: local.cert });
  const { gateway, open } = await inFront({ url: server.url, tls: { ca: ca.certFile } });
  const session = await open();
  const json = 'Content-Type: application/json';
  const rows = [
    ['503 Service Unavailable', 'text/html', () => '<h1>down</h1>', 'upstream_status'],
    ['500 Internal Server Error', 'application/json', () => '{"oops":1}', 'upstream_status'],
    ['302 Found', 'text/html', () => '', 'upstream_status'],
    ['401 Unauthorized', 'text/plain', () => 'no', 'upstream_unauthorized'],
    ['403 Forbidden', 'application/json', () => '{"error":"no"}', 'upstream_unauthorized'],
    ['400 Bad Request', 'application/json', (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[]}}`, 'upstream_status'],
    ['400 Bad Request', 'application/json', (id) => `{"jsonrpc":"2.0","id":${id + 1},"error":{"code":-5,"message":"other"}}`, 'upstream_status'],
    ['400 Bad Request', 'application/json', (id) => `[{"jsonrpc":"2.0","id":${id},"error":{"code":-5,"message":"batch"}}]`, 'upstream_status'],
  ];
  for (const [status, type, body, reason] of rows) {
    server.answers.vector = (id) => answer([`HTTP/1.1 ${status}`, `Content-Type: ${type}`, `Location: ${server.url}/x`, `Content-Length: ${body(id).length}`], body(id));
    const calls = () => server.requests.filter(({ body }) => body.includes('tools/call')).length;
    const before = calls();
    const { error } = await session.call('act', { vector: 'vector' });
    assert.equal(error?.data?.reason, reason, `${status} ${type}: ${JSON.stringify(error)}`);
    assert.equal(calls(), before + 1, 'neither followed nor sent again');
  }
  server.answers.vector = (id) => { const body = `{"jsonrpc":"2.0","id":${id},"error":{"code":-32602,"message":"bad arguments"}}`; return answer(['HTTP/1.1 400 Bad Request', json, `Content-Length: ${body.length}`], body); };
  assert.deepEqual((await session.call('act', { vector: 'vector' })).error, { code: -32602, message: 'bad arguments' });
  assert.match(gateway.log, /an answer with the HTTP status 503/);
  session.close();
  await gateway.close();
});

test('the listener speaks TLS, and only that', async () => {
  const server = await serve();
  const tls = { ca: ca.cert };
  const { gateway, grant, open } = await inFront({ url: server.url }, { settings: { tls: { cert: local.certFile, key: local.keyFile } }, tls });
  assert.match(gateway.url, /^https:/);
  const session = await open();
  assert.equal(session.connection.socket.getProtocol(), 'TLSv1.3');
  const large = 'x'.repeat(1_000_000);
  assert.equal(text(await session.call('act', { large })).length, large.length + 12);
  await assert.rejects(Session.open(gateway.endpoint('web').replace('https:', 'http:'), grant.token));
  const { port } = new URL(gateway.url);
  const protocols = (ALPNProtocols, more = {}) => new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca: ca.cert, ALPNProtocols, ...more }, () => { done(socket.alpnProtocol); socket.destroy(); });
    socket.once('error', (error) => done(error.code));
  });
  assert.equal(await protocols(['h2', 'http/1.1']), 'http/1.1');
  assert.equal(await protocols([]), false);
  assert.match(String(await protocols(['h2'])), /ALERT|ECONNRESET|EPROTO/);
  assert.match(String(await protocols([], { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })), /ALERT|ECONNRESET|EPROTO|VERSION/);
  session.close();
  await gateway.close();
});

test('a new certificate goes live without losing a connection; a wrong one does not', async () => {
  const server = await serve();
  const certFile = join(dir, 'live.pem');
  const keyFile = join(dir, 'live.key');
  const put = (from) => { copyFileSync(from.certFile, certFile); copyFileSync(from.keyFile, keyFile); };
  put(local);
  const { gateway, open } = await inFront({ url: server.url }, { settings: { tls: { cert: certFile, key: keyFile } }, tls: { ca: ca.cert } });
  const session = await open();
  const shown = () => new Promise((done, failed) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(gateway.url).port), ca: ca.cert }, () => { done(socket.getPeerCertificate().subject.CN); socket.destroy(); });
    socket.once('error', failed);
  });
  assert.equal(await shown(), 'local');
  copyFileSync(other.keyFile, keyFile);
  gateway.child.kill('SIGHUP');
  await until(() => /the key does not belong to the certificate/.test(gateway.log), 'the key that does not fit');
  assert.equal(await shown(), 'local');
  assert.equal(text(await session.call('act', {})), '{}');
  put(issue(dir, ca, 'renewed', 'DNS:localhost,IP:127.0.0.1'));
  gateway.child.kill('SIGHUP');
  await until(async () => (await shown()) === 'renewed', 'the new certificate');
  assert.equal(text(await session.call('act', {})), '{}', 'the old connection lives');
  session.close();
  await gateway.close();
});

test('check names what is wrong with certificates and keys', async () => {
  const config = join(dir, 'check.json');
  const check = async (tls, more = {}) => {
    writeFileSync(config, JSON.stringify({ tls, mcpServers: { web: { url: 'http://127.0.0.1:9/' } }, ...more }));
    const { code, stdout } = await warder(['check', config]);
    return `${code}\n${stdout}`;
  };
  assert.match(await check({ cert: join(dir, 'none.pem'), key: local.keyFile }), /^1\n[^]*cannot read the file [^]*none.pem: not found \(\/tls\/cert\)/);
  assert.match(await check({ cert: local.certFile, key: other.keyFile }), /^1\n[^]*the key does not belong to the certificate/);
  assert.match(await check({ cert: local.keyFile, key: local.keyFile }), /^1\n[^]*holds no PEM certificate/);
  assert.match(await check({ cert: local.certFile }), /^1\n[^]*a listener needs a certificate and its key/);
  chmodSync(local.keyFile, 0o644);
  assert.match(await check({ cert: local.certFile, key: local.keyFile }), /^0\n[^]*others can read or write this key/);
  chmodSync(local.keyFile, 0o600);
  assert.doesNotMatch(await check({ cert: local.certFile, key: local.keyFile }), /others can read/);
  const late = issue(dir, ca, 'ended', 'IP:127.0.0.1', -1);
  assert.match(await check({ cert: late.certFile, key: late.keyFile }), /^0\n[^]*this certificate ended on \d{4}-/);
  assert.match(await check(undefined, { listen: '0.0.0.0:8808' }), /^1\n[^]*listening beyond loopback needs TLS/);
  assert.match(await check({ cert: local.certFile, key: local.keyFile }, { listen: '0.0.0.0:8808' }), /^0\n/);
});
