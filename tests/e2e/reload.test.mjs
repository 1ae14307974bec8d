// The configuration while the gateway runs: every way in which files change, and what is in force meanwhile.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EraServer } from '../lib/era-servers.mjs';
import { Gateway, runs, until, warder } from '../lib/gateway.mjs';
import { Modern } from '../lib/modern.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision, text } from '../lib/session.mjs';

const allows = (...names) => ({ version: '1', default: 'deny', tools: Object.fromEntries(names.map((name) => [name, {}])) });

let gateway;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function set({ policy = allows('echo'), tools = ['echo', 'other', 'wait'] } = {}) {
  const recorder = new Recorder({ tools });
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  await gateway.start();
  const grant = await gateway.grant('one', '*');
  const session = await Session.open(gateway.endpoint('recorder'), grant.token);
  const file = join(gateway.dir, 'policies', 'recorder.policy.json');
  return { recorder, grant, session, file };
}

const status = async () => JSON.parse(await gateway.command('status'));
const state = async () => (await status()).configuration;
const ready = async () => {
  const answer = await fetch(`${gateway.url}/readyz`);
  return { status: answer.status, ...(await answer.json()) };
};
const isAllowed = async (session, name) => !decision(await session.call(name));
const reload = async () => {
  const { code, stdout } = await warder(['reload', '--data', gateway.data, '--json']);
  return { code, ...JSON.parse(stdout) };
};

const changes = {
  'written in place': (file, bytes) => writeFileSync(file, bytes),
  'replaced by a rename': (file, bytes) => {
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  },
  'removed and written': (file, bytes) => {
    unlinkSync(file);
    writeFileSync(file, bytes);
  },
  'replaced by a link': (file, bytes) => {
    writeFileSync(`${file}.target`, bytes);
    unlinkSync(file);
    symlinkSync(`${file}.target`, file);
  },
  'written in two parts': async (file, bytes) => {
    writeFileSync(file, bytes.slice(0, bytes.length / 2));
    await delay(400);
    writeFileSync(file, bytes);
  },
};
for (const [how, change] of Object.entries(changes)) {
  test(`a policy that is ${how} is in force soon, and recorded`, async () => {
    const { session, file } = await set();
    assert.equal(await isAllowed(session, 'other'), false);
    const before = (await status()).servers[0].revision;
    await change(file, Buffer.from(JSON.stringify(allows('other'))));
    await until(() => isAllowed(session, 'other'), 'the new policy');
    assert.equal(await isAllowed(session, 'echo'), false);
    const now = await status();
    assert.equal(now.configuration.state, 'live');
    assert.notEqual(now.servers[0].revision, before);
    const records = await gateway.auditUntil((all) => all.filter((one) => one.kind === 'revision').length === 2);
    const last = records.filter((one) => one.kind === 'decision' && one.name === 'other').at(-1);
    assert.equal(last.revision, now.servers[0].revision);
  });
}

test('a link on the way to a policy that is swapped is followed, without an event for it', async () => {
  const { session } = await set();
  const [one, two, current] = ['one', 'two', 'current'].map((name) => join(gateway.dir, name));
  for (const [dir, policy] of [[one, allows('echo')], [two, allows('other')]]) {
    mkdirSync(dir);
    writeFileSync(join(dir, 'policy.json'), JSON.stringify(policy));
  }
  symlinkSync(one, current);
  const config = JSON.parse(readFileSync(gateway.config, 'utf8'));
  config.mcpServers.recorder.policy = join(current, 'policy.json');
  writeFileSync(gateway.config, JSON.stringify(config));
  await until(async () => (await state()).succeeded >= 1 && (await state()).live_ms === (await state()).tried_ms, 'the configuration');
  symlinkSync(two, `${current}.new`);
  renameSync(`${current}.new`, current);
  await until(() => isAllowed(session, 'other'), 'the policy behind the other link');
});

const wrongs = {
  'truncated JSON': (bytes) => bytes.slice(0, bytes.length - 4),
  'an unknown key': () => '{"version": "1", "default": "deny", "tool": {}}',
  'a duplicate key': () => '{"version": "1", "version": "1", "default": "deny"}',
  'nothing at all': () => '',
  'a file that is no policy': () => '\x7fELF',
};
for (const [what, make] of Object.entries(wrongs)) {
  test(`${what} is refused with its place, and what was in force stays`, async () => {
    const { session, file } = await set();
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, make(good));
    await until(async () => (await state()).state === 'stale', 'the refusal');
    assert.equal(await isAllowed(session, 'echo'), true);
    assert.equal(await isAllowed(session, 'other'), false);
    const { problems, failed } = await state();
    assert.ok(failed >= 1);
    assert.equal(problems.at(-1).file, file);
    assert.ok(problems.at(-1).line >= 1);
    assert.match(gateway.log, new RegExp(`warn .*recorder\\.policy\\.json:\\d+:\\d+: `));
    const said = await ready();
    assert.equal(said.status, 200);
    assert.equal(said.configuration.state, 'stale');
    assert.match(said.configuration.error, /^recorder\.policy\.json:\d+:\d+/);
    const people = await warder(['status', '--data', gateway.data]);
    assert.match(people.stdout, /configuration has errors/);
    const asked = await reload();
    assert.deepEqual([asked.code, asked.state], [1, 'stale']);

    writeFileSync(file, good);
    await until(async () => (await state()).state === 'live', 'the good file again');
    assert.equal((await ready()).configuration, undefined);
    assert.deepEqual([(await reload()).unchanged, (await reload()).code], [true, 0]);
  });
}

