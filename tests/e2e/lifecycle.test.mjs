// Starts, stops, restarts and ends in the middle of something: of the gateway, of grants, of servers.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Gateway, descendants, runs, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, VERSION, decision, text } from '../lib/session.mjs';

const TOOLS = ['echo', 'sleep', 'wait', 'silent', 'act', 'progress'];
const limited = { version: '1', default: 'allow', tools: { echo: { limits: [{ counter: 'echoes', window: 'total', max: 3 }] } } };

let gateway;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function set({ policy = limited, entry = {}, settings } = {}) {
  const recorder = new Recorder({ tools: TOOLS });
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy, ...entry }) }, settings });
  await gateway.start();
  const grant = await gateway.grant('one', 'recorder');
  return { recorder, grant, open: () => Session.open(gateway.endpoint('recorder'), grant.token) };
}

const outcomes = (records) => records.filter((one) => one.kind === 'outcome');
const allowed = (records) => records.filter((one) => one.kind === 'decision' && one.method === 'tools/call' && one.reason === 'allowed');

test('a graceful stop answers the call in flight, refuses new ones, and ends every process', async () => {
  const { recorder, open } = await set();
  const [busy, late] = [await open(), await open()];
  await late.call('echo', {});
  const below = descendants(gateway.pid);
  assert.ok(below.length >= 2, `processes: ${below}`);
  const answer = busy.call('wait');
  await until(() => recorder.calls().some((call) => call.name === 'wait'), 'the call at the server');
  const stopping = gateway.stop();
  await delay(200);
  const refused = await late.call('echo', {}).catch((error) => ({ closed: error.message }));
  assert.ok(refused.closed || refused.error?.data?.reason === 'shutting_down', JSON.stringify(refused));
  recorder.release();
  assert.equal(text(await answer), 'waited');
  const how = await stopping;
  assert.deepEqual([how.code, how.signal], [0, null]);
  assert.deepEqual(below.filter(runs), []);
  const records = await gateway.audit();
  assert.equal(allowed(records).length, 2);
  assert.deepEqual(outcomes(records).map((one) => one.outcome), ['ok', 'ok']);
});

test('a second signal ends it at once', async () => {
  const { open, recorder } = await set();
  const session = await open();
  session.call('sleep', { ms: 20_000 }).catch(() => {});
  await until(() => recorder.calls().length === 1, 'the call at the server');
  const below = descendants(gateway.pid);
  const stopping = gateway.stop();
  await delay(300);
  const started = Date.now();
  process.kill(gateway.pid, 'SIGTERM');
  await stopping;
  assert.ok(Date.now() - started < 2000);
  await until(() => below.filter(runs).length === 0, 'the end of every descendant', 2000);
  session.close();
});

test('grants and limits outlive a restart', async () => {
  const { open, recorder } = await set();
  let session = await open();
  for (let n = 0; n < 2; n++) assert.ok(!(await session.call('echo', { n })).result.isError);
  session.close();
  await gateway.stop();
  await gateway.start();
  session = await open();
  assert.ok(!(await session.call('echo', { n: 2 })).result.isError);
  assert.equal(decision(await session.call('echo', { n: 3 })).code, 'rate_limited');
  session.close();
  await gateway.crash();
  await gateway.start();
  session = await open();
  assert.equal(decision(await session.call('echo', { n: 4 })).code, 'rate_limited');
  session.close();
  assert.deepEqual(recorder.calls().map((call) => call.arguments.n), [0, 1, 2]);
});

test('a revoked grant is refused at once, also by its open session and its call in flight', async () => {
  const { open, grant, recorder } = await set();
  const session = await open();
  const other = await open();
  const inFlight = session.rpc('tools/call', { name: 'wait', arguments: {} }).catch((error) => ({ closed: error.message }));
  await until(() => recorder.calls().length === 1, 'the call at the server');
  await gateway.revoke(grant.id);
  const { status } = await other.rpc('tools/call', { name: 'echo', arguments: {} });
  assert.equal(status, 401);
  await assert.rejects(open(), /401/);
  const ended = await inFlight;
  assert.ok(ended.closed || ended.status === 401 || ended.message?.error, JSON.stringify(ended));
  assert.deepEqual(recorder.calls().map((call) => call.name), ['wait']);
  await gateway.auditUntil((records) => records.some((one) => one.kind === 'revoked') && outcomes(records).length === 1);
  session.close();
  other.close();
});

test('a grant that expires while the server starts: the call is not made', async () => {
  const { recorder } = await set();
  await until(() => recorder.processes().length === 1, 'the control session');
  await until(async () => JSON.parse(await gateway.command('status')).servers[0].state === 'ready', 'the first list');
  recorder.configure({ tools: TOOLS, start: 3000 });
  const { token } = JSON.parse(await gateway.command('grant', 'create', '--label', 'short', '--server', 'recorder', '--expires', '2s'));
  const session = await Session.open(gateway.endpoint('recorder'), token);
  const { status } = await session.rpc('tools/call', { name: 'echo', arguments: {} });
  assert.equal(status, 401);
  assert.deepEqual(recorder.calls(), []);
  session.close();
  const calls = (records) => records.filter(({ kind, name }) => kind === 'decision' && name === 'echo');
  assert.deepEqual(calls(await gateway.auditUntil((records) => calls(records).length > 0)).map(({ reason }) => reason), ['grant_revoked']);
});

