// The subcommands, as a person and a script use them, beside a gateway that runs and beside one that does not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Gateway, binary, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, VERSION, decision, text } from '../lib/session.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-cli-'));
const example = fileURLToPath(new URL('policies/first-example.json', import.meta.url));
after(() => rmSync(scratch, { recursive: true, force: true }));

describe('on its own', () => {
  test('every subcommand explains itself', async () => {
    const { stdout } = await warder(['--help']);
    const words = [...stdout.matchAll(/^ {2}warder ((?:[a-z-]+ ?)+)/gm)].map(([, found]) => found.trim());
    assert.ok(words.length >= 10, stdout);
    for (const each of words) {
      if (each === 'help') continue;
      const help = await warder([...each.split(' '), '--help']);
      assert.equal(help.code, 0, each);
      assert.ok(help.stdout.includes(`warder ${each}`), help.stdout);
    }
    const configuration = await warder(['help', 'configuration']);
    for (const name of ['listen', 'data', 'audit', 'mcpServers', 'policy']) assert.match(configuration.stdout, new RegExp(`\\b${name}\\b`));
  });

  test('what is not understood ends with 2 and a guess', async () => {
    for (const [args, guess] of [[['chekc'], /check/], [['grant', 'craete'], /create/], [['check', '--strct', example], /--strict/], [['check'], /check/], [['run', '--config', join(scratch, 'x'), 'more'], /run/]]) {
      const { code, stdout, stderr } = await warder(args, { cwd: scratch });
      assert.equal(code, 2, `${args}: ${stdout}${stderr}`);
      assert.match(stderr, guess);
    }
  });

  test('alone it says what to do next', async () => {
    const { stdout } = await warder([], { cwd: scratch });
    assert.match(stdout, /warder run/);
  });

  test('explain shows the steps and the verdict, and its exit status is the answer', async () => {
    const ask = (tool, args = '{}') => warder(['explain', '--policy', example, '--tool', tool, '--args', args]);
    const allowed = await ask('get_export_jobs');
    assert.equal(allowed.code, 0, allowed.stderr);
    const denied = await ask('create_charge', '{"reason": "refill", "amount": 10000.01}');
    assert.equal(denied.code, 1);
    assert.match(denied.stdout, /\/tools\/create_charge\/deny_if\/0/);
    assert.match(denied.stdout, /Over \$100\.00\./);
    assert.equal((await ask('create_charge', '{"reason": "refill", "amount": 10000}')).code, 0);
    assert.equal((await ask('cancel_export_job')).code, 1);
    const told = JSON.parse((await warder(['explain', '--policy', example, '--tool', 'nothing', '--args', '{}', '--json'])).stdout);
    assert.equal(JSON.stringify(told).includes('default_deny'), true);
  });

  test('check answers with JSON too', async () => {
    const wrong = join(scratch, 'wrong.json');
    writeFileSync(wrong, '{"version": "1",\n "defalt": "deny"}');
    const { code, stdout } = await warder(['check', '--json', wrong]);
    assert.equal(code, 1);
    const told = JSON.stringify(stdout.trim().split('\n').map((line) => JSON.parse(line)));
    assert.match(told, /default/);
    assert.match(told, /"line":2/);
  });
});

