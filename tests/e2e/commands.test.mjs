// The command line: it explains itself, says what is wrong and what was meant, and answers with JSON where it is asked to.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, binary, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-cli-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const file = (name, content) => {
  const path = join(scratch, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

const commands = ['run', 'check', 'explain', 'grant create', 'grant list', 'grant revoke', 'grant rotate', 'audit tail',
  'audit verify', 'limits show', 'limits reset', 'limits confirm-clock', 'tools', 'status', 'stop', 'help', 'version'];

describe('help', () => {
  test('the overview names every command', async () => {
    for (const words of [['--help'], ['help'], ['-h']]) {
      const { code, stdout } = await warder(words);
      assert.equal(code, 0);
      for (const command of commands) assert.ok(stdout.includes(`warder ${command} `), command);
      assert.ok(!stdout.includes('\x1b'), 'no colours where there is no terminal');
    }
  });

  for (const command of commands) {
    test(`${command} --help`, async () => {
      const words = command.split(' ');
      const { code, stdout } = await warder([...words, '--help']);
      assert.equal(code, 0);
      assert.ok(stdout.includes(`warder ${command}`));
      assert.match(stdout, /--help/);
      assert.equal((await warder(['help', ...words])).stdout, stdout);
    });
  }

  test('nothing is wider than a terminal', async () => {
    const wide = async (words) => {
      const { code, stdout } = await warder(words);
      assert.equal(code, 0, words.join(' '));
      return stdout.split('\n').filter((line) => line.length > 80);
    };
    const overview = (await warder(['help'])).stdout;
    const all = [...overview.matchAll(/^  warder ([a-z-]+(?: [a-z-]+)?)  /gm)].map((found) => found[1]);
    assert.ok(all.length > commands.length && all.includes('limits confirm-clock') && all.includes('why'), all.join(', '));
    for (const words of [['help'], ['help', 'configuration'], ...all.map((name) => [...name.split(' '), '--help'])])
      assert.deepEqual(await wide(words), [], words.join(' '));
    for (const line of overview.match(/^  .*$/gm)) assert.match(line, /^  warder /, 'each command is one line');
  });

  test('the overview has every command once, in groups', async () => {
    const { stdout } = await warder(['help']);
    const groups = stdout.split('\n\n').slice(1, -1).map((group) => group.split('\n'));
    assert.ok(groups.length > 5 && groups.every(([heading, ...rows]) => /^[A-Z]/.test(heading) && rows.length > 0 && rows.every((row) => row.startsWith('  warder '))));
    const names = groups.flat().filter((row) => row.startsWith(' ')).map((row) => row.slice(2, 31).trim());
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(groups[0].slice(1).map((row) => row.trim().split(' ')[1]), ['run', 'status', 'reload', 'stop']);
  });

  test('a group of commands: its commands, as an answer', async () => {
    for (const words of [['grant', '--help'], ['grant', '-h'], ['help', 'grant']]) {
      const { code, stdout, stderr } = await warder(words);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /warder grant create/);
      assert.ok(!stdout.includes('audit'));
    }
  });

  test('the overview names the page about the configuration', async () => {
    assert.match((await warder(['--help'])).stdout, /warder help configuration/);
  });

  test('every setting of the configuration', async () => {
    const { stdout } = await warder(['help', 'configuration']);
    for (const setting of ['listen', 'data', 'audit', 'mcpServers', 'command', 'env', 'home', 'isolation', 'policy', 'timeout']) {
      assert.match(stdout, new RegExp(`^ {2}${setting} `, 'm'));
    }
    for (const text of ['beyond loopback without TLS', 'an http url beyond loopback']) // of the document, and of a server
      assert.match(stdout, new RegExp(`^ {2}insecure +true allows (listening )?${text}$`, 'm'));
  });
});

