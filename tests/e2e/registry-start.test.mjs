// What a registry's entries name is started, by a stand-in for npx and uvx that notes how it was called.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, descendants, runs, until, warder } from '../lib/gateway.mjs';
import { makeDump } from '../lib/registry-dump.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-start-'));
after(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }));
const at = (...path) => join(scratch, ...path);
const log = at('log');
const bin = at('bin');
mkdirSync(bin);
mkdirSync(log);

// What the package does follows from its name. It speaks MCP over stdio and lists one tool.
writeFileSync(at('fake.mjs'), `
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
const [program, ...args] = process.argv.slice(2);
const word = args.find((arg) => /@\\d/.test(arg.slice(1))) ?? '';
const name = word.slice(0, word.lastIndexOf('@'));
const left = readdirSync('.');
mkdirSync(process.env.HOME + '/.cache/deep/er', { recursive: true });
writeFileSync(process.env.HOME + '/.cache/deep/er/file', name);
const note = (what) => appendFileSync(${JSON.stringify(log)} + '/' + process.pid, JSON.stringify(what) + '\\n');
note({ program, args, name, env: process.env, cwd: process.cwd(), left });
if (name.includes('gone')) { console.error('npm error notarget No matching version found for ' + name + ' in ' + process.env.HOME + '/.npm\\nnpm error A complete log of this run can be found in: ' + process.env.HOME + '/.npm/_logs/1.log'); process.exit(1); }
if (name.includes('crash')) { console.error('Error: cannot start \\x1b[31mthis'); process.exit(3); }
if (name.includes('slow') && !existsSync(${JSON.stringify(at('go'))})) await new Promise((done) => setTimeout(done, 3600_000));
const tools = name.includes('many') ? 40 : 1;
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (name.includes('mute') || message.id === undefined) continue;
  const send = (result) => console.log(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...result }));
  if (message.method === 'initialize') send({ result: { protocolVersion: message.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version: '1' } } });
  else if (message.method === 'tools/list') send({ result: { tools: Array.from({ length: tools }, (_, i) => ({ name: 'delete_thing_' + i, description: 'Deletes the thing of ' + name, inputSchema: { type: 'object', properties: {} } })) } });
  else send({ error: { code: -32601, message: 'no such method' } });
}
`);
for (const name of ['npx', 'uvx']) {
  writeFileSync(join(bin, name), `#!/bin/sh\nexec ${process.execPath} ${at('fake.mjs')} ${name} "$@"\n`);
  chmodSync(join(bin, name), 0o755);
}
const env = { PATH: `${bin}:/usr/bin:/bin`, SECRET_OF_MINE: 'do not tell', NODE_OPTIONS: '', LC_ALL: 'C', MIRROR: 'https://mirror.example' };
const run = (...args) => warder(['catalog', ...args], { env, timeout: 120_000 });
const json = async (...args) => JSON.parse((await run(...args, '--json')).stdout);
const queue = async (index) => (await json('queue', '--index', index)).queue;
const started = () => readdirSync(log).flatMap((file) => readFileSync(join(log, file), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)));
const forget = () => { for (const file of readdirSync(log)) rmSync(join(log, file)); };

const npm = (name, more = {}) => ({ name: `com.made/${name}`, description: `Made ${name}`, version: '1.0.0', packages: [{ registryType: 'npm', identifier: `made-${name}`, version: '1.0.0', transport: { type: 'stdio' }, ...more }] });
const pypi = (name, more = {}) => npm(name, { registryType: 'pypi', ...more });
function dump(name, servers) {
  writeFileSync(at(name), JSON.stringify({ servers: servers.map((server) => ({ server })) }));
  return at(name);
}

