// The stream of decisions: to a file that is rotated, fills up or cannot be made; to a socket whose reader is slow or gone.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { parse, total } from '../lib/exposition.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision } from '../lib/session.mjs';

const policy = { version: '1', default: 'deny', tools: { echo: {} } };
let gateway, dir;
const closing = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  for (const close of closing.splice(0)) close();
});

async function set(decisions, { fileBytes, prepare } = {}) {
  dir = mkdtempSync(join(tmpdir(), 'warder-decisions-'));
  const made = dir;
  closing.push(() => rmSync(made, { recursive: true, force: true }));
  const to = decisions.file ? { file: join(dir, decisions.file) } : { socket: join(dir, decisions.socket) };
  await prepare?.(Object.values(to)[0]);
  const recorder = new Recorder({ tools: ['echo'] });
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) }, settings: { decisions: to, admin_listen: '127.0.0.1:0' }, fileBytes });
  await gateway.start();
  const grant = await gateway.grant('one', '*');
  return { path: Object.values(to)[0], grant, session: await Session.open(gateway.endpoint('recorder'), grant.token) };
}

const status = async () => JSON.parse(await gateway.command('status')).decisions;
const metric = async (name) => total(parse(await (await fetch(`${gateway.adminUrl}/metrics`)).text()), name);
const linesOf = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
/** Everything that waits is written. */
const drained = () => until(async () => { const now = await status(); return !now.failing && now.queued_bytes === 0; }, 'an empty queue', 40_000);

test('each durable record is a line, the same as audit tail prints', async () => {
  const { path, session, grant } = await set({ file: 'out.jsonl' }, { prepare: (file) => writeFileSync(file, '{"older":true}\n', { mode: 0o600 }) });
  for (let n = 0; n < 20; n++) await session.call(n % 2 ? 'echo' : 'never');
  await session.end();
  const records = await gateway.auditUntil((all) => all.filter((one) => one.kind === 'decision').length === 20 && all.at(-1).kind !== 'decision');
  await until(() => linesOf(path).length >= records.length - 3, 'the lines');
  await drained();
  const [older, ...lines] = linesOf(path);
  assert.deepEqual(older, { older: true });
  const bySequence = new Map((await gateway.audit()).map((one) => [one.sequence, one]));
  assert.deepEqual(['decision', 'outcome'].map((kind) => lines.filter((one) => one.kind === kind).length), [20, 10]);
  for (const line of lines) assert.deepEqual(line, bySequence.get(line.sequence));
  for (let at = 1; at < lines.length; at++) assert.ok(lines[at].sequence > lines[at - 1].sequence);
  assert.doesNotMatch(readFileSync(path, 'utf8'), new RegExp(grant.token.slice(16)));
  assert.equal(await metric('warder_decisions_written_total'), lines.length);
});

test('a new file is the owner\'s alone; a rotated one is made anew on SIGHUP, and no line is lost or cut', async () => {
  const { path, session } = await set({ file: 'out.jsonl' });
  await session.call('echo');
  await drained();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const pieces = [];
  let ended = false;
  const calls = (async () => { for (let n = 0; n < 300; n++) await session.call('echo', { n }); ended = true; })();
  for (let n = 0; n < 5 || !ended; n++) {
    renameSync(path, `${path}.${n}`);
    pieces.push(`${path}.${n}`);
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => { try { return statSync(path); } catch { return false; } }, 'the new file');
  }
  await calls;
  await gateway.auditUntil((all) => all.filter((one) => one.kind === 'outcome').length === 301);
  await drained();
  const decisions = [...pieces, path].flatMap(linesOf).filter((one) => one.kind === 'decision');
  assert.equal(decisions.length, 301);
  assert.equal(new Set(decisions.map((one) => one.sequence)).size, 301);
});

test('a file that may not grow: calls go on, drops are counted and told, and all is well behind a rotation', async () => {
  const fileBytes = 20 << 20; // the ledger's own files stay below
  const { path, session } = await set({ file: 'out.jsonl' }, {
    fileBytes,
    prepare: (file) => { writeFileSync(file, '', { mode: 0o600 }); truncateSync(file, fileBytes - 700); },
  });
  for (let n = 0; n < 10; n++) assert.equal(decision(await session.call('echo', { n })), undefined);
  await until(async () => (await status()).failing, 'the failure');
  assert.match((await status()).error, /largest size/);
  assert.equal(await metric('warder_decisions_failing'), 1);
  assert.equal(decision(await session.call('echo')), undefined);
  renameSync(path, `${path}.full`);
  process.kill(gateway.pid, 'SIGHUP');
  await drained();
  const before = readFileSync(`${path}.full`).subarray(fileBytes - 700).toString().split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const all = [...before, ...linesOf(path)];
  assert.equal(all.filter((one) => one.kind === 'decision').length, 11);
  assert.equal(new Set(all.map((one) => one.sequence)).size, all.length, 'the cut line was written again, whole, and no other twice');
});

test('what is no file is refused and tried again; a directory that comes later is found', async () => {
  const { session } = await set({ file: 'later/out.jsonl' });
  assert.equal(decision(await session.call('echo')), undefined);
  await until(async () => (await status()).failing, 'the failure');
  assert.match((await status()).error, /no such directory/);
  const config = JSON.parse(readFileSync(gateway.config, 'utf8'));
  for (const [decisions, error] of [[{ file: '/dev/full' }, /no file/], [{ file: join(dir, 'here.jsonl') }, undefined]]) {
    writeFileSync(gateway.config, JSON.stringify({ ...config, decisions }));
    await gateway.command('reload').catch(() => {});
    await session.call('echo');
    if (error) await until(async () => error.test((await status()).error ?? ''), 'the refusal');
    else await drained();
  }
  assert.ok(linesOf(join(dir, 'here.jsonl')).filter((one) => one.kind === 'decision').length >= 2, 'what waited came along');
  writeFileSync(gateway.config, JSON.stringify({ ...config, decisions: { file: 'a', socket: 'b' } }));
  await assert.rejects(gateway.command('reload'), /"file": PATH|must be/);
});