describe('what is not understood: exit status 2, and what was probably meant', () => {
  const cases = [
    [['chek', 'x'], /"check"/], [['catalogue'], /did you mean "catalog"\?/], [['catalogue', 'add'], /did you mean "catalog add"\?/], [['grant', 'creat'], /"grant create"/], [['nonsense'], /no command "nonsense"/],
    [['grant'], /grant create/], [['grant', 'nonsense'], /no command "grant nonsense", but:\n {2}warder grant create/], [['check', '--strct', 'x'], /--strict/], [['check'], /FILE/], [['--data', 'x'], /no command/],
    [['version', 'more'], /too many/], [['check', '--strict=1', 'x'], /takes no value/], [['explain', '--policy'], /needs a value/],
    [['explain', '-p', 'a', '-p', 'b', '--tool', 't'], /twice/], [['grant', 'create', '--server', 'a'], /--label/],
    [['grant', 'create', '--label', 'a'], /--server/], [['grant', 'create', '-l', 'a', '-s', 'b', '-e', '3 weeks'], /span/],
    [['audit', 'tail', '-n', 'all'], /whole number/], [['explain', '--tool', 't'], /--policy/],
  ];
  for (const [words, says] of cases) {
    test(`warder ${words.join(' ')}`, async () => {
      const { code, stdout, stderr } = await warder(words, { cwd: scratch });
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, says);
      assert.equal(stdout, '');
    });
  }
});

