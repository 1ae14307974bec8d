// An operator freezes: through the running gateway and without one, over a restart, and while a call is under way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision, text } from '../lib/session.mjs';

const START_MS = 1500;
const recorder = new Recorder({ tools: ['echo', 'once'], prompts: ['hello'], resources: ['file:///x'] });
const slow = new Recorder({ tools: ['once'], start: START_MS });
const policy = { version: '1', default: 'deny', tools: { echo: {}, once: { rate_limit: '1/day' } }, prompts: { default: 'allow' }, resources: { default: 'allow' } };
let gateway;
let grant;
let other;
let session;

const run = async (...words) => {
  const { code, stdout, stderr } = await warder([...words, '--data', gateway.data, '--json']);
  return { code, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
};
const scopes = ({ frozen }) => frozen.map(({ scope, name, label }) => [scope, label ?? name].filter(Boolean).join(' '));
const open = (server = 'a', { token } = grant) => Session.open(gateway.endpoint(server), token);
const code = async (who, tool = 'echo') => decision(await who.call(tool))?.code ?? 'allowed';

before(async () => {
  gateway = new Gateway({ servers: { a: recorder.entry({ policy }), b: recorder.entry({ policy }), slow: slow.entry({ policy }) } });
  await gateway.start();
  grant = await gateway.grant('one', '*');
  other = await gateway.grant('two', '*');
  session = await open();
});
after(async () => {
  session?.close();
  await gateway?.close();
});

test('a grant, a server, everything: each denies its own calls, and is taken back by itself', async () => {
  const second = await open('a', other);
  const elsewhere = await open('b');
  assert.deepEqual(scopes(await run('freeze', '--grant', 'one', '--reason', 'looks odd')), ['grant one']);
  assert.deepEqual([await code(session), await code(elsewhere), await code(second)], ['frozen', 'frozen', 'allowed']);
  const denied = await session.call('echo');
  assert.equal(decision(denied).rule, '(frozen)');
  assert.ok(!text(denied).includes('looks odd'), 'the reason is the operator\'s');
  assert.deepEqual(await session.tools(), ['echo', 'once'], 'lists are still answered');
  assert.equal((await session.rpc('prompts/get', { name: 'hello' })).message.error.data.reason, 'frozen');
  assert.equal((await session.rpc('resources/read', { uri: 'file:///x' })).message.error.data.reason, 'frozen');

  await run('freeze', '--server', 'b');
  assert.deepEqual(scopes(await run('thaw', '--grant', grant.id)), ['server b']);
  assert.deepEqual([await code(session), await code(elsewhere), await code(second)], ['allowed', 'frozen', 'allowed']);
  await run('freeze', '--all', '--reason', 'incident 7');
  assert.equal((await run('freeze', '--all')).frozen.find(({ scope }) => scope === 'all').reason, 'incident 7', 'frozen again');
  assert.deepEqual([await code(session), await code(elsewhere), await code(second)], ['frozen', 'frozen', 'frozen']);
  assert.deepEqual(scopes(await run('status')), ['server b', 'all']);
  assert.deepEqual((await run('grant', 'list')).grants.map(({ frozen }) => frozen), [false, false]);

  session.close();
  await gateway.stop();
  await gateway.start();
  session = await open();
  assert.equal(await code(session), 'frozen', 'after a restart');
  await gateway.crash();
  await gateway.start();
  session = await open();
  assert.equal(await code(session), 'frozen', 'after kill -9');
  assert.deepEqual(scopes(await run('thaw', '--all')), ['server b']);
  assert.equal(await code(session), 'allowed');
  assert.deepEqual(scopes(await run('thaw', '--server', 'b', '--reason', 'fine')), []);
  second.close();
  elsewhere.close();
  const acts = (await gateway.audit()).filter(({ kind }) => ['frozen', 'thawed'].includes(kind)).map(({ kind, server, grant: id, text: why }) => [kind, server ?? id, why]);
  assert.deepEqual(acts, [['frozen', grant.id, 'looks odd'], ['frozen', 'b', undefined], ['thawed', grant.id, undefined],
    ['frozen', '*', 'incident 7'], ['frozen', '*', undefined], ['thawed', '*', undefined], ['thawed', 'b', 'fine']]);
});

test('Z40 a call that is decided and waits for its server meets the freeze before its first byte, and debits nothing', async () => {
  const waiting = await open('slow');
  const answer = waiting.call('once');
  await until(() => slow.processes().length > 1, 'the instance');
  await run('freeze', '--server', 'slow');
  assert.equal(decision(await answer).code, 'frozen');
  assert.deepEqual(slow.calls(), []);
  const records = await gateway.auditUntil((all) => all.some(({ server, name, reason }) => server === 'slow' && name === 'once' && reason === 'frozen'));
  assert.deepEqual(records.filter(({ server, name, kind }) => server === 'slow' && name === 'once' && kind !== 'pin').map(({ kind, reason }) => [kind, reason]), [['decision', 'frozen']]);
  await run('thaw', '--server', 'slow');
  assert.equal(await code(waiting, 'once'), 'allowed', 'the one call of the day is not used up');
  assert.equal(await code(waiting, 'once'), 'rate_limited');
  assert.equal(slow.calls().length, 1);
  waiting.close();
});

test('a freeze of a grant is one of the grants made under it', async () => {
  const child = JSON.parse(await gateway.command('grant', 'create', '--label', 'child', '--server', 'a', '--parent', 'one'));
  const below = await open('a', child);
  assert.equal(await code(below), 'allowed');
  await run('freeze', '--grant', 'one');
  assert.equal(await code(below), 'frozen');
  await run('thaw', '--grant', 'one');
  assert.equal(await code(below), 'allowed');
  below.close();
});

test('what cannot be frozen or thawed is said', async () => {
  for (const [words, status, says] of [
    [['freeze'], 2, /one of/], [['freeze', '--all', '--server', 'a'], 2, /one of/], [['freeze', '--grant', 'nobody'], 1, /no grant in force/],
    [['freeze', '--server', 'nowhere'], 1, /no such server/], [['freeze', '--server', '../a'], 1, /one of them/],
    [['freeze', '--all', '--reason', 'a\u001b[2J'], 1, /control characters/], [['freeze', '--all', '--reason', 'x'.repeat(257)], 1, /256/],
    [['thaw', '--all'], 1, /not frozen/], [['thaw', '--server', 'nowhere'], 1, /not frozen/],
  ]) {
    const found = await run(...words);
    assert.equal(found.code, status, words.join(' '));
    assert.match(found.stderr, says, words.join(' '));
  }
  assert.deepEqual((await run('freeze', 'list')).frozen, []);
});

test('without a gateway it is kept for the next start', async () => {
  session.close();
  await gateway.stop();
  assert.equal((await run('freeze', '--grant', 'nobody')).code, 1);
  assert.deepEqual(scopes(await run('freeze', '--grant', 'two', '--reason', 'r')), ['grant two']);
  assert.deepEqual(scopes(await run('freeze', 'list')), ['grant two']);
  await gateway.start();
  const second = await open('a', other);
  session = await open();
  assert.deepEqual([await code(second), await code(session)], ['frozen', 'allowed']);
  const { stdout } = await warder(['status', '--data', gateway.data]);
  assert.match(stdout, /Frozen.*\n {2}grant two \(\w{12}\) {2}since .*Z {2}r\n/);
  assert.match((await warder(['thaw', '--grant', 'two', '--data', gateway.data])).stdout, /Thawed\. Nothing is frozen now/);
  assert.equal(await code(second), 'allowed');
  second.close();
});