test('a link is not followed, nor is a file written that others may write; mended, all of it is there', async () => {
  const victim = join(tmpdir(), `warder-victim-${process.pid}`);
  closing.push(() => rmSync(victim, { force: true }));
  writeFileSync(victim, 'mine\n', { mode: 0o600 });
  const { path, session } = await set({ file: 'out.jsonl' }, { prepare: (file) => symlinkSync(victim, file) });
  assert.equal(decision(await session.call('echo', { n: 1 })), undefined);
  await until(async () => /symbolic link/.test((await status()).error ?? ''), 'the refusal');
  assert.match(gateway.log, /decisions cannot be written to .*out\.jsonl: it is a symbolic link, which is not followed/);
  unlinkSync(path);
  for (const mode of [0o620, 0o602, 0o604]) {
    writeFileSync(path, '', { mode: 0o600 });
    chmodSync(path, mode);
    process.kill(gateway.pid, 'SIGHUP');
    await until(async () => /others may write it/.test((await status()).error ?? ''), `the refusal of mode ${mode.toString(8)}`);
    assert.equal(statSync(path).size, 0);
    unlinkSync(path);
    symlinkSync('/nowhere/at/all', path);
    process.kill(gateway.pid, 'SIGHUP');
    await until(async () => /symbolic link/.test((await status()).error ?? ''), 'the refusal of a link that leads nowhere');
    unlinkSync(path);
  }
  writeFileSync(path, '', { mode: 0o600 });
  chmodSync(path, 0o640);
  process.kill(gateway.pid, 'SIGHUP');
  await drained();
  assert.ok(linesOf(path).some((one) => one.kind === 'decision'));
  assert.equal(readFileSync(victim, 'utf8'), 'mine\n');
});

test('a file of another user is not written', { skip: process.getuid() !== 0 && 'only root can make one' }, async () => {
  const { chownSync } = await import('node:fs');
  const { path, session } = await set({ file: 'out.jsonl' }, { prepare: (file) => { writeFileSync(file, '', { mode: 0o600 }); chownSync(file, 65534, 65534); } });
  await session.call('echo', { n: 1 });
  await until(async () => /another user/.test((await status()).error ?? ''), 'the refusal');
  assert.equal(statSync(path).size, 0);
});

/** Listens at `path`; `take(socket)` says what is done with a connection. */
async function listen(path, take) {
  const server = createServer(take);
  await new Promise((done) => server.listen(path, done));
  closing.push(() => server.close());
  return server;
}

test('a socket gets the lines, and after its reader came back, whole lines again', async () => {
  const texts = [];
  let current;
  const take = (socket) => {
    current = socket;
    const at = texts.push('') - 1;
    socket.on('data', (data) => { texts[at] += data; });
    socket.on('error', () => {});
  };
  let server;
  const { path, session } = await set({ socket: 'out.sock' }, { prepare: async (file) => { server = await listen(file, take); } });
  await session.call('echo', { n: 1 });
  await until(() => texts[0]?.includes('"outcome"'), 'the lines');
  current.destroy();
  server.close();
  await session.call('echo', { n: 2 });
  await until(async () => (await status()).failing, 'the failure');
  rmSync(path, { force: true });
  await listen(path, take);
  await session.call('echo', { n: 3 });
  await drained();
  await until(() => texts.slice(1).join('').split('"decision"').length > 2, 'the lines behind it');
  for (const one of texts) for (const line of one.split('\n').slice(0, -1)) JSON.parse(line);
});

test('a reader that stops reading costs no call its time; what it missed is counted and told', async () => {
  let socket;
  const { session } = await set({ socket: 'out.sock' }, { prepare: (file) => listen(file, (one) => { socket = one; one.pause(); one.on('error', () => {}); }) });
  let slowest = 0;
  for (let n = 0; n < 60_000 && (n % 400 || (await status()).dropped === 0); n += 40) {
    const started = Date.now();
    await Promise.all(Array.from({ length: 40 }, (_, one) => fetch(gateway.endpoint('recorder'), {
      method: 'POST',
      headers: { authorization: `Bearer ${session.token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-session-id': session.id },
      body: JSON.stringify({ jsonrpc: '2.0', id: n + one + 1000, method: 'tools/call', params: { name: 'echo', arguments: {} } }),
    }).then((answer) => answer.text())));
    slowest = Math.max(slowest, Date.now() - started);
  }
  const { dropped } = await status();
  assert.ok(dropped > 0);
  assert.ok(slowest < 5000, `${slowest} ms`);
  assert.equal(decision(await session.call('echo')), undefined);
  let text = '';
  socket.on('data', (data) => { text += data; });
  socket.resume();
  await until(() => /\{"dropped":\d+\}/.test(text), 'the line that tells of it', 30_000);
  await drained();
  const told = [...text.matchAll(/^\{"dropped":(\d+)\}$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  assert.equal(told, (await status()).dropped);
  assert.equal(await metric('warder_decisions_dropped_total'), told);
  for (const line of text.split('\n').slice(0, -1)) JSON.parse(line);
});