describe('check', () => {
  const good = { version: '1', default: 'deny', tools: { a: {}, 'b*': { action: 'deny' } } };

  test('a policy that is right', async () => {
    assert.equal((await warder(['check', file('good.json', good)])).code, 0);
    const { stdout } = await warder(['check', '--json', file('good.json', good)]);
    assert.deepEqual(JSON.parse(stdout), { ok: true, errors: 0, problems: [] });
  });

  test('errors as JSON, of all files', async () => {
    const one = file('one.json', '{"version": "1",\n "default": "dney"}');
    const two = file('two.json', '{"version": "1", "default": "deny",\n\n  "tols": {}}');
    const { code, stdout } = await warder(['check', '--json', one, two, file('good.json', good)]);
    assert.equal(code, 1);
    const { ok, problems } = JSON.parse(stdout);
    assert.equal(ok, false);
    assert.deepEqual(problems.map((problem) => [problem.file, problem.line, problem.column, problem.pointer]),
      [[one, 2, 13, '/default'], [two, 3, 3, '/tols']]);
    assert.match(problems[1].fix, /tools/);
  });

  test('names that the server does not list are noted, and refused where that is asked for', async () => {
    const policy = file('good.json', good);
    const tools = file('tools.json', { tools: [{ name: 'b1', inputSchema: { type: 'object' } }] });
    const { code, stdout } = await warder(['check', '-t', tools, policy]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /note: .*"a"/);
    assert.equal((await warder(['check', '--strict', '-t', tools, policy])).code, 1);
    assert.notEqual((await warder(['check', '-t', file('no-tools.json', '{"tools": 1}'), policy])).code, 0);
  });

  test('a configuration, with the policies that it names', async () => {
    file('broken.policy.json', '{"version": "1",\n "default": 7}');
    const config = file('config.json', { mcpServers: { a: { command: 'sh', policy: 'broken.policy.json' }, b: { command: 'sh', polcy: 'x' } } });
    const { code, stdout } = await warder(['check', config]);
    assert.equal(code, 1);
    assert.match(stdout, /broken\.policy\.json:2:\d+: error/);
    assert.match(stdout, /config\.json:1:\d+: error: unknown setting "polcy"/);
    assert.match(stdout, /did you mean "policy"/);
  });

  test('a file that can be read once only', async () => {
    const config = file('once.json', { mcpServers: { a: { command: 'sh', policy: file('once.policy.json', good) } } });
    const { stdout, status } = spawnSync('/bin/sh', ['-c', `cat "${config}" | "${binary}" check /dev/stdin`], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^fine: 1 file\n$/);
  });

  test('a pipe whose writer takes its time is waited for, for a while', () => {
    const config = file('slow.json', { mcpServers: { a: { command: 'sh', policy: file('slow.policy.json', good) } } });
    const check = (writer) => spawnSync('/bin/sh', ['-c', `(${writer}) | "${binary}" check /dev/stdin`], { encoding: 'utf8' });
    const slow = check(`sleep 1; head -c 20 "${config}"; sleep 1; tail -c +21 "${config}"`);
    assert.deepEqual([slow.stdout, slow.status], ['fine: 1 file\n', 0]);
    const never = check('sleep 7');
    assert.equal(never.status, 1);
    assert.match(never.stdout, /cannot be read: /);
    assert.doesNotMatch(never.stdout, /ceiling/);
  });

  test('explain finds the policy by the server, in a configuration', async () => {
    const config = file('named.json', { mcpServers: { a: { command: 'no-such-program', env: { K: '${NOT_SET}' }, policy: file('named.policy.json', good) }, b: { command: 'sh' } } });
    const said = async (...args) => warder(['explain', ...args]);
    const tool = Object.keys(good.tools)[0];
    const [named, direct] = [await said('-c', config, 'a', '--tool', tool), await said('-p', join(dirname(config), 'named.policy.json'), '--server', 'a', '--tool', tool)];
    assert.equal(named.code, direct.code);
    assert.equal(named.stdout, direct.stdout);
    assert.equal((await said('-c', config, 'a', '--tool', 'nothing')).code, 1);
    for (const [args, code, words] of [[['-c', config, 'b', '--tool', tool], 1, /names no policy for b: every call is denied/],
      [['-c', config, 'z', '--tool', tool], 1, /has no server z/], [['--tool', tool], 2, /--policy FILE is missing, or the name of a server/],
      [['-c', config, '-p', config, '--tool', tool], 2, /not both/], [['-c', `${config}.gone`, 'a', '--tool', tool], 1, /not found/]]) {
      const one = await said(...args);
      assert.equal(one.code, code, one.stderr);
      assert.match(one.stderr, words);
    }
  });

  test('run --listen goes before the configuration, and is as strict', async () => {
    const config = file('listen.json', { listen: '127.0.0.1:1', data: `${dirname(file('x', ''))}/listen-data`, mcpServers: { a: { command: 'sh' } } });
    for (const [address, code, words] of [['localhost:0', 2, /numeric address and a port/], ['127.0.0.1', 2, /numeric/], ['0.0.0.0:0', 1, /beyond loopback/]]) {
      const one = await warder(['run', '-c', config, '--listen', address]);
      assert.equal(one.code, code, one.stderr);
      assert.match(one.stderr, words);
    }
    const child = spawn(binary, ['run', '-c', config, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text_ = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => { text_ += part; });
    await until(() => text_.includes('Ctrl-C'), 'its start');
    child.kill();
    await new Promise((done) => child.once('exit', done));
    assert.match(text_, /listens on http:\/\/127\.0\.0\.1:\d{4,}\n/);
    assert.equal(text_.split('no policy').length - 1, 1, 'said once');
  });

  test('a slip in "mcpServers" is a slip in a configuration', async () => {
    const { code, stdout } = await warder(['check', file('slip.json', { mcpServer: { a: { command: 'sh' } } })]);
    assert.equal(code, 1);
    assert.match(stdout, /unknown setting "mcpServer".*\n.*did you mean "mcpServers"/);
    assert.match(stdout, /\n1 error\n/);
  });

  test('a server without a policy is noted', async () => {
    const config = file('bare.json', { mcpServers: { a: { command: 'sh' } } });
    const { code, stdout } = await warder(['check', config]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /note: no policy: every call is denied/);
    assert.equal((await warder(['check', '--strict', config])).code, 1);
  });

  test('a directory is called one', async () => {
    const { code, stdout } = await warder(['check', scratch]);
    assert.equal(code, 1);
    assert.match(stdout, /it is a directory/);
  });
});

describe('explain', () => {
  const policy = () => file('explain.json', {
    version: '1', default: 'deny', hide: ['gone'],
    tools: {
      pay: {
        require: [{ conditions: [{ path: 'args.reason', op: 'exists', value: true }], on_deny: 'Say why.' }],
        deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: 100 }], on_deny: 'Too much.' }],
        limits: [{ counter: 'pays', window: 'hour', max: 3 }],
      },
    },
  });
  const explain = async (...more) => {
    const { code, stdout, stderr } = await warder(['explain', '-p', policy(), '--json', ...more]);
    return { status: code, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
  };

  test('allowed: exit status 0, and the limits it is counted in', async () => {
    const { status, decision, debits, steps } = await explain('--tool', 'pay', '--args', '{"reason": "r", "amount": 100}');
    assert.deepEqual([status, decision], [0, 'allow']);
    assert.deepEqual(debits.map(({ counter, window, cost, max, rule }) => [counter, window, cost, max, rule]),
      [['pays', 'hour', '1', '3', '/tools/pay/limits/0']]);
    assert.ok(steps.length > 2);
  });

  test('denied, hidden and by default: exit status 1, and which rule', async () => {
    const cases = [
      [['--tool', 'pay', '--args', '{"reason": "r", "amount": 1e3}'], 'deny', 'deny_if', '/tools/pay/deny_if/0', 'Too much.'],
      [['--tool', 'pay', '--args', '{"reason": "r", "amount": "9"}'], 'deny', 'deny_if', '/tools/pay/deny_if/0', 'Too much.'],
      [['--tool', 'pay'], 'deny', 'require', '/tools/pay/require/0', 'Say why.'],
      [['--tool', 'gone'], 'hide', 'unknown_tool', '/hide/0', undefined],
      [['--tool', 'other'], 'deny', 'default_deny', '/default', undefined],
    ];
    for (const [words, decision, code, rule, message] of cases) {
      const found = await explain(...words);
      assert.deepEqual([found.status, found.decision, found.code, found.rule], [1, decision, code, rule], JSON.stringify(found));
      if (message) assert.equal(found.message, message);
    }
  });

  test('text for people ends with the decision', async () => {
    const { stdout } = await warder(['explain', '-p', policy(), '--tool', 'pay', '--args', '{"reason": "r", "amount": 101}']);
    assert.match(stdout, /\ndeny \(deny_if\) by \/tools\/pay\/deny_if\/0: Too much\.\n/);
  });

  test('arguments that are none', async () => {
    for (const args of ['{', '[]', '{"a": 1, "a": 2}', '@/nowhere.json']) {
      const { code, stdout, stderr } = await warder(['explain', '-p', policy(), '--tool', 'pay', '--args', args]);
      assert.ok(code === 1 || code === 2, args);
      assert.equal(stdout, '');
      assert.match(stderr, /args|read/);
    }
  });
});

