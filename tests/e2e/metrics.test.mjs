// GET /metrics: what it counts, in which form, for whom; and that docs/metrics.md says the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { parse, total } from '../lib/exposition.mjs';
import { Gateway, root, until } from '../lib/gateway.mjs';
import { RawConnection, request } from '../lib/raw-http.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const policy = { version: '1', default: 'deny', tools: { echo: { limits: [{ counter: 'c', window: 'total', max: 3 }] }, 'odd*': {} } };
let gateway;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function set({ tools = ['echo', 'other'], settings = { admin_listen: '127.0.0.1:0' }, used = policy, entry = {} } = {}) {
  const recorder = new Recorder({ tools });
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: used, ...entry }) }, settings });
  await gateway.start();
  const grant = await gateway.grant('one', '*');
  return { recorder, grant, session: await Session.open(gateway.endpoint('recorder'), grant.token) };
}

async function scrape(headers = {}) {
  const answer = await fetch(`${gateway.adminUrl}/metrics`, { headers });
  const body = await answer.text();
  return { status: answer.status, type: answer.headers.get('content-type'), body };
}
const families = async () => parse((await scrape()).body);

test('calls, tools, limits, durations, servers, ledger and policy are counted', async () => {
  const { session, recorder } = await set();
  for (let n = 0; n < 5; n++) await session.call('echo', { n });
  await session.call('other');
  await session.call('never-listed"\\\n{x="y"} 1');
  const seen = await families();
  const calls = (labels) => total(seen, 'warder_calls_total', { server: 'recorder', ...labels });
  assert.equal(calls({ decision: 'allowed', reason: 'answered' }), 3);
  assert.equal(calls({ decision: 'denied', reason: 'rate_limited' }), 2);
  assert.equal(calls({ decision: 'denied', reason: 'default_deny' }), 1);
  assert.equal(calls({ decision: 'denied' }), 4);
  const tool = (labels) => total(seen, 'warder_tool_calls_total', labels);
  assert.deepEqual([tool({ tool: 'echo', decision: 'allowed' }), tool({ tool: 'echo', decision: 'denied' }), tool({ tool: 'other' })], [3, 2, 2],
    'a tool that is called "other" and all that are not listed share a label');
  assert.equal(total(seen, 'warder_limit_hits_total', { reason: 'rate_limited' }), 2);
  assert.equal(total(seen, 'warder_sessions'), 1);
  assert.equal(total(seen, 'warder_server_state', { server: 'recorder', state: 'ready' }), 1);
  assert.equal(total(seen, 'warder_server_state'), 1);
  assert.equal(total(seen, 'warder_server_starts_total'), recorder.processes().length);
  assert.ok(total(seen, 'warder_ledger_records_total') >= 7);
  assert.equal(total(seen, 'warder_ready'), 1);
  const { revision } = JSON.parse(await gateway.command('status')).servers[0];
  assert.equal(total(seen, 'warder_policy_info', { revision }), 1);
  const count = (name) => seen.get(name).samples.find((one) => one.name === `${name}_count`).value;
  assert.deepEqual([count('warder_call_duration_seconds'), count('warder_call_admission_duration_seconds'), count('warder_call_server_duration_seconds')], [7, 3, 3]);
  assert.ok(total(seen, 'warder_received_bytes_total') > 1000);
  const refused = await fetch(gateway.endpoint('recorder'), { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: '{}' });
  assert.equal(refused.status, 401);
  assert.equal(total(await families(), 'warder_unauthorized_total'), 1);
});

test('decisions are counted by the class in the pin: six words and "unknown", whatever is asked for', async () => {
  const tool = (name, description) => ({ name, description, inputSchema: { type: 'object' } });
  const tools = [tool('get_record', 'Gets a record.'), tool('create_record', 'Creates a record.'), tool('delete_record', 'Permanently deletes a record.'), tool('ruled', 'Gets a record.')];
  const { session } = await set({ tools, used: { version: '1', default: 'deny', tools: { '@read': {}, '@write': {} } }, entry: { classes: { ruled: 'financial' } } });
  for (const name of ['get_record', 'get_record', 'create_record', 'delete_record', 'ruled', 'financial', 'x"y']) await session.call(name);
  const { body } = await scrape();
  const seen = parse(body);
  const calls = (labels) => total(seen, 'warder_calls_total', labels);
  assert.deepEqual(['read', 'write', 'execute', 'destructive', 'financial', 'other', 'unknown'].map((name) => [calls({ class: name, decision: 'allowed' }), calls({ class: name, decision: 'denied' })]),
    [[2, 0], [1, 0], [0, 0], [0, 1], [0, 1], [0, 0], [0, 2]]);
  assert.equal(calls({}), 7);
  const promtool = join(root, 'build/tools/promtool');
  if (existsSync(promtool)) execFileSync(promtool, ['check', 'metrics'], { input: body });
});

test('both text formats are well-formed, and promtool agrees', async () => {
  const { session } = await set();
  await session.call('echo');
  const plain = await scrape();
  assert.match(plain.type, /^text\/plain; version=0\.0\.4/);
  parse(plain.body);
  const open = await scrape({ accept: 'application/openmetrics-text; version=1.0.0, text/plain;q=0.5' });
  assert.match(open.type, /^application\/openmetrics-text; version=1\.0\.0/);
  const units = parse(open.body, { openmetrics: true });
  assert.equal(units.get('warder_call_duration_seconds').unit, 'seconds');
  const promtool = join(root, 'build/tools/promtool');
  if (existsSync(promtool)) execFileSync(promtool, ['check', 'metrics'], { input: plain.body });
});

