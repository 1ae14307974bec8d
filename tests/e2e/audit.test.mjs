// What an operator asks of the past: which decisions, why one of them, and whether anything was changed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, binary, onTerminal, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision } from '../lib/session.mjs';

const recorder = new Recorder({ tools: ['pay', 'echo', 'broken'] });
const policy = {
  version: '1', default: 'deny',
  tools: {
    echo: {}, broken: {},
    pay: {
      deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: 100 }], on_deny: 'Too much.' }],
      limits: [{ counter: 'pays', window: 'hour', max: 2 }],
    },
  },
};
const second = { ...policy, tools: { ...policy.tools, pay: { action: 'deny', reason: 'closed' } } };
let gateway;
let session;
let tooMuch;
const begun = Date.now();
const scratch = mkdtempSync(join(tmpdir(), 'warder-audit-'));

const run = (...words) => warder([...words, '--data', gateway.data]);
const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
const query = async (...words) => {
  const { code, stdout, stderr } = await run('audit', 'query', '--json', ...words);
  assert.equal(code, 0, stderr);
  return lines(stdout);
};
const short = (rows) => rows.map(({ name, reason }) => `${name} ${reason}`);

before(async () => {
  gateway = new Gateway({ servers: { a: recorder.entry({ policy }), b: recorder.entry({ policy }) } });
  await gateway.start();
  const one = await gateway.grant('one', '*');
  const two = await gateway.grant('two', '*');
  session = await Session.open(gateway.endpoint('a'), one.token);
  const other = await Session.open(gateway.endpoint('b'), two.token);
  await session.call('echo', {});
  await session.call('broken', {});
  await session.call('pay', { amount: 5 });
  await session.call('pay', { amount: 5 });
  await session.call('pay', { amount: 5 });
  tooMuch = decision(await session.call('pay', { amount: 500 })).id;
  await session.call('nothing', {});
  await other.call('echo', {});
  other.close();
  await gateway.auditUntil((all) => all.filter(({ kind }) => kind === 'outcome').length === 5);
});
after(async () => {
  session?.close();
  await gateway?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('audit query', () => {
  test('everything decided, oldest first, each with how it ended', async () => {
    const rows = await query();
    assert.deepEqual(short(rows), ['echo allowed', 'broken allowed', 'pay allowed', 'pay allowed', 'pay rate_limited', 'pay deny_if', 'nothing unknown_tool', 'echo allowed']);
    assert.deepEqual(rows.map(({ outcome }) => outcome), ['ok', 'tool_error', 'ok', 'ok', undefined, undefined, undefined, 'ok']);
    assert.ok(rows.every(({ sequence }, i) => i === 0 || sequence > rows[i - 1].sequence));
    assert.ok(rows.every(({ time }) => Date.parse(time) >= begun - 1000 && Date.parse(time) <= Date.now() + 1000));
    assert.deepEqual([rows[0].label, rows[7].label, rows[0].server, rows[7].server], ['one', 'two', 'a', 'b']);
  });

  for (const [words, expected] of [
    [['--decision', 'deny'], ['pay rate_limited', 'pay deny_if', 'nothing unknown_tool']],
    [['--decision', 'allow', '--server', 'a'], ['echo allowed', 'broken allowed', 'pay allowed', 'pay allowed']],
    [['--decision', 'rate_limited'], ['pay rate_limited']], [['--grant', 'two'], ['echo allowed']],
    [['--tool', 'pay', '--limit', '2'], ['pay rate_limited', 'pay deny_if']], [['--server', 'b', '--tool', 'pay'], []],
    [['--rule', '/tools/pay/deny_if/0'], ['pay deny_if']], [['--rule', '/tools/pay'], ['pay allowed', 'pay allowed', 'pay rate_limited', 'pay deny_if']],
    [['--rule', '/tools/pa'], []], [['--rule', '/tools/%'], []], [['--since', '1h', '--tool', 'broken'], ['broken allowed']],
    [['--until', '1h'], []], [['--since', '1970-01-01T00:00:01Z', '--until', '2000-01-01'], []],
    [['--since', new Date(begun - 60_000).toISOString().replace('Z', '+00:00'), '--tool', 'broken'], ['broken allowed']],
  ]) {
    test(words.join(' '), async () => assert.deepEqual(short(await query(...words)), expected));
  }

  test('by a grant\'s id as by its label; other kinds of records', async () => {
    const [{ grant }] = await query('--grant', 'two');
    assert.deepEqual(short(await query('--grant', grant)), ['echo allowed']);
    assert.deepEqual((await query('--kind', 'pin', '--server', 'b')).map(({ name }) => name), ['pay', 'echo', 'broken']);
    assert.equal((await query('--kind', 'session')).length >= 2, true);
  });

  test('text for people; up to which record it knows', async () => {
    const { stdout, stderr } = await run('audit', 'query', '--decision', 'deny');
    assert.match(stdout, /Z {2}decision {4}rate_limited +a {2}pay {2}financial {2}\/tools\/pay\/limits\/0 {2}by one {2}[0-9a-f-]{36}\n/);
    assert.match(stderr, /^3 rows; known up to record \d+/);
  });

  test('a query sees the call that was made just before it', async () => {
    for (let n = 0; n < 12; n++) {
      const denied = decision(await session.call('pay', { amount: 1000 + n }));
      const rows = await query('--tool', 'pay', '--decision', 'deny_if', '--limit', '1');
      assert.equal(rows[0].id, denied.id, `call ${n}`);
    }
    const { stderr } = await run('audit', 'query', '--limit', '1');
    assert.match(stderr, /^1 row; known up to record \d+\n$/);
  });

  test('on a terminal rows are folded between their cells, and nothing is cut; elsewhere a row is a line', async () => {
    const long = `nothing_${'x'.repeat(100)}`;
    await session.call(long, {});
    for (const words of [['query', '--limit', '20'], ['tail', '-n', '20']]) {
      const shown = await onTerminal(['audit', ...words, '--data', gateway.data]);
      const plain = (await run('audit', ...words)).stdout.split('\n').slice(0, -1);
      assert.ok(shown.some((line) => line.trim() === long), `a cell that no line holds stands alone:\n${shown.join('\n')}`);
      for (const line of shown) assert.ok(line.length <= 80 || line.trim() === long, `${line.length} columns: ${line}`);
      assert.ok(shown.some((line) => /^ {22}\S/.test(line)), 'folded under the kind');
      const cells = (lines) => lines.filter((line) => !/known up to/.test(line)).join(' ').split(/\s+/).filter(Boolean);
      assert.deepEqual(cells(shown), cells(plain));
      assert.ok((await onTerminal(['audit', ...words, '--data', gateway.data], 300)).length <= plain.length + 1, 'a wide one folds nothing');
    }
  });

  test('what is asked wrongly is said', async () => {
    for (const [words, says] of [
      [['--decision', 'no'], /rate_limited, not no/], [['--since', 'yesterday'], /2h, not yesterday/], [['--since', '2026-02-30'], /not 2026-02-30/],
      [['--until', '2026-01-01T10:00:00'], /span/], [['--since', '-1h'], /span/], [['--since', '99999999999d'], /span/], [['--limit', '0'], /1 to 10000/],
      [['--limit', '10001'], /1 to/], [['--kind', 'nothing'], /no records of kind/], [['--kind', 'outcome'], /no records/],
    ]) {
      const { code, stdout, stderr } = await run('audit', 'query', ...words);
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, says);
      assert.equal(stdout, '');
    }
    const { code, stderr } = await warder(['audit', 'query', '--data', join(scratch, 'nowhere')]);
    assert.equal(code, 1);
    assert.match(stderr, /no gateway has run/);
  });

  test('what comes is followed', async () => {
    const child = spawn(binary, ['audit', 'query', '--json', '--follow', '--tool', 'echo', '--data', gateway.data], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (part) => { text += part; });
    try {
      await until(() => lines(text.slice(0, text.lastIndexOf('\n') + 1)).length === 2, 'the past');
      await session.call('echo', {});
      await session.call('broken', {});
      const rows = await until(() => {
        const found = lines(text.slice(0, text.lastIndexOf('\n') + 1));
        return found.length === 3 && found;
      }, 'the new one');
      assert.equal(rows[2].name, 'echo');
    } finally {
      child.kill();
    }
  });
});

describe('why', () => {
  const why = async (id) => {
    const { code, stdout, stderr } = await run('why', '--json', id);
    return { code, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
  };

  test('a denial, by the id that the client was told, or its ending', async () => {
    for (const id of [tooMuch, tooMuch.slice(-12), tooMuch.slice(-12).toUpperCase(), tooMuch.replaceAll('-', '')]) {
      const found = await why(id);
      assert.equal(found.code, 0, found.stderr);
      assert.equal(found.decision.id, tooMuch);
      assert.deepEqual([found.decision.reason, found.decision.rule, found.label], ['deny_if', '/tools/pay/deny_if/0', 'one']);
      assert.deepEqual(found.rule, policy.tools.pay.deny_if[0]);
    }
  });

  test('an allowed call: its limits and its outcome', async () => {
    const [{ id }] = await query('--tool', 'pay', '--decision', 'allow', '--limit', '1');
    const found = await why(id);
    assert.deepEqual(found.decision.debits.map(({ counter, window, cost }) => [counter, window, cost]), [['pays', 'hour', '1']]);
    assert.deepEqual([found.outcome, found.outcome_reason, found.given_back], ['ok', 'answered', false]);
    const { stdout } = await run('why', id);
    assert.match(stdout, /\n {2}decision {2}allowed\n {2}rule {6}\/tools\/pay\n {12}\{"deny_if".*\n {2}policy {4}[0-9a-f]{64}\n {2}limit {5}1 of pays per hour for \w+\n {2}outcome {3}ok, answered, after /);
  });

  test('the limit that was full', async () => {
    const [{ id }] = await query('--decision', 'rate_limited');
    const { decision: { rule }, rule: text } = await why(id);
    assert.equal(rule, '/tools/pay/limits/0');
    assert.deepEqual(text, policy.tools.pay.limits[0]);
  });

  test('several calls end so: they are named; none does: what may have become of it', async () => {
    for (let i = 0; i < 9; i++) await session.call('echo', {}); // of seventeen ids two end alike
    const ids = (await until(async () => {
      const rows = await query('--limit', '100');
      return rows.length >= 17 && rows;
    }, 'the projection')).map(({ id }) => id);
    const ending = [...'0123456789abcdef'].find((digit) => ids.filter((id) => id.endsWith(digit)).length > 1);
    const many = await run('why', ending);
    assert.equal(many.code, 1);
    for (const id of ids.filter((one) => one.endsWith(ending))) assert.match(many.stderr, new RegExp(id));
    const none = await run('why', '0123456789abcdef0123456789abcdef');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no call that is recorded/);
    for (const wrong of ['xyz', '', 'a'.repeat(33), '%']) assert.equal((await run('why', wrong)).code, 2, wrong);
  });

  test('the rule is the one that was in force then, also when the policy is another one now', async () => {
    session.close();
    await gateway.stop();
    gateway.writePolicy('a', second);
    await gateway.start();
    session = await Session.open(gateway.endpoint('a'), (await gateway.grant('three', 'a')).token);
    const { id } = decision(await session.call('pay', { amount: 500 }));
    const now = await until(async () => {
      const found = await why(id);
      return found.rule && found;
    }, 'its record');
    assert.deepEqual([now.decision.reason, now.rule], ['denied', second.tools.pay]);
    const then = await why(tooMuch);
    assert.deepEqual(then.rule, policy.tools.pay.deny_if[0]);
    assert.notEqual(then.decision.revision, now.decision.revision);
  });
});

describe('verify and export', () => {
  let data;
  let head;
  const segments = () => readdirSync(join(data, 'ledger')).filter((name) => name.endsWith('.seg')).sort().map((name) => join(data, 'ledger', name));
  const verify = async (...words) => {
    const { code, stdout, stderr } = await warder(['audit', 'verify', '--json', '--data', data, ...words]);
    return { code, stderr, ...(stdout ? JSON.parse(stdout) : {}) };
  };
  /** A copy of what the gateway left, changed by `change(bytes of its last segment)`. */
  async function changed(change, { projection = true } = {}) {
    rmSync(join(scratch, 'copy'), { recursive: true, force: true });
    cpSync(gateway.data, join(scratch, 'copy'), { recursive: true });
    data = join(scratch, 'copy');
    if (!projection) for (const end of ['', '-wal', '-shm']) rmSync(join(data, `state.db${end}`), { force: true });
    const file = segments().at(-1);
    const bytes = readFileSync(file);
    writeFileSync(file, change(bytes) ?? bytes);
    return verify();
  }

  before(async () => {
    session.close();
    await gateway.stop();
    data = gateway.data;
    await query(); // without a gateway it brings state.db up itself
    const whole = await verify();
    assert.equal(whole.ok, true);
    head = whole.head;
  });

  test('the export is the ledger: each hash is its frame\'s, each frame holds the hash before', async () => {
    const { stdout } = await warder(['audit', 'export', '--data', gateway.data]);
    const exported = lines(stdout);
    let last = Buffer.alloc(32).toString('hex');
    exported.forEach(({ hash, frame, record }, i) => {
      const bytes = Buffer.from(frame, 'base64url');
      assert.equal(createHash('sha256').update(bytes).digest('hex'), hash);
      assert.equal(bytes.subarray(12, 44).toString('hex'), last);
      assert.equal(Number(bytes.readBigUInt64LE(4)), i + 1);
      assert.equal(record.sequence, i + 1);
      last = hash;
    });
    assert.equal(head, `${exported.length}:${last}`);
    const part = lines((await warder(['audit', 'export', '--data', gateway.data, '--from', '3', '-n', '2'])).stdout);
    assert.deepEqual(part, exported.slice(2, 4));
  });

  test('a flipped bit is found wherever it is, with the record\'s number', async () => {
    const size = readFileSync(join(gateway.data, 'ledger', readdirSync(join(gateway.data, 'ledger')).filter((name) => name.endsWith('.seg'))[0])).length;
    assert.ok(size > 8192);
    for (const [where, at] of [['segment head', 20], ['segment link', 40], ['batch checksum', 4100], ['batch length', 4104], ['batch number', 4112], ['first frame', 4096 + 40 + 3], ['a link', 4096 + 40 + 20], ['a record', 4096 + 40 + 60]]) {
      const found = await changed((bytes) => { bytes[at] ^= 4; });
      assert.equal(found.ok, false, where);
      assert.equal(found.code, 1);
      assert.ok(found.sequence >= 1 && found.what.length > 10, where);
    }
  });

  test('an end that was cut is told by state.db, and by a head that was noted', async () => {
    const cut = (bytes) => { // the last batch
      let at = 4096;
      for (let next = at; next < bytes.length && bytes.readUInt32LE(next) === 0x42524457; next += Math.ceil((40 + bytes.readUInt32LE(next + 8)) / 4096) * 4096) at = next;
      bytes.fill(0, at);
    };
    const found = await changed(cut);
    assert.equal(found.ok, false);
    assert.match(found.what, /state\.db knows of more/);
    const blind = await changed(cut, { projection: false });
    assert.equal(blind.ok, true, 'nothing in the directory tells');
    const noted = await verify('--head', head);
    assert.equal(noted.ok, false);
    assert.match(noted.what, /noted/);
    assert.equal((await changed(() => undefined)).ok, true);
    assert.equal((await verify('--head', head)).ok, true);
    const [sequence, hash] = head.split(':');
    assert.match((await verify('--head', `${sequence - 1}:${hash}`)).what, /noted/);
    for (const wrong of ['1', '0:00', `x:${hash}`, `${sequence}:${hash}00`]) assert.equal((await verify('--head', wrong)).code, 2, wrong);
  });
});