describe('with no gateway', () => {
  test('bare warder says so, and what to do', async () => {
    const { code, stdout } = await warder([], { cwd: scratch });
    assert.equal(code, 1);
    assert.match(stdout, /No gateway runs/);
    assert.match(stdout, /warder run/);
    assert.equal(JSON.parse((await warder(['status', '--json'], { cwd: scratch })).stdout).ok, false);
  });

  test('grants are kept all the same', async () => {
    const data = join(scratch, 'alone');
    const run = async (...words) => {
      const { code, stdout, stderr } = await warder([...words, '--data', data, '--json']);
      return { code, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
    };
    assert.equal((await run('grant', 'list')).code, 1, 'no such directory is not made by looking');
    const made = await run('grant', 'create', '--label', 'one', '--server', 'a', '--server', 'b', '--tag', 't', '--expires', '2h');
    assert.match(made.token, /^wdr_[0-9a-z]{12}_[\w-]{49}$/);
    assert.deepEqual([made.servers, made.tags, made.live], [['a', 'b'], ['t'], true]);
    assert.equal(made.expires_ms - made.created_ms, 7_200_000);
    assert.equal(statSync(data).mode & 0o777, 0o700);

    const again = await run('grant', 'create', '--label', 'one', '--server', 'a');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /label already/);
    assert.equal((await run('grant', 'create', '--label', '', '--server', 'a')).code, 1);
    assert.equal((await run('grant', 'create', '--label', 'x', '--server', '../a')).code, 1);
    assert.equal((await run('grant', 'create', '--label', 'a\nb', '--server', 'a')).code, 1);

    const renewed = await run('grant', 'rotate', 'one');
    assert.equal(renewed.id, made.id);
    assert.notEqual(renewed.token, made.token);
    const { grants } = await run('grant', 'list');
    assert.deepEqual(grants.map((grant) => [grant.id, grant.label, grant.live]), [[made.id, 'one', true]]);
    assert.ok(!JSON.stringify(grants).includes('token'));

    assert.equal((await run('grant', 'revoke', 'one')).live, false);
    assert.equal((await run('grant', 'revoke', 'one')).code, 1, 'the label is nobody\'s now');
    assert.equal((await run('grant', 'rotate', made.id)).code, 1, 'revoked stays revoked');
    assert.equal((await run('limits', 'confirm-clock')).ok, true);
    const verified = await run('audit', 'verify');
    assert.equal(verified.ok, true);
    assert.ok(verified.records >= 4);
  });
});