describe('without --start', () => {
  test('nothing is started, and what waits is said', async () => {
    const made = makeDump(100).answer;
    writeFileSync(at('made.json'), JSON.stringify(made));
    const { stdout } = await run('add', '--index', at('none.db'), at('made.json'));
    assert.match(stdout, /\d+ packages wait to be started: warder catalog add --start/);
    assert.match(stdout, /\d+ remotes wait to be contacted: warder catalog add --start --remotes/);
    assert.deepEqual(started(), []);
    for (const option of ['--remotes', '--jobs=3', '--retry', '--insecure']) {
      const { code, stderr } = await run('add', '--index', at('none.db'), option, at('made.json'));
      assert.equal(code, 2);
      assert.match(stderr, /is about what --start starts/);
    }
    assert.deepEqual(started(), []);
  });
});

describe('with --start', () => {
  const index = at('start.db');
  let told;
  before(async () => {
    forget();
    const file = dump('start.json', [
      npm('one', { packageArguments: [{ type: 'positional', value: '--; rm -rf $HOME `id` ${SECRET_OF_MINE}' }, { type: 'named', name: '--dir', format: 'filepath', isRequired: true }], environmentVariables: [{ name: 'API_KEY', isRequired: true, isSecret: true }, { name: 'GREETING', value: '${SECRET_OF_MINE} $HOME' }], runtimeArguments: [{ type: 'positional', value: '--registry=http://evil.example' }] }),
      pypi('two'), npm('crash'), npm('mute'), npm('many'), npm('gone'), npm('own', { registryBaseUrl: 'https://own.example' }),
      { ...npm('far'), packages: undefined, remotes: [{ type: 'streamable-http', url: 'https://far.made.example/mcp' }] },
      { ...npm('oci'), packages: [{ registryType: 'oci', identifier: 'made/oci:1', transport: { type: 'stdio' } }] },
    ]);
    told = await run('add', '--json', '--index', index, '--start', '--jobs', '3', '--timeout', '5', '--inherit', 'MIRROR', file);
  });

  test('each outcome is recorded with its reason', async () => {
    assert.equal(told.code, 1, told.stderr);
    const result = JSON.parse(told.stdout);
    assert.equal(result.listed, 3);
    assert.equal(result.failed, 4);
    assert.equal(result.tools, 42);
    const rows = Object.fromEntries((await queue(index)).map((row) => [row.server, row]));
    for (const name of ['one', 'two', 'many']) assert.equal(rows[`com.made/${name}`].state, 'listed');
    assert.match(rows['com.made/crash'].why, /said last: .*cannot start \\x1b\[31mthis/);
    assert.match(rows['com.made/gone'].why, /said last: npm error notarget No matching version found for made-gone in ~\/\.npm$/);
    assert.match(rows['com.made/mute'].why, /not listed within 5 s/);
    assert.match(rows['com.made/own'].why, /--registry-url/);
    assert.match(rows['com.made/oci'].why, /no package of npm or PyPI/);
    assert.equal(rows['com.made/far'].state, 'waiting');
    assert.match(told.stderr, /com\.made\/crash: /);
    assert.doesNotMatch(told.stderr, /\x1b/);
  });

  test('tools are classed, with a page, and the search finds them', async () => {
    assert.equal((await json('search', '--index', index, '--most', '50', 'delete', 'thing')).tools.length, 42);
    await run('build', '--index', index, at('site'));
    assert.match(readFileSync(at('site/servers/com.made~two/index.html'), 'utf8'), /delete_thing_0/);
    assert.match(readFileSync(at('site/servers/com.made~crash/index.html'), 'utf8'), /Its tools are not known: .*cannot start/);
  });

  test('a command line is words, and none of them is for npx', () => {
    const one = started().find(({ name }) => name === 'made-one'), two = started().find(({ name }) => name === 'made-two');
    assert.deepEqual([one.program, ...one.args], ['npx', '--yes', '--', 'made-one@1.0.0', '--; rm -rf $HOME `id` ${SECRET_OF_MINE}', '--dir', '.']);
    assert.deepEqual([two.program, ...two.args], ['uvx', 'made-two@1.0.0']);
    assert.ok(started().every(({ args }) => !args.some((arg) => arg.includes('evil'))));
  });

  test("each has a home of its own, empty, that goes with it, and none of the user's environment", () => {
    const homes = new Map(started().map(({ env, name }) => [env.HOME, name]));
    assert.equal(homes.size, new Set(started().map(({ name }) => name)).size);
    for (const { env: its, cwd, left, name } of started()) {
      assert.equal(its.SECRET_OF_MINE, undefined, name);
      assert.equal(its.MIRROR, 'https://mirror.example');
      assert.equal(its.USER, 'warder');
      assert.equal(cwd, its.HOME);
      assert.ok(its.HOME.startsWith(`${index}.homes/`), its.HOME);
      assert.deepEqual(left.filter((entry) => entry !== 'tmp' && entry !== '.cache'), []);
      assert.ok(!existsSync(its.HOME));
    }
    const { env: one } = started().find(({ name }) => name === 'made-one');
    assert.equal(one.API_KEY, 'placeholder');
    assert.equal(one.GREETING, '${SECRET_OF_MINE} $HOME');
    assert.ok(!existsSync(`${index}.homes`));
  });

  test('what is done is not done again; --retry starts again what failed, --registry-url what names its own', async () => {
    forget();
    assert.equal((await json('add', '--index', index, '--start')).listed, 0);
    assert.deepEqual(started(), []);
    const again = await json('add', '--index', index, '--start', '--retry', '--timeout', '3', '--registry-url', 'https://own.example');
    assert.deepEqual([again.listed, again.failed], [1, 3]);
    assert.deepEqual([...new Set(started().map(({ name }) => name))].sort(), ['made-crash', 'made-gone', 'made-mute', 'made-own']);
  });

  test('another version of an entry is started anew', async () => {
    forget();
    const file = dump('newer.json', [npm('one', { version: '2.0.0' })]);
    assert.equal((await json('add', '--index', index, '--start', file)).listed, 1);
    assert.ok(started()[0].args.includes('made-one@2.0.0'));
  });
});

test('killed in the midst, it goes on where it was, and nothing of it still runs', async () => {
  forget();
  const index = at('kill.db');
  const names = Array.from({ length: 12 }, (_, i) => (i < 4 ? `quick-${i}` : `slow-${i}`));
  await run('add', '--index', index, dump('kill.json', names.map((name) => npm(name))));
  const child = spawn(binary, ['catalog', 'add', '--index', index, '--start', '--jobs', '2'], { env: { ...process.env, ...env }, stdio: 'ignore' });
  await until(() => started().filter(({ name }) => name.includes('slow')).length === 2, 'two slow ones', 60_000);
  assert.equal((await queue(index)).filter(({ state }) => state === 'listed').length, 4);
  assert.ok(started().length <= 6, 'no more than two at once');
  const second = await run('add', '--index', index, '--start');
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another warder catalog add --start/);
  const below = descendants(child.pid);
  assert.ok(below.length > 0);
  child.kill('SIGKILL');
  await until(() => below.every((pid) => !runs(pid)), 'its servers to end', 30_000);
  assert.ok(existsSync(`${index}.homes`));
  forget();
  writeFileSync(at('go'), '');
  const rest = await json('add', '--index', index, '--start', '--jobs', '4');
  assert.deepEqual([rest.listed, rest.failed], [8, 0]);
  assert.deepEqual(started().map(({ name }) => name).sort(), names.slice(4).map((name) => `made-${name}`).sort());
  assert.ok(!existsSync(`${index}.homes`));
});

