// A server that answers the list of its resources or prompts with an error: its tools work, and nothing of what is not
// listed can be read, until it is listed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const lists = ['prompts/list', 'resources/list', 'resources/templates/list'];
const items = { tools: ['echo'], prompts: ['guide'], resources: ['note://one'], templates: ['note://{name}'] };
const recorder = new Recorder({ ...items, failing: lists });
const policy = { version: '1', default: 'deny', tools: { echo: {} }, prompts: { default: 'allow' }, resources: { default: 'allow' } };
const ask = async (session, ...words) => (await session.rpc(...words)).message;
let gateway;
let sessions;
const reached = (method) => recorder.lines().filter((line) => line.includes(`"${method}"`)).length;

before(async () => {
  gateway = new Gateway({ servers: { shared: recorder.entry({ policy, isolation: 'server' }), own: recorder.entry({ policy, isolation: 'session' }) } });
  await gateway.start();
  const { token } = await gateway.grant('one', '*');
  sessions = [await Session.open(gateway.endpoint('shared'), token), await Session.open(gateway.endpoint('own'), token)];
});
after(async () => {
  for (const session of sessions ?? []) session.close();
  await gateway?.close();
});

test('its tools work, and nothing else of it is there', async () => {
  for (const session of sessions) {
    assert.deepEqual(await session.tools(), ['echo']);
    assert.equal((await session.call('echo', { n: 1 })).error, undefined);
    assert.deepEqual((await ask(session, 'resources/list')).result.resources, []);
    assert.deepEqual((await ask(session, 'prompts/list')).result.prompts, []);
    for (const uri of ['note://one', 'note://two']) assert.ok((await ask(session, 'resources/read', { uri })).error, uri);
    assert.ok((await ask(session, 'prompts/get', { name: 'guide' })).error);
  }
  assert.deepEqual([reached('resources/read'), reached('prompts/get')], [0, 0]);
  assert.match(gateway.log, /server 'shared': it answered resources\/list with an error: it has no resources until it lists them/);
});

test('templates alone read nothing either', async () => {
  recorder.configure({ ...items, failing: ['resources/list'] });
  await until(async () => (await ask(sessions[0], 'prompts/list')).result.prompts.length === 1, 'the prompts', 60_000);
  assert.ok((await ask(sessions[0], 'resources/read', { uri: 'note://two' })).error);
  assert.equal(reached('resources/read'), 0);
});

test('what it lists later is there by itself', async () => {
  recorder.configure(items);
  await until(async () => (await ask(sessions[0], 'resources/list')).result.resources.length === 1, 'the resources', 60_000);
  assert.equal((await ask(sessions[0], 'resources/read', { uri: 'note://two' })).error, undefined);
});

test('a scan shows its tools, and says what could not be listed', async () => {
  recorder.configure({ ...items, failing: lists });
  const file = join(gateway.dir, 'scan.json');
  writeFileSync(file, JSON.stringify({ mcpServers: { a: recorder.entry() } }));
  const { stdout } = await warder(['scan', '--json', file], { env: { XDG_STATE_HOME: gateway.dir } });
  const [server] = JSON.parse(stdout).servers;
  assert.equal(server.tools.length, 1);
  assert.match(JSON.stringify(server.notes), /it answered prompts\/list with an error.*it answered resources\/list with an error/);
});