test('the paste for a client before the gateway runs holds the address that is configured', async () => {
  const config = file('paste.json', { listen: '127.0.0.1:8765', data: 'paste-data', mcpServers: { a: { command: 'sh' } } });
  const paste = async (label) => (await warder(['grant', 'create', '-l', label, '-s', 'a', '-c', config])).stdout;
  assert.match(await paste('one'), /"url": "http:\/\/127\.0\.0\.1:8765\/mcp\/a"/);
  file('paste.json', { listen: '127.0.0.1:0', data: 'paste-data', mcpServers: { a: { command: 'sh' } } });
  assert.match(await paste('two'), /"url": "http:\/\/ADDRESS:PORT\/mcp\/a"/);
});

describe('with a gateway', () => {
  const recorder = new Recorder({ tools: ['echo'] });
  let gateway;
  before(async () => {
    gateway = new Gateway({ servers: { a: recorder.entry({ policy: { version: '1', default: 'allow' } }), b: recorder.entry() } });
    await gateway.start();
  });
  after(() => gateway?.close());

  test('status', async () => {
    const status = await until(async () => {
      const found = JSON.parse(await gateway.command('status'));
      return found.servers.every((server) => server.state === 'ready') && found;
    }, 'both servers');
    assert.equal(status.url, gateway.url);
    assert.equal(status.pid, gateway.pid);
    assert.deepEqual(status.servers.map(({ name, tools, policy }) => [name, tools, policy]), [['a', 1, true], ['b', 1, false]]);
    const { code, stdout } = await warder(['--help']);
    assert.equal(code, 0);
    assert.ok(stdout);
    assert.equal(statSync(join(gateway.data, 'control.sock')).mode & 0o777, 0o600);
  });

  test('a grant that is made, renewed and revoked while it runs counts at once', async () => {
    const made = await gateway.grant('live', 'a');
    const session = await Session.open(gateway.endpoint('a'), made.token);
    assert.equal(text(await session.call('echo', { n: 1 })), '{"n":1}');
    const renewed = JSON.parse(await gateway.command('grant', 'rotate', 'live'));
    assert.equal((await new Session(gateway.endpoint('a'), made.token).rpc('tools/list')).status, 401);
    const next = await Session.open(gateway.endpoint('a'), renewed.token);
    assert.equal(text(await next.call('echo', { n: 2 })), '{"n":2}');
    await gateway.revoke('live');
    assert.equal((await new Session(gateway.endpoint('a'), renewed.token).rpc('tools/list')).status, 401);
    session.close();
    next.close();
  });

  test('the paste for a client holds the address where it listens, and the token', async () => {
    const { stdout } = await warder(['grant', 'create', '--label', 'paste', '--server', 'a', '--server', 'b', '--data', gateway.data]);
    const { mcpServers } = JSON.parse(stdout.slice(stdout.indexOf('{')));
    assert.deepEqual(Object.keys(mcpServers), ['a', 'b']);
    assert.equal(mcpServers.a.url, gateway.endpoint('a'));
    const session = await Session.open(mcpServers.a.url, mcpServers.a.headers.Authorization.slice('Bearer '.length));
    assert.equal(text(await session.call('echo', { n: 3 })), '{"n":3}');
    session.close();
  });

  test('the paste for a grant of all servers names each; a server that is not there is noted', async () => {
    const create = (...words) => warder(['grant', 'create', ...words, '--data', gateway.data]);
    const all = await create('--label', 'paste-all', '--server', '*');
    assert.equal(all.stderr, '');
    assert.deepEqual(Object.keys(JSON.parse(all.stdout.slice(all.stdout.indexOf('{'))).mcpServers), ['a', 'b']);
    const slip = await create('--label', 'slip', '--server', 'aa');
    assert.equal(slip.code, 0);
    assert.match(slip.stderr, /no server "aa"/);
  });

  test('an outcome says of what it is', async () => {
    const { token } = await gateway.grant('outcomes', 'a');
    const session = await Session.open(gateway.endpoint('a'), token);
    await session.call('echo', {});
    session.close();
    await until(async () => /outcome +ok +a {2}echo {2}\d+(\.\d+)? ms\n/.test(
      (await warder(['audit', 'tail', '--data', gateway.data])).stdout), 'the outcome');
  });

  test('a denial shows what why takes', async () => {
    const { token } = await gateway.grant('denied', 'a');
    const session = await Session.open(gateway.endpoint('a'), token);
    await session.call('gone', {});
    session.close();
    const id = await until(async () =>
      (await warder(['audit', 'tail', '--data', gateway.data])).stdout.match(/decision +unknown_tool +a {2}gone {2}.* {2}([0-9a-f]{12})\n/)?.[1], 'the denial');
    await until(async () => (await warder(['why', id, '--data', gateway.data])).stdout.includes('name      gone'), 'its explanation');
  });

  test('a data directory that cannot be one, or is not there, is named with what to do', async () => {
    const one = await warder(['run', '-c', gateway.config, '-d', gateway.config], { timeout: 5000 });
    assert.equal(one.code, 1);
    assert.match(one.stderr, /cannot be opened: Not a directory\n[^]*not started: nothing can be kept in .*warder\.json, the data directory\n$/);
    const gone = await warder(['grant', 'list', '-d', join(scratch, 'gone')]);
    assert.deepEqual([gone.code, gone.stderr], [1, `warder grant list: there is no data directory ${join(scratch, 'gone')}: name one with --data; warder run makes it\n`]);
  });

  test('text of an agent is escaped before a terminal sees it', async () => {
    const { token } = await gateway.grant('odd', 'a');
    const session = await Session.open(gateway.endpoint('a'), token);
    await session.call('x\u001b[2J\u202e', {});
    session.close();
    const { stdout } = await until(async () => {
      const found = await warder(['audit', 'tail', '-n', '0', '--data', gateway.data]);
      return found.stdout.includes('[2J') && found;
    }, 'the record');
    assert.ok(!stdout.includes('\u001b'));
    assert.ok(!stdout.includes('\u202e'));
  });

  test('a second one on the same data is refused, and disturbs nothing', async () => {
    const { code, stderr } = await warder(['run', '-c', gateway.config], { timeout: 5000 });
    assert.equal(code, 1);
    assert.match(stderr, /already/);
    assert.equal(JSON.parse(await gateway.command('status')).pid, gateway.pid);
  });

  /** What the control socket answers to these bytes, and whether it then closes. */
  const ask = (bytes, wait = 300) => new Promise((done, failed) => {
    const socket = connect(join(gateway.data, 'control.sock'));
    let answer = '';
    let closed = false;
    socket.on('data', (part) => { answer += part; });
    socket.on('error', () => {});
    socket.on('close', () => { closed = true; });
    socket.once('error', (error) => (error.code === 'ENOENT' ? failed(error) : undefined));
    socket.write(bytes);
    setTimeout(() => {
      socket.destroy();
      done({ answers: answer.split('\n').filter(Boolean).map((line) => JSON.parse(line)), closed });
    }, wait);
  });

  test('the control socket says what is wrong with a request, and goes on', async () => {
    for (const line of ['', '{', '[]', '{"op": "nothing"}', '{"op": 1}', '{"op": "status", "op": "stop"}', '{"op": "grant.revoke"}',
      '{"op": "tools"}', '{"op": "tools", "server": "A"}', '{"op": "tools", "server": "nobody"}', '{"op": "tools", "server": "a", "from": -1}',
      '{"op": "tools", "server": "a", "from": 0.5}', '{"op": "tools", "server": "a", "from": "1"}', '{"op": "grant.create", "label": "x"}', '{"op": "grant.create", "label": "x", "servers": [1]}',
      '{"op": "grant.create", "label": "x", "servers": ["a"], "expires_in_s": -1}', '{"op": "grant.revoke", "grant": "nobody"}']) {
      const { answers, closed } = await ask(`${line || '""'}\n{"op": "status"}\n`, 150);
      assert.deepEqual(answers.map(({ ok }) => ok), [false, true], line);
      assert.ok(answers[0].error.length > 5, line);
      assert.equal(closed, false);
    }
    assert.deepEqual(await ask('x'.repeat(70_000)), { answers: [], closed: true });
  });

  test('who connects and asks nothing keeps nobody out, and is let go', async () => {
    const idle = Array.from({ length: 40 }, () => {
      const one = { ended: false };
      one.socket = connect(join(gateway.data, 'control.sock'));
      one.socket.on('error', () => {});
      one.socket.on('close', () => { one.ended = true; });
      return one;
    });
    await until(() => idle.filter((one) => one.ended).length === 40 - 16, 'the ceiling');
    const { id } = await gateway.grant('idle', 'a');
    await gateway.revoke(id);
    assert.equal(JSON.parse(await gateway.command('status')).ok, true);
    const begun = Date.now();
    await until(() => idle.every((one) => one.ended), 'the end of all', 15_000);
    assert.ok(Date.now() - begun > 1000, 'the others had some time');
  });

  test('who follows the audit has a ceiling of its own', async () => {
    const followers = Array.from({ length: 20 }, () => ask('{"op": "audit.follow"}\n', 3000));
    await delay(500);
    assert.equal(JSON.parse(await gateway.command('status')).ok, true);
    const answers = (await Promise.all(followers)).map((one) => one.answers[0]?.ok);
    assert.equal(answers.filter((ok) => ok === true).length, 8);
  });

  test('records are followed live', async () => {
    const { token } = await gateway.grant('watched', 'a');
    const watching = ask('{"op": "audit.follow"}\n', 1500);
    const session = await Session.open(gateway.endpoint('a'), token);
    await session.call('echo', { n: 4 });
    session.close();
    const { answers } = await watching;
    assert.deepEqual(answers[0], { ok: true });
    const kinds = answers.slice(1).map((record) => record.kind);
    assert.ok(kinds.includes('decision') && kinds.includes('outcome'), kinds.join());
  });

  test('stop ends it, and returns when it is gone', async () => {
    assert.equal((await warder(['stop', '--data', gateway.data])).stdout, 'Stopped.\n');
    assert.deepEqual(await Promise.race([gateway.exited, until(() => false, 'the end', 2000)]), { code: 0, signal: null });
    gateway.child = null;
    const { code, stderr } = await warder(['stop', '--data', gateway.data]);
    assert.equal(code, 1);
    assert.match(stderr, /no gateway runs/);
  });
});