describe('beside a gateway', () => {
  const recorder = new Recorder({ tools: ['echo'] });
  const policy = { version: '1', default: 'deny', tools: { echo: { rate_limit: { max: 2, window: 86400 } } } };
  let gateway;
  before(async () => {
    gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  });
  after(() => gateway?.close());
  const open = (token) => Session.open(gateway.endpoint('recorder'), token);
  const refused = async (token) => {
    const session = new Session(gateway.endpoint('recorder'), token);
    const { status } = await session.rpc('initialize', { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'cli', version: '1' } });
    session.close();
    assert.equal(status, 401);
  };

  test('grants made before, while and after it runs are good, until they are not', async () => {
    const early = await gateway.grant('early', 'recorder');
    await gateway.start();
    const session = await open(early.token);
    assert.equal(text(await session.call('echo', { a: 1 })), '{"a":1}');

    const rotated = JSON.parse(await gateway.command('grant', 'rotate', early.id));
    assert.notEqual(rotated.token, early.token);
    await refused(early.token);
    const again = await open(rotated.token);
    assert.equal(text(await again.call('echo', { a: 2 })), '{"a":2}');
    assert.equal(decision(await again.call('echo', { a: 3 }))?.code, 'rate_limited', 'a new token is no new grant');

    const brief = JSON.parse(await gateway.command('grant', 'create', '--label', 'brief', '--server', 'recorder', '--expires', '2s'));
    const soon = await open(brief.token);
    await until(async () => (await soon.rpc('tools/list')).status === 401, 'the end of a grant that expires', 5000);

    const list = await gateway.command('grant', 'list');
    assert.ok(list.includes(early.id) && list.includes('"brief"'));
    for (const { token } of [early, rotated, brief]) assert.ok(!list.includes(token.slice(-40)), 'no list shows a secret');
    const unknown = await warder(['grant', 'revoke', '000000000000', '--data', gateway.data]);
    assert.equal(unknown.code, 1);

    await gateway.stop();
    await gateway.revoke(early.id);
    await gateway.start();
    await refused(rotated.token);
    for (const one of [session, again, soon]) one.close();
  });

  test('audit tail follows', async () => {
    const { token } = await gateway.grant('followed', 'recorder');
    const tail = spawn(binary, ['audit', 'tail', '--follow', '--json', '-n', '1', '--data', gateway.data], { stdio: ['ignore', 'pipe', 'inherit'] });
    const seen = [];
    createInterface({ input: tail.stdout }).on('line', (line) => seen.push(JSON.parse(line)));
    await until(() => seen.length > 0, 'the last record');
    const session = await open(token);
    await session.call('echo', { followed: true });
    await until(() => seen.some((one) => one.kind === 'outcome' && one.outcome === 'ok'), 'the outcome in the tail');
    const at = seen.findIndex((one) => one.kind === 'decision');
    assert.equal(seen[at].reason, 'allowed');
    assert.equal(seen.find((one) => one.kind === 'outcome').id, seen[at].id);
    tail.kill('SIGINT');
    session.close();
  });

  test('audit tail follows in rows too, the same that it shows of the past', async () => {
    const { token } = await gateway.grant('followed-rows', 'recorder');
    const tail = spawn(binary, ['audit', 'tail', '--follow', '-n', '0', '--data', gateway.data], { stdio: ['ignore', 'pipe', 'inherit'] });
    let seen = '';
    tail.stdout.setEncoding('utf8').on('data', (part) => { seen += part; });
    await until(() => seen.includes('followed-rows'), 'the past');
    const past = seen.length;
    const session = await open(token);
    await session.call('echo', { followed: 'in rows' });
    await session.call('no\u202etool\x1b[2J', {});
    await until(() => /^\S+ \S+ {2}outcome +ok .*echo/m.test(seen.slice(past)) && seen.includes('unknown_tool'), 'the outcome and the denial in the tail');
    tail.kill('SIGINT');
    session.close();
    const live = seen.slice(past).trimEnd().split('\n');
    for (const line of live) assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}[a-z]+ /, line);
    assert.ok(live.some((line) => /decision +allowed +recorder +echo/.test(line)), live.join('\n'));
    assert.ok(!seen.includes('\x1b') && !seen.includes('\u202e'), 'escaped, and without colours');
    const { stdout } = await warder(['audit', 'tail', '-n', '0', '--data', gateway.data]);
    const again = stdout.trimEnd().split('\n');
    assert.deepEqual(live, again.slice(again.indexOf(live[0]), again.indexOf(live[0]) + live.length));
  });

  test('who cannot follow is told so', async () => {
    const words = ['audit', 'tail', '--follow', '-n', '1', '--data', gateway.data];
    const tails = Array.from({ length: 8 }, () => spawn(binary, words, { stdio: ['ignore', 'pipe', 'inherit'] }));
    try {
      await Promise.all(tails.map((tail) => new Promise((done) => tail.stdout.once('data', done))));
      const { code, stderr } = await warder(words);
      assert.equal(code, 1);
      assert.match(stderr, /^warder audit tail: too many commands follow the audit already\n$/);
    } finally {
      for (const tail of tails) tail.kill('SIGINT');
    }
  });

  test('audit verify finds a byte that was changed', async () => {
    assert.equal(JSON.parse(await gateway.command('audit', 'verify')).ok, true);
    await gateway.stop();
    const segment = join(gateway.data, 'ledger', readdirSync(join(gateway.data, 'ledger')).sort()[0]);
    const bytes = readFileSync(segment);
    bytes[bytes.indexOf('early')] ^= 1;
    writeFileSync(segment, bytes);
    const { code } = await warder(['audit', 'verify', '--data', gateway.data]);
    assert.equal(code, 1);
    bytes[bytes.indexOf('darly')] ^= 1;
    writeFileSync(segment, bytes);
    await gateway.start();
  });

  test('status and bare warder say what runs', async () => {
    const { stdout } = await warder(['status', '--data', gateway.data]);
    assert.match(stdout, /recorder/);
    assert.ok(stdout.includes(gateway.url), stdout);
    JSON.parse(await gateway.command('status'));
  });
});

describe('a client\'s own file', () => {
  test('is read as it is; a server without a policy is denied, and the text says what to write', async () => {
    const recorder = new Recorder({ tools: ['echo'] });
    const file = join(scratch, '.mcp.json');
    const { command, args, env } = recorder.entry();
    writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', mcpServers: { notes: { type: 'stdio', command, args, env, autoApprove: ['echo'], disabled: false } } }));
    const child = spawn(binary, ['run', '-c', file], { cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = new Promise((done) => child.once('exit', done));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
    try {
      await Promise.race([exited, until(() => /Ctrl-C stops it/.test(said), 'the text', 5000).catch(() => {})]);
      assert.match(said, /warder run --preset strict -c .*\.mcp\.json\n/);
      assert.match(said, /notes/);
      assert.match(said, /autoApprove/, 'what means nothing here is named once');
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
  });
});