test('a policy that is deleted leaves the old in force; the next one is taken', async () => {
  const { session, file } = await set();
  unlinkSync(file);
  await until(async () => (await state()).state === 'stale', 'the refusal');
  assert.equal(await isAllowed(session, 'echo'), true);
  writeFileSync(file, JSON.stringify(allows('other')));
  await until(() => isAllowed(session, 'other'), 'the new policy');
});

test('an error in one file leaves all of them as they were; a missing variable is one, and no secret is told', async () => {
  const { session, file } = await set();
  const config = JSON.parse(readFileSync(gateway.config, 'utf8'));
  const before = JSON.stringify(config);
  config.mcpServers.recorder.env.TOKEN = '${WARDER_TEST_NOT_SET}';
  config.mcpServers.recorder.env.OTHER = 'hunter2';
  writeFileSync(gateway.config, JSON.stringify(config, null, 2));
  writeFileSync(file, JSON.stringify(allows('other')));
  const asked = await reload();
  assert.deepEqual([asked.code, asked.state], [1, 'stale']);
  assert.match(asked.problems[0].text, /no variable WARDER_TEST_NOT_SET/);
  assert.equal(await isAllowed(session, 'other'), false);
  assert.doesNotMatch(gateway.log + JSON.stringify(asked) + JSON.stringify(await ready()), /hunter2/);
  writeFileSync(gateway.config, before);
  await until(() => isAllowed(session, 'other'), 'both files');
});

test('SIGHUP reads the files again, and again and again', async () => {
  const { session } = await set();
  for (let n = 0; n < 20; n++) process.kill(gateway.pid, 'SIGHUP');
  await until(async () => (await state()).succeeded >= 1, 'a reload');
  assert.equal(await isAllowed(session, 'echo'), true);
  assert.equal((await gateway.audit()).filter((one) => one.kind === 'revision').length, 1, 'nothing new is nothing to record');
});

test('servers come and go; what did not change keeps its processes', async () => {
  const { recorder, session, grant } = await set();
  assert.equal(await isAllowed(session, 'echo'), true);
  const kept = recorder.processes().map((one) => one.pid);
  const added = new Recorder({ tools: ['echo'] });
  const policy = JSON.parse(readFileSync(gateway.config, 'utf8')).mcpServers.recorder.policy;
  gateway.configure({ recorder: recorder.entry({ policy }), added: added.entry({ policy: allows('echo') }) });
  assert.equal((await reload()).code, 0);
  const second = await Session.open(gateway.endpoint('added'), grant.token);
  assert.equal(await isAllowed(second, 'echo'), true);
  assert.deepEqual(recorder.processes().map((one) => one.pid), kept);
  assert.ok(kept.every(runs));

  gateway.configure({ recorder: recorder.entry({ policy }) });
  const gone = added.processes().map((one) => one.pid);
  assert.equal((await reload()).code, 0);
  assert.equal((await second.rpc('ping')).status, 404);
  await until(() => !gone.some(runs), 'the removed server\'s end');
  assert.equal(await isAllowed(session, 'echo'), true);
  const ended = await gateway.auditUntil((all) => all.some((one) => one.kind === 'session' && one.text === 'server removed'));
  assert.ok(ended);
});

test('a changed entry starts anew behind the calls in flight, and the session goes on', async () => {
  const { recorder, session } = await set({ policy: allows('echo', 'wait') });
  const busy = await Session.open(gateway.endpoint('recorder'), session.token);
  const answer = busy.call('wait');
  await until(() => recorder.calls().length === 1, 'the call at the server');
  const before = recorder.processes().map((one) => one.pid);
  const config = JSON.parse(readFileSync(gateway.config, 'utf8'));
  config.mcpServers.recorder.env.MORE = 'yes';
  writeFileSync(gateway.config, JSON.stringify(config));
  assert.equal((await reload()).code, 0);
  assert.equal(await isAllowed(session, 'echo'), true);
  assert.ok(before.some(runs), 'the old one still has a call');
  recorder.release();
  assert.equal(text(await answer), 'waited');
  await until(() => !before.some(runs), 'the old instances\' end');
  assert.equal(recorder.processes().length, before.length + 2);
});

test('a removed server finishes its calls', async () => {
  const { recorder, session } = await set({ policy: allows('wait') });
  const answer = session.call('wait');
  await until(() => recorder.calls().length === 1, 'the call at the server');
  gateway.configure({ other: new Recorder({ tools: ['echo'] }).entry() });
  assert.equal((await reload()).code, 0);
  recorder.release();
  assert.equal(text(await answer), 'waited');
  await until(async () => (await status()).sessions === 0, 'the session\'s end');
});