describe('tools: what servers list, and what the policy says of each', () => {
  const odd = 'odd\u001b[2J\u202e\n';
  const many = Array.from({ length: 2500 }, (_, i) => `tool_${i}`);
  const policy = {
    version: '1', default: 'deny', hide: ['secret_*'],
    tools: {
      zoom: {}, create: { rate_limit: '5/hour' }, delete: { action: 'deny' }, never: { deny_if: [{ conditions: [] }] }, 'odd*': {}, 'a~/b': {},
      ask: { require: [{ conditions: [{ path: 'args.to', op: 'eq', value: 'me' }] }] },
    },
  };
  const expected = [
    ['zoom', 'allowed', '/tools/zoom', true], ['create', 'limited', '/tools/create', true], ['ask', 'limited', '/tools/ask', true],
    ['delete', 'denied', '/tools/delete', true], ['never', 'denied', '/tools/never', true],
    ['other', 'denied by default', '/default', false], ['secret_key', 'hidden', '/hide/0', false],
    [odd, 'allowed', '/tools/odd*', true], ['a~/b', 'allowed', '/tools/a~0~1b', true],
  ];
  let gateway;
  before(async () => {
    gateway = new Gateway({ servers: {
      github: new Recorder({ tools: expected.map(([name]) => name) }).entry({ policy }),
      large: new Recorder({ tools: many }).entry({ policy: { version: '1', default: 'allow', all_tools: { limits: [{ counter: 'calls', window: 'day', max: 9, scope: 'grant' }] } } }),
      bare: new Recorder({ tools: ['echo'] }).entry(),
      shut: new Recorder({ tools: ['echo'] }).entry({ classes: { ech: 'read', echo: 'write', '\u001b[2J': 'read' }, policy: { version: '1', default: 'allow', all_tools: { deny_if: [{ conditions: [] }] } } }),
    } });
    await gateway.start();
    await until(async () => JSON.parse(await gateway.command('status')).servers.every(({ state }) => state === 'ready'), 'the servers');
  });
  after(() => gateway?.close());
  const run = (...words) => warder(['tools', ...words, '--data', gateway.data]);
  const rows = ({ tools }) => tools.map(({ name, verdict, rule, listed }) => [name, verdict, rule, listed]);

  test('as JSON, in the server\'s order, and clients see the same', async () => {
    const { code, stdout } = await run('github', '--json');
    assert.equal(code, 0);
    const { servers } = JSON.parse(stdout);
    assert.deepEqual(servers.map(({ name, state, policy: has }) => [name, state, has]), [['github', 'ready', true]]);
    assert.deepEqual(rows(servers[0]), expected);
    assert.deepEqual([servers[0].listed, servers[0].count], [7, 9]);
    const { token } = await gateway.grant('looks', 'github');
    const session = await Session.open(gateway.endpoint('github'), token);
    const { message } = await session.rpc('tools/list');
    assert.deepEqual(message.result.tools.map(({ name }) => name), expected.filter(([, , , listed]) => listed).map(([name]) => name));
    session.close();
  });

  test('as text, with the names escaped', async () => {
    const { code, stdout } = await run('github');
    assert.equal(code, 0);
    assert.match(stdout, /^github ready\n {2}zoom +\w+ +allowed +\/tools\/zoom\n/);
    assert.match(stdout, /\n {2}other +\w+ +denied by default +\/default\n/);
    assert.ok(stdout.includes('  odd\\x1b[2J\\u{202e}\\n '), stdout);
    assert.ok(!/[\u001b\u202e]/.test(stdout));
    assert.match(stdout, /\nA client sees 7 of 9 tools\.\n$/);
  });

  test('of all servers: without a policy everything is denied; a long list comes whole', async () => {
    const { servers } = JSON.parse((await run('--json')).stdout);
    assert.deepEqual(servers.map(({ name }) => name), ['github', 'large', 'bare', 'shut']);
    assert.deepEqual(rows(servers[1]), many.map((name) => [name, 'limited', '/default', true]));
    assert.equal(servers[1].listed, many.length);
    assert.deepEqual(rows(servers[2]), [['echo', 'denied', '(no policy)', false]]);
    assert.deepEqual(rows(servers[3]), [['echo', 'denied', '/default', true]]);
    const { stdout } = await run();
    assert.match(stdout, /\n\nbare ready, no policy: everything is denied\n {2}echo +\w+ +denied +\(no policy\)\nA client sees 0 of 1 tool\.\n\n/);
  });

  test('explain asks the running gateway which tools there are, and for their classes, to the last page', async () => {
    const explain = async (server, tool, ...more) => JSON.parse((await warder(['explain', '-c', gateway.config, server, '--tool', tool, '--json', ...more])).stdout);
    const classes = new Map(JSON.parse((await run('large', '--json')).stdout).servers[0].tools.map(({ name, class: is }) => [name, is]));
    for (const name of [many[0], many.at(-1)]) {
      const said = await explain('large', name);
      assert.deepEqual([said.decision, said.class], ['allow', classes.get(name)], name);
      assert.notEqual(said.class, 'unknown');
    }
    assert.equal((await explain('large', many[0], '--class', 'financial')).class, 'financial');
    assert.equal((await explain('large', 'no_such_tool')).code, 'unknown_tool');
    assert.equal((await explain('large', 'no_such_tool', '--class', 'read')).decision, 'allow');
  });

  test('a class of a tool that is not listed is said in the log, once a list', () => {
    assert.deepEqual(gateway.log.match(/.*"classes".*/g).map((line) => line.replace(/^.*server/, 'server')), ['server \'shut\': "classes" has 2 names that it does not list, the first is "ech"']);
  });

  test('an unknown server: the nearest name, or where names are', async () => {
    for (const [name, says] of [['gihtub', /did you mean "github"\?/], ['\u001b[2J', /no server "\\x1b\[2J"; warder status/]]) {
      for (const more of [[], ['--json']]) {
        const { code, stdout, stderr } = await run(name, ...more);
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, says);
      }
    }
  });

  test('without a gateway: how to start one', async () => {
    for (const data of [scratch, join(scratch, 'nowhere')]) {
      const { code, stdout, stderr } = await warder(['tools', '--data', data]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /no gateway runs on .*: start one with "warder run"/);
    }
  });
});
