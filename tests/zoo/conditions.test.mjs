// Strings that mean more than they seem to: paths, URLs and command lines that would have got past a look at their
// beginning. What is denied never reaches the server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision, text } from '../lib/session.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-conditions-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const required = (...conditions) => ({ require: [{ conditions }] });
const zone = 'Asia/Kathmandu'; // three quarters off every hour, and no summer time
const hasZones = existsSync(`/usr/share/zoneinfo/${zone}`);
const hourThere = (offset) => {
  const moment = new Date(Date.now() + (5 * 60 + 45) * 60_000 + offset * 3_600_000);
  return moment.getUTCHours();
};

describe('strings of their own', () => {
  const tools = {
    read_file: required({ path: 'args.path', op: 'path_within', value: ['/srv/data'] }),
    fetch: required({ path: 'args.url', op: 'host_in', value: ['example.com', '*.example.com'] }),
    call_aws: required({ path: 'args.cli_command[]', op: 'command', value: ['aws', 's3api', 'list-*', '...'], no_words: ['--endpoint*'] }),
    tagged: required({ path: 'grant.tags', op: 'contains', value: 'prod' }),
    all_tagged: required({ path: 'grant.tags', op: 'subset_of', value: ['prod', 'team-a'] }),
    labelled: required({ path: 'grant.label', op: 'starts_with', value: 'strings-' }),
    honest: { deny_if: [{ conditions: [{ path: 'client.name', op: 'glob', value: '*tests*' }] }] },
    now: required({ path: 'time.hour', op: 'in', value: [hourThere(0), hourThere(1)] }),
    later: required({ path: 'time.hour', op: 'in', value: [hourThere(6), hourThere(7)] }),
  };
  if (!hasZones) {
    delete tools.now;
    delete tools.later;
  }
  const recorder = new Recorder({ tools: Object.keys(tools) });
  let gateway;
  let session;
  before(async () => {
    const policy = { version: '1', default: 'deny', tools, ...(hasZones ? { timezone: zone } : {}) };
    gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
    await gateway.start();
    const made = JSON.parse(await gateway.command('grant', 'create', '--label', 'strings-1', '--server', 'recorder', '--tag', 'prod', '--tag', 'team-a'));
    session = await Session.open(gateway.endpoint('recorder'), made.token);
  });
  after(async () => {
    session?.close();
    await gateway?.close();
  });

  const passes = async (name, args) => {
    const mark = recorder.calls().length;
    const message = await session.call(name, args);
    assert.ok(message.result && !message.result.isError, `${name} ${JSON.stringify(args)}: ${text(message)}`);
    assert.deepEqual(recorder.calls().slice(mark).map((call) => call.arguments), [args ?? {}]);
  };
  const denied = async (name, args, why) => {
    const mark = recorder.calls().length;
    const message = await session.call(name, args);
    assert.equal(decision(message)?.decision, 'deny', `${name} ${JSON.stringify(args)}`);
    assert.equal(recorder.calls().length, mark, `${JSON.stringify(args)} reached the server`);
    if (why) assert.match(text(message), why);
    assert.ok(!/srv|example\.com|list-\*/.test(JSON.stringify(message)), 'what a condition compares with is not told');
  };

  test('paths', async () => {
    for (const path of ['/srv/data', '/srv/data/a.txt', '/srv/data/a/../b', '/srv/./data//x']) await passes('read_file', { path });
    for (const path of ['/etc/passwd', '/srv/data/../../etc/passwd', '/srv/data/..', '/srv/data2/x', '/srv/data/a/../../../etc']) await denied('read_file', { path });
    await denied('read_file', { path: '/srv/data/%2e%2e/%2e%2e/etc/passwd' }, /^\[POLICY DENIED\] args\.path cannot be judged: it has a percent sign in it\.$/);
    for (const path of ['/srv/data\\..\\..\\etc', '~/x', 'file:///srv/data/x', 'srv/data/x', '/srv/data/\0/../x', '/srv/data/.. ', '//srv/data/x', '', 5, ['/srv/data'], { path: '/srv/data' }, null]) await denied('read_file', { path });
    await denied('read_file', {});
  });

  test('hosts', async () => {
    for (const url of ['https://example.com', 'https://EXAMPLE.com:8443/a?b#c', 'http://a.b.example.com/', 'https://example.com/@evil.example']) await passes('fetch', { url });
    for (const url of ['https://example.com.evil.example', 'https://evil.example/example.com', 'https://evil.example#@example.com', 'https://evil.example?.example.com']) await denied('fetch', { url });
    await denied('fetch', { url: 'https://x@y/' }, /it has user information in it/);
    for (const url of ['https://good@evil.example/', 'https://evil.example\\.example.com/', 'https://127.1/', 'http://0x7f000001/', 'http://2130706433/', 'http://[::ffff:127.0.0.1]/', 'https://example.com./', 'https://%65xample.com/', 'https://example.com\t/', 'https://ex\u{e4}mple.com/', '//example.com/', 'ftp://example.com/', 'example.com']) await denied('fetch', { url });
  });

  test('commands', async () => {
    const good = 'aws s3api list-buckets';
    for (const cli_command of [good, 'aws  s3api "list-objects" --bucket \'a b\'', [good, 'aws s3api list-objects --bucket b']]) await passes('call_aws', { cli_command });
    const bad = 'aws s3api delete-bucket --bucket b';
    for (const cli_command of [bad, 'aws  s3api  delete-bucket', "aws s3api 'delete'-bucket", `${good}; ${bad}`, `${good} && ${bad}`, `${good}\n${bad}`, `${good} | ${bad}`, `${good} & ${bad}`,
      `${good} $(${bad})`, `${good} \`${bad}\``, `${good} "$(${bad})"`, 'aws --profile list-x s3api delete-bucket', 'aws s3api d\\elete-bucket', 'aws s3api $X', `${good} --endpoint-url http://evil.example`,
      `${good} --endpoint-url=http://evil.example`, `${good}\u{a0}--endpoint-url\u{a0}x`, `${good} # x`, `${good} > /tmp/x`, [good, bad], [good, [good]], [good, null], [], '', null, { 0: good }]) await denied('call_aws', { cli_command });
    await denied('call_aws', {});
  });

  test('what a shell makes of a command is what was judged', async () => {
    const strings = [good('a'), "x 'a b' c", 'x "a  b"\tc', "x a'b'\"c\"d", 'x \\"a\\" \\\\ \\\'', "x ''", 'x "\\"a\\\\"', 'x "it\\\'s" "a\\ b"', "x 'a;b|c&d' '$e `f` !g'", '  x  a ', 'x a=b -c --d=e,f:g@h/i%j^k+l.m_n]', "x 'caf\u{e9}' \u{e9}", "x a'\\\\'b"];
    function good(word) { return `x ${word}`; }
    for (const [index, string] of strings.entries()) {
      const words = execFileSync('/bin/sh', ['-c', `x() { for w in x "$@"; do printf '%s\\0' "$w"; done; }; ${string}`]).toString().split('\0').slice(0, -1);
      const file = join(scratch, `sh-${index}.json`);
      writeFileSync(file, JSON.stringify({ version: '1', default: 'deny', lists: { empty: ['x'] }, tools: { t: required(
        { path: 'args.x', op: 'command', value: words.map((word) => (word === '' ? '*' : word)) },
        { path: 'args.y', op: 'in', value: { $list: 'empty' } }) } }));
      const { code, stdout, stderr } = await warder(['explain', '-p', file, '-t', 't', '-a', JSON.stringify({ x: string, y: 'x' })]);
      assert.equal(code, 0, `${string} -> ${JSON.stringify(words)}: ${stdout}${stderr}`);
    }
  });

  test('grants: label and tags', async () => {
    await passes('tagged', {});
    await passes('all_tagged', {});
    await passes('labelled', {});
    for (const tags of [[], ['team-b'], ['prod', 'team-b']]) {
      const made = JSON.parse(await gateway.command('grant', 'create', '--label', `other-${tags.length}${tags.join('')}`, '--server', 'recorder', ...tags.flatMap((tag) => ['--tag', tag])));
      const other = await Session.open(gateway.endpoint('recorder'), made.token);
      assert.equal(decision(await other.call('all_tagged'))?.code, 'require');
      assert.equal(decision(await other.call('labelled'))?.code, 'require');
      assert.equal(decision(await other.call('tagged'))?.code, tags.includes('prod') ? undefined : 'require');
      other.close();
    }
  });

  test('what a client says of itself can only be held against it', async () => {
    await denied('honest', {});
    const file = join(scratch, 'client.json');
    for (const rule of [required({ path: 'client.name', op: 'eq', value: 'x' }), { deny_if: [{ conditions: [{ not: { path: 'client.name', op: 'eq', value: 'x' } }] }] }]) {
      writeFileSync(file, JSON.stringify({ version: '1', default: 'deny', tools: { t: rule } }));
      const { code, stdout } = await warder(['check', file]);
      assert.equal(code, 1);
      assert.match(stdout, /only deny_if may look at it/);
    }
  });

  test('the hour in the policy\'s time zone', { skip: !hasZones && 'no time zone database' }, async () => {
    await passes('now', {});
    await denied('later', {});
  });
});