test('no call slips through while its grant is being revoked', async () => {
  const { grant, recorder } = await set({ policy: { version: '1', default: 'allow' } });
  let stop = false;
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(gateway.endpoint('recorder'), grant.token)));
  const load = Promise.all(sessions.map(async (session) => {
    while (!stop) if ((await session.rpc('tools/call', { name: 'echo', arguments: { at: Date.now() } })).status !== 200) break;
    session.close();
  }));
  await until(() => recorder.calls().length > 50, 'calls at the server');
  await gateway.revoke(grant.id);
  await delay(200);
  stop = true;
  await load;
  // What was already under way may arrive; nothing can be admitted after the command has returned.
  const records = await gateway.audit();
  const revoked = records.find((one) => one.kind === 'revoked');
  assert.ok(allowed(records).every((one) => one.sequence < revoked.sequence));
  assert.ok(recorder.calls().length <= allowed(records).length);
});

test('a server killed in the middle of a call: the call is answered, the next one works', async () => {
  const { open, recorder } = await set();
  const session = await open();
  const answer = session.call('sleep', { ms: 20_000 });
  await until(() => recorder.calls().length === 1, 'the call at the server');
  const { pid } = recorder.processes().find((one) => one.bytes.includes('"sleep"'));
  process.kill(pid, 'SIGKILL');
  const { error } = await answer;
  assert.equal(error?.data?.reason, 'upstream_closed');
  assert.equal(text(await session.call('echo', { again: true }, { timeout: 30_000 })), '{"again":true}');
  session.close();
  const records = await gateway.auditUntil((all) => outcomes(all).length === 2);
  assert.deepEqual(outcomes(records).map((one) => one.outcome).sort(), ['ok', 'unknown']);
});

test('a server that never answers: the call ends at its time-out, and a late answer is dropped', async () => {
  const { open } = await set({ entry: { timeout: '1s' } });
  const session = await open();
  const started = Date.now();
  const { error } = await session.call('silent');
  assert.equal(error?.data?.reason, 'upstream_timeout');
  const took = Date.now() - started;
  assert.ok(took >= 900 && took < 4000, `${took} ms`);
  assert.equal(text(await session.call('echo', { next: 1 })), '{"next":1}');
  session.close();
});

test('a server that reads nothing fails only its own calls', async () => {
  const recorder = new Recorder({ tools: TOOLS });
  gateway = new Gateway({
    servers: {
      good: recorder.entry({ policy: { version: '1', default: 'allow' } }),
      deaf: { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], policy: { version: '1', default: 'allow' } },
    },
  });
  await gateway.start();
  const { token } = await gateway.grant('both', '*');
  const deaf = new Session(gateway.endpoint('deaf'), token);
  const waiting = deaf.rpc('initialize', { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'deaf', version: '1' } }, { timeout: 60_000 }).catch((error) => error);
  const good = await Session.open(gateway.endpoint('good'), token);
  for (let n = 0; n < 20; n++) assert.equal(text(await good.call('echo', { n })), `{"n":${n}}`);
  good.close();
  deaf.close();
  await waiting;
});

test('progress reaches the client that asked for it, before the answer', async () => {
  const { open } = await set();
  const session = await open();
  const { messages } = await session.rpc('tools/call', { name: 'progress', arguments: {}, _meta: { progressToken: 'mine' } });
  assert.deepEqual(messages.slice(0, -1).map((one) => [one.method, one.params.progressToken, one.params.progress]),
    [1, 2, 3].map((n) => ['notifications/progress', 'mine', n]));
  assert.equal(text(messages.at(-1)), 'done');
  const silent = await session.rpc('tools/call', { name: 'progress', arguments: {} });
  assert.equal(silent.messages.length, 1, 'and not one that did not');
  session.close();
});

test('a cancelled call is cancelled at the server too', async () => {
  const { open, recorder } = await set();
  const session = await open();
  const canceller = new Session(gateway.endpoint('recorder'), session.token);
  canceller.id = session.id;
  canceller.version = session.version;
  const started = Date.now();
  const answer = session.rpc('tools/call', { name: 'sleep', arguments: { ms: 20_000 } }).catch((error) => error);
  await until(() => recorder.calls().length === 1, 'the call at the server');
  assert.equal((await canceller.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: session.next - 1 } })).status, 202);
  await until(() => recorder.lines().some((line) => line.includes('notifications/cancelled')), 'the cancellation at the server');
  await answer;
  assert.ok(Date.now() - started < 5000);
  const records = await gateway.auditUntil((all) => outcomes(all).length === 1);
  assert.equal(outcomes(records)[0].outcome, 'cancelled');
  session.close();
  canceller.close();
});

test('a second gateway on the same data is refused', async () => {
  await set();
  const second = new Gateway({ servers: {} });
  second.data = gateway.data;
  second.configure({});
  await assert.rejects(second.start(), /ended at its start/);
  second.killNow();
});