test('labels are bounded: names that a server lists by the hundred, or in odd bytes', async () => {
  const tools = [...Array.from({ length: 700 }, (_, n) => `odd_${n}`), 'odd"quote\\and\nline'];
  const { session } = await set({ tools });
  await session.call(tools.at(-1));
  for (const name of tools.slice(0, 700)) await session.call(name);
  for (let n = 0; n < 300; n++) await session.call(`unknown_${n}`);
  const seen = await families();
  const { samples } = seen.get('warder_tool_calls_total');
  assert.ok(samples.length <= 514, `${samples.length} series`);
  assert.ok(samples.some((one) => one.labels.tool === tools.at(-1)), 'escaped, and read back');
  assert.equal(samples.filter((one) => one.labels.tool.startsWith('unknown')).length, 0);
  assert.equal(total(seen, 'warder_tool_calls_total'), 1001);
});

test('counts outlive a reload, and reloads are counted', async () => {
  const { session } = await set();
  await session.call('echo');
  const file = join(gateway.dir, 'policies', 'recorder.policy.json');
  const good = readFileSync(file, 'utf8');
  const before = await families();
  assert.equal(total(before, 'warder_config_last_reload_failure_timestamp_seconds'), 0);
  writeFileSync(file, `${good} `);
  await gateway.command('reload');
  writeFileSync(file, '{');
  await until(async () => total(await families(), 'warder_config_stale') === 1, 'the refusal');
  const seen = await families();
  assert.ok(total(seen, 'warder_config_reloads_total', { result: 'success' }) >= 1);
  assert.ok(total(seen, 'warder_config_reloads_total', { result: 'failure' }) >= 1);
  assert.ok(total(seen, 'warder_config_last_reload_failure_timestamp_seconds') > 1e9);
  assert.equal(total(seen, 'warder_calls_total', { reason: 'answered' }), 1);
  writeFileSync(file, good);
  await until(async () => total(await families(), 'warder_config_stale') === 0, 'the good file');
});

const raw = async (bytes) => {
  const connection = await RawConnection.open(new URL(gateway.adminUrl));
  connection.send(bytes);
  const answer = await connection.answer({ timeout: 5000 });
  connection.close();
  return answer;
};

test('only GET /metrics, only for this host, only from no page', async () => {
  await set();
  const host = new URL(gateway.adminUrl).host;
  const get = (headers, target = '/metrics', method = 'GET') => raw(request({ method, target, headers, body: '' }));
  assert.equal((await get([['Host', host]])).status, 200);
  assert.equal((await get([['Host', `localhost:${new URL(gateway.adminUrl).port}`]])).status, 200);
  assert.equal((await get([['Host', 'evil.example']])).status, 403, 'DNS rebinding');
  assert.equal((await get([['Host', host], ['Origin', 'https://evil.example']])).status, 403);
  assert.equal((await get([['Host', host]], '/metrics?x=1')).status, 404);
  assert.equal((await get([['Host', host]], '/mcp/recorder')).status, 404);
  assert.equal((await get([['Host', host]], '/metrics', 'POST')).status, 405);
  assert.equal((await raw(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nabcde`)).status, 413);
  assert.equal((await raw('GET /metrics HTTP/1.1\nHost: x\n\n')).status, 400);
  const held = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(new URL(gateway.adminUrl))));
  for (const one of held) one.close();
  await until(async () => (await scrape().catch(() => ({}))).status === 200, 'an answer behind the idle connections');
  assert.doesNotMatch((await scrape()).body, /wdr_|RECORDER_DIR/);
});

test('null is no listener; a written address that is taken is an error, the default one is not', async () => {
  await set({ settings: { admin_listen: null } });
  assert.equal(gateway.adminUrl, undefined);
  await gateway.close();
  const taken = createServer();
  await new Promise((done) => taken.listen(0, '127.0.0.1', done));
  gateway = new Gateway({ servers: { recorder: new Recorder({}).entry() }, settings: { admin_listen: `127.0.0.1:${taken.address().port}` } });
  await assert.rejects(gateway.start(), /admin_listen/);
  gateway.child = null;
  gateway.configure({ recorder: new Recorder({}).entry() }, { admin_listen: '0.0.0.0:8809' });
  await assert.rejects(gateway.start(), /loopback address/);
  gateway.child = null;
  taken.close();
});

test('docs/metrics.md names every metric as the gateway does', async () => {
  await set();
  const documented = [...readFileSync(join(root, 'docs/metrics.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$/gm)]
    .map(([, name, type, labels, help]) => [name, type, labels.replaceAll('`', '').replaceAll(' ', ''), help]);
  const table = [...readFileSync(join(root, 'src/admin/metrics.def'), 'utf8').matchAll(/^METRIC\(\w+,\s+(\w+),\s+"(\w+)",\s+"\w*",\s+"([\w,]*)",\s+"(.*)"\)$/gm)]
    .map(([, type, name, labels, help]) => [name, type.toLowerCase(), labels, help.replaceAll('\\"', '"')]);
  assert.deepEqual(documented, table);
  const seen = await families();
  assert.deepEqual([...seen.keys()], table.map(([name]) => name));
  for (const { type, name, samples } of seen.values()) {
    const labels = table.find((row) => row[0] === name)[2].split(',').filter(Boolean);
    assert.equal(type, table.find((row) => row[0] === name)[1]);
    for (const one of samples) assert.deepEqual(Object.keys(one.labels).filter((label) => label !== 'le'), labels);
  }
});