describe('documents', () => {
  const check = async (document, ...options) => {
    const file = join(scratch, 'document.json');
    writeFileSync(file, JSON.stringify(document, null, 1));
    return warder(['check', ...options, file]);
  };

  test('a time zone that is not there, with its place', async () => {
    for (const timezone of ['Europe/Nowhere', '../../../etc/passwd', '/etc/passwd', 'Europe', '', 'europe/../UTC']) {
      const { code, stdout } = await check({ version: '1', timezone, default: 'deny', tools: { t: required({ path: 'time.hour', op: 'lt', value: 9 }) } });
      assert.equal(code, 1, timezone);
      assert.match(stdout, /document\.json:3:14: .*there is no time zone/);
    }
  });

  test('what is probably not meant is noted, and refused by --strict', async () => {
    const document = { version: '1', default: 'deny', tools: { a: required({ path: 'args.c', op: 'command', value: ['git', '...'] }), b: required({ path: 'args.p', op: 'starts_with', value: '/srv/' }), 'x*': {}, '*yz': {} } };
    const { code, stdout } = await check(document);
    assert.equal(code, 0);
    for (const note of [/no_words/, /path_within/, /both match "xyz"/, /3 notes/]) assert.match(stdout, note);
    assert.equal((await check(document, '--strict')).code, 1);
  });

  test('explain at a moment: summer time begins at two in the night', { skip: !existsSync('/usr/share/zoneinfo/Europe/Berlin') && 'no time zone database' }, async () => {
    const file = join(scratch, 'at.json');
    const at = (moment) => warder(['explain', '-p', file, '-t', 't', '--at', moment]);
    writeFileSync(file, JSON.stringify({ version: '1', default: 'deny', timezone: 'Europe/Berlin', tools: { t: required(
      { path: 'time.hour', op: 'gte', value: 9 }, { path: 'time.hour', op: 'lt', value: 17 }, { path: 'time.weekday', op: 'lte', value: 5 }) } }));
    for (const [moment, code] of [['2026-03-27T07:59:59Z', 1], ['2026-03-27T08:00:00Z', 0], ['2026-03-30T06:59:59Z', 1], ['2026-03-30T07:00:00Z', 0], ['2026-03-30T15:00:00Z', 1], ['2026-03-28T12:00:00Z', 1], ['2026-03-29T12:00:00Z', 1]]) {
      assert.equal((await at(moment)).code, code, moment);
    }
    for (const moment of ['', 'now', '2026-02-30T00:00:00Z', '2026-03-30T09:00:00', '2026-3-30T09:00:00Z', '2026-03-30T09:00:00Zx', '2026-03-30T25:00:00Z']) {
      const { code, stderr } = await at(moment);
      assert.equal(code, 2, moment);
      assert.match(stderr, /--at takes a moment/);
    }
  });

  test('explain says why a value cannot be judged', async () => {
    const file = join(scratch, 'explain.json');
    const cases = { path_within: [['/a'], '%', 'percent sign|no absolute path'], host_in: [['a'], 'http://a@b', 'user information'], command: [['a'], 'a;', 'a shell gives a meaning'], subset_of: [['a'], [], 'an empty array'],
      starts_with: ['a', 5, 'does not take it'], ends_with: ['a', {}, 'does not take it'], glob: ['a*', true, 'does not take it'], length_lte: [3, 5, 'does not take it'], length_gte: [3, {}, 'does not take it'] };
    for (const [op, [value, argument, why]] of Object.entries(cases)) {
      writeFileSync(file, JSON.stringify({ version: '1', default: 'deny', tools: { t: required({ path: 'args.x', op, value }) } }));
      const { code, stdout } = await warder(['explain', '-p', file, '-t', 't', '-a', JSON.stringify({ x: argument }), '--json']);
      assert.equal(code, 1, op);
      const told = JSON.parse(stdout);
      assert.equal(told.code, 'require');
      assert.ok(told.steps.some((step) => step.verdict === 'unusable' && new RegExp(why).test(step.text)), `${op}: ${stdout}`);
    }
  });
});