test('interrupted by a signal, what has no outcome waits', async () => {
  forget();
  rmSync(at('go'), { force: true });
  const index = at('stop.db');
  await run('add', '--index', index, dump('stop.json', ['slow-1', 'slow-2'].map((name) => npm(name))));
  const child = spawn(binary, ['catalog', 'add', '--index', index, '--start'], { env: { ...process.env, ...env }, stdio: 'ignore' });
  await until(() => started().length === 2, 'both', 60_000);
  const ended = new Promise((done) => child.on('exit', done));
  child.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.deepEqual((await queue(index)).map(({ state }) => state), ['waiting', 'waiting']);
  assert.ok(!existsSync(`${index}.homes`));
});

test('a program that is not there leaves its packages waiting', async () => {
  const empty = at('empty');
  mkdirSync(empty);
  const index = at('missing.db');
  await run('add', '--index', index, dump('missing.json', [npm('one')]));
  const { code, stderr } = await warder(['catalog', 'add', '--index', index, '--start'], { env: { PATH: empty } });
  assert.equal(code, 0);
  assert.match(stderr, /1 waits for a program that is not in PATH/);
  assert.deepEqual((await queue(index)).map(({ state }) => state), ['waiting']);
});

test('remotes are contacted with --remotes alone, and those of this machine only with --insecure', async () => {
  const seen = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString() || '{}');
      seen.push({ method: message.method, header: request.headers['x-made'] });
      const answer = (result) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...result }));
      if (message.method === 'initialize') answer({ result: { protocolVersion: message.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'far', version: '1' } } });
      else if (message.method === 'tools/list') answer({ result: { tools: [{ name: 'get_far', inputSchema: { type: 'object' } }] } });
      else if (message.id === undefined) response.writeHead(request.method === 'POST' ? 202 : 405).end();
      else answer({ error: { code: -32601, message: 'no' } });
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  try {
    const index = at('remote.db');
    const url = `http://127.0.0.1:${server.address().port}/mcp`;
    await run('add', '--index', index, dump('remote.json', [{ ...npm('far'), packages: undefined, remotes: [{ type: 'streamable-http', url, headers: [{ name: 'X-Made', value: '${SECRET_OF_MINE}' }] }] }]));
    await run('add', '--index', index, '--start');
    assert.deepEqual(seen, []);
    const closed = await json('add', '--index', index, '--start', '--remotes');
    assert.deepEqual([closed.listed, closed.failed, seen.length], [0, 1, 0]);
    assert.match((await queue(index))[0].why, /--insecure contacts it/);
    const open = await json('add', '--index', index, '--start', '--remotes', '--insecure', '--retry');
    assert.deepEqual([open.listed, open.failed], [1, 0]);
    assert.ok(seen.length > 0 && seen.every(({ header }) => header === '${SECRET_OF_MINE}'));
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('an index that someone tampered with starts nothing that an entry could not have said', async () => {
  forget();
  const index = at('tampered.db');
  await run('add', '--index', index, dump('tampered.json', ['a', 'b', 'c', 'd'].map((name) => npm(name))));
  const db = new DatabaseSync(index);
  const hostile = [
    { registry: 'npm', package: '--registry=http://evil.example', version: '1.0.0', arguments: [], variables: [] },
    { registry: 'npm', package: 'made-b', version: '1.0.0', arguments: [], variables: [['LD_PRELOAD', '/tmp/evil.so']] },
    { registry: 'sh', package: 'made-c', version: '1.0.0', arguments: ['-c', 'id'], variables: [] },
    'no document at all',
  ];
  db.prepare('SELECT server FROM queue ORDER BY server').all().forEach(({ server }, i) =>
    db.prepare('UPDATE queue SET start = ? WHERE server = ?').run(typeof hostile[i] === 'string' ? hostile[i] : JSON.stringify(hostile[i]), server));
  db.close();
  const { code, stdout } = await run('add', '--json', '--index', index, '--start');
  assert.deepEqual([code, JSON.parse(stdout).failed], [1, 4]);
  assert.deepEqual(started(), []);
  for (const { why } of await queue(index)) assert.match(why, /nothing that may be started/);
});

test('what an option cannot mean is said', async () => {
  for (const options of [['--jobs', '0'], ['--jobs', '65'], ['--jobs', 'x'], ['--timeout', '0'], ['--timeout', '1e3']]) {
    const { code, stderr } = await run('add', '--index', at('options.db'), '--start', ...options);
    assert.equal(code, 2, options.join(' '));
    assert.match(stderr, /takes 1 to/);
  }
  const { code, stderr } = await run('queue', '--index', at('start.db'), '--state', 'odd');
  assert.equal(code, 2);
  assert.match(stderr, /waiting, listed or failed/);
});