test('who listens to a removed server, without a session, hears the end', async () => {
  const server = await EraServer.start('stdio', { ERAS: 'modern' });
  gateway = new Gateway({ servers: { modern: server.entry({ policy: allows('echo') }) }, settings: { admin_listen: '127.0.0.1:0' } });
  await gateway.start();
  const { token } = await gateway.grant('one', '*');
  const heard = new Modern(gateway.endpoint('modern'), token)
    .rpc('subscriptions/listen', { notifications: { toolsListChanged: true } }, { timeout: 20_000 });
  const isOpen = async () => (await (await fetch(`${gateway.adminUrl}/metrics`)).text()).includes('\nwarder_event_streams 1\n');
  await until(isOpen, 'the stream');
  gateway.configure({ other: new Recorder({ tools: ['echo'] }).entry() });
  assert.equal((await reload()).code, 0);
  assert.equal((await heard).messages.at(-1).result.resultType, 'complete');
  server.close();
});

test('what only a start can change is said, and the rest goes live', async () => {
  const { session, file } = await set();
  const config = JSON.parse(readFileSync(gateway.config, 'utf8'));
  writeFileSync(gateway.config, JSON.stringify({ ...config, audit: 'process', log: 'debug', origins: ['https://app.example'] }));
  writeFileSync(file, JSON.stringify(allows('other')));
  const asked = await reload();
  assert.deepEqual([asked.code, asked.needs_restart], [0, ['audit']]);
  assert.equal(await isAllowed(session, 'other'), true);
  const answer = await fetch(`${gateway.url}/readyz`, { headers: { origin: 'https://app.example' } });
  assert.equal(answer.status, 200);
  assert.match((await warder(['status', '--data', gateway.data])).stdout, /"audit" changed/);
  writeFileSync(gateway.config, JSON.stringify(config));
  assert.deepEqual((await reload()).needs_restart, []);
});

test('a file that is replaced all the time is decided by whole files only', async () => {
  const { session, file } = await set({ policy: allows('echo') });
  const revisions = new Set([(await status()).servers[0].revision]);
  for (let n = 0; n < 60; n++) {
    writeFileSync(`${file}.new`, JSON.stringify(n % 2 ? allows('echo') : allows('other')));
    renameSync(`${file}.new`, file);
    if (n % 10 === 0) await reload();
    const [echo, other] = [await session.call('echo', { n }), await session.call('other', { n })];
    assert.ok(echo && other);
  }
  assert.equal((await reload()).code, 0);
  const records = (await gateway.audit()).filter((one) => one.kind === 'decision');
  for (const one of records) revisions.add(one.revision);
  assert.equal(revisions.size, 2, 'two documents, two digests, no mixture');
  for (const revision of revisions) {
    const verdicts = new Set(records.filter((one) => one.revision === revision).map((one) => `${one.name} ${one.reason}`));
    assert.ok(verdicts.size <= 2, `one revision, one verdict a tool: ${[...verdicts]}`);
  }
});

test('64 clients, ten reloads, a limit of 500: no call is lost, none is decided by a mixture, 500 pass', async () => {
  const limit = { counter: 'echoes', window: 'total', max: 500, scope: 'grant' };
  const policy = { version: '1', default: 'deny', tools: { echo: { limits: [limit] } } };
  const { recorder, grant, file } = await set({ policy });
  const sessions = await Promise.all(Array.from({ length: 64 }, () => Session.open(gateway.endpoint('recorder'), grant.token)));
  let done = false;
  const calls = Promise.all(sessions.map(async (session, who) => {
    const mine = [];
    for (let n = 0; n < 12; n++) mine.push(await session.call('echo', { who, n }));
    return mine;
  })).finally(() => { done = true; });
  for (let n = 1; n <= 10; n++) {
    writeFileSync(`${file}.new`, JSON.stringify(policy) + ' '.repeat(n)); // other bytes, another revision
    renameSync(`${file}.new`, file);
    assert.equal((await reload()).code, 0);
    if (!done) await delay(30);
  }
  const answers = (await calls).flat();
  assert.equal(answers.length, 64 * 12);
  const denied = answers.filter((message) => decision(message));
  for (const message of denied) assert.equal(decision(message).code, 'rate_limited');
  assert.equal(answers.length - denied.length, 500);
  assert.equal(recorder.calls().length, 500);
  const live = new Set((await gateway.audit()).filter((one) => one.kind === 'revision').map((one) => one.revision));
  assert.equal(live.size, 11);
  for (const one of await gateway.audit()) if (one.kind === 'decision') assert.ok(live.has(one.revision), JSON.stringify(one));
});

test('reload where no gateway runs says so', async () => {
  await set();
  await gateway.stop();
  const { code, stderr } = await warder(['reload', '--data', gateway.data]);
  assert.equal(code, 1);
  assert.match(stderr, /no gateway runs/);
});
