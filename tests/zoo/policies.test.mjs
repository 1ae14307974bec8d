// Vectors that aim at the policy itself: patterns that burn, counters that collide, documents that half load.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { decision, text } from '../lib/session.mjs';
import { pairs } from './eras.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-zoo-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const once = (counter, more = {}) => ({ limits: [{ counter, window: 'total', max: 1, ...more }] });
const regex = (value) => ({ require: [{ conditions: [{ path: 'args.a', op: 'regex', value }] }] });
const policy = {
  version: '1', default: 'deny', hide: ['secret'],
  tools: {
    echo: {},
    echo_burn: regex('^(a+)+$'),
    echo_burn2: regex('(x+x+)+y'),
    echo_any: regex('.'),
    'a.b': once('c'), a: once('b.c'), 'a-b': once('c-d'), 'a-b-c': once('d'),
    _global: once('_global'), grant: once('grant', { scope: 'server' }),
    echo_same: once('shared'), echo_other: once('shared'),
  },
};

for (const pair of pairs) {
  describe(`calls, ${pair.name}`, () => {
    let recorder;
    let gateway;
    let session;
    before(async () => {
      recorder = await pair.recorder({ tools: [...Object.keys(policy.tools), 'secret', 'danger'] });
      gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
      await gateway.start();
      session = await pair.open(gateway.endpoint('recorder'), (await gateway.grant('policies', 'recorder')).token);
    });
    after(async () => {
      session?.close();
      await gateway?.close();
    });
    const calls = () => recorder.calls().length;

    test('Z39 a pattern that backtracks without end denies soon', async () => {
      for (const [name, value] of [['echo_burn', `${'a'.repeat(60_000)}!`], ['echo_burn2', 'x'.repeat(60_000)], ['echo_burn', `${'a'.repeat(30)}!`]]) {
        const mark = calls();
        const started = performance.now();
        const told = decision(await session.call(name, { a: value }));
        assert.equal(told?.code, 'require', name);
        assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
        assert.equal(calls(), mark);
      }
    });

    test('Z39 a string above 64 KiB is not searched, and denied', async () => {
      const mark = calls();
      assert.equal(decision(await session.call('echo_any', { a: 'b'.repeat(1 << 20) }))?.code, 'require');
      assert.equal(calls(), mark);
      assert.ok((await session.call('echo_any', { a: 'b'.repeat(1 << 16) })).result.content);
      assert.equal(calls(), mark + 1);
    });

    test('Z40 the record names the revision that decided', async () => {
      await session.call('echo', { revision: 1 });
      const records = await gateway.auditUntil((all) => all.some((one) => one.kind === 'decision' && one.name === 'echo'));
      const file = readFileSync(join(gateway.dir, 'policies', 'recorder.policy.json'));
      const wanted = createHash('sha256').update(file).digest('hex');
      assert.ok(records.some((one) => one.kind === 'revision' && one.revision === wanted), 'the revision is recorded with its bytes');
      for (const one of records.filter((record) => record.kind === 'decision')) assert.equal(one.revision, wanted);
    });

    test('Z42 counters are tuples, never joined names', async () => {
      for (const name of ['a.b', 'a', 'a-b', 'a-b-c', '_global', 'grant']) {
        assert.ok(!(await session.call(name)).result.isError, `${name}: its own first call`);
        assert.equal(decision(await session.call(name))?.code, 'rate_limited', `${name}: its own second`);
      }
      assert.ok(!(await session.call('echo_same')).result.isError);
      assert.equal(decision(await session.call('echo_other'))?.code, 'rate_limited', 'one counter by one name is one');
    });

    test('Z25 Z26 the answer for a name is the same, whatever it is', async () => {
      const answers = [];
      for (const name of ['secret', 'nowhere', 'Secret', 'secret ', '*', '@read']) {
        const fresh = await pair.open(gateway.endpoint('recorder'), session.token);
        answers.push((await pair.send(fresh, { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name, arguments: { x: 1 } } })).body.replace(JSON.stringify(name).slice(1, -1), 'NAME'));
        fresh.close();
      }
      assert.equal(new Set(answers).size, 1, answers.join('\n'));
    });

    test('what a condition compares with is not told', async () => {
      const message = await session.call('echo_burn', { a: 'no' });
      assert.ok(!JSON.stringify(message).includes('(a+)+'));
      assert.match(text(message), /^\[POLICY DENIED\] /);
    });
  });
}

describe('Z41 references to secrets', () => {
  const recorder = new Recorder({ tools: ['echo'] });
  for (const [what, value] of Object.entries({
    'a star': '${*}', 'two stars': '${**}', '../': '${../KEY}', 'a server\'s name': '${other/KEY}', 'a dot': '${other.KEY}', 'a nested one': '${${KEY}}', 'an open one': '${KEY', empty: '${}', 'a space': '${ KEY }', 'a command': '${$(id)}', 'a default': '${KEY:-x}',
    'a file that is not there': '${file:/nowhere/at/all}',
  })) {
    test(`${what} is refused at the start`, async () => {
      const config = join(scratch, 'warder.json');
      writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', data: join(scratch, 'data'), mcpServers: { a: { ...recorder.entry(), env: { SECRET: value } } } }));
      const { code, stdout, stderr } = await warder(['run', '-c', config], { env: { KEY: 'sesame-sesame' }, timeout: 5000 });
      assert.ok(code === 1 || code === 2, `ended with ${code}: ${stdout}${stderr}`);
      assert.match(stdout + stderr, /mcpServers|SECRET/);
      assert.ok(!(stdout + stderr).includes('sesame'));
    });
  }

  test('a variable reaches its own server alone', async () => {
    const print = (dir) => ({ command: process.execPath, args: ['-e', `require("fs").writeFileSync("${dir}/env.json", JSON.stringify(process.env)); process.stdin.resume()`] });
    const one = mkdtempSync(join(scratch, 'one-'));
    const two = mkdtempSync(join(scratch, 'two-'));
    const gateway = new Gateway({ servers: { one: { ...print(one), env: { MINE: '${KEY}' } }, two: print(two) }, env: { KEY: 'sesame-sesame', LD_PRELOAD_X: 'no', AWS_SECRET_ACCESS_KEY: 'no' } });
    try {
      await gateway.start();
      const read = async (dir) => {
        for (let n = 0; ; n++) {
          try {
            return JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8'));
          } catch (error) {
            if (n > 200) throw error;
            await new Promise((next) => setTimeout(next, 20));
          }
        }
      };
      const [first, second] = [await read(one), await read(two)];
      assert.equal(first.MINE, 'sesame-sesame');
      assert.ok(!JSON.stringify(second).includes('sesame'));
      for (const env of [first, second]) {
        for (const name of Object.keys(env)) assert.match(name, /^(HOME|LOGNAME|USER|PATH|SHELL|LANG|LC_.*|TZ|TERM|TMPDIR|MINE)$/);
      }
    } finally {
      await gateway.close();
    }
  });
});

describe('Z43 documents that are wrong never load', () => {
  const cases = {
    'an unknown key': '{"version":"1","default":"deny","alow":[]}', 'a key of another case': '{"version":"1","Default":"allow"}', null: 'null', 'an array': '[]', empty: '', 'no default': '{"version":"1"}', 'no version': '{"default":"deny"}',
    'default null': '{"version":"1","default":null}', 'tools null': '{"version":"1","default":"deny","tools":null}', 'tools an array': '{"version":"1","default":"deny","tools":[]}', 'a rule null': '{"version":"1","default":"deny","tools":{"a":null}}',
    'a duplicate key': '{"version":"1","default":"deny","default":"allow"}', 'a tool twice': '{"version":"1","default":"deny","tools":{"a":{},"\\u0061":{"action":"deny"}}}', 'an empty name': '{"version":"1","default":"deny","tools":{"":{}}}',
    'an empty any': '{"version":"1","default":"deny","tools":{"a":{"require":[{"conditions":[{"any":[]}]}]}}}', 'an empty all': '{"version":"1","default":"deny","tools":{"a":{"require":[{"conditions":[{"all":[]}]}]}}}',
    'empty conditions of a require': '{"version":"1","default":"deny","tools":{"a":{"require":[{"conditions":[]}]}}}', 'an empty allow-list': '{"version":"1","default":"deny","resources":{"default":"deny","allow":[]}}',
    'an empty list of values': '{"version":"1","default":"deny","tools":{"a":{"require":[{"conditions":[{"path":"args.x","op":"in","value":[]}]}]}}}', 'a byte order mark': '\ufeff{"version":"1","default":"deny"}',
    'a huge number': '{"version":"1","default":"deny","tools":{"a":{"limits":[{"counter":"c","window":"day","max":1e999999999}]}}}', 'a negative limit': '{"version":"1","default":"deny","tools":{"a":{"limits":[{"counter":"c","window":"day","max":-1}]}}}',
    'a limit that is no integer': '{"version":"1","default":"deny","tools":{"a":{"limits":[{"counter":"c","window":"day","max":1.5}]}}}', 'a window of nothing': '{"version":"1","default":"deny","tools":{"a":{"rate_limit":{"max":1,"window":0}}}}',
    'two patterns of one weight': '{"version":"1","default":"deny","tools":{"a*":{},"*a":{"action":"deny"}}}', 'result, which is reserved': '{"version":"1","default":"deny","tools":{"a":{"result":{}}}}', 'a trailing comma': '{"version":"1","default":"deny",}',
    'a comment': '{"version":"1","default":"deny" /* x */}', 'two documents': '{"version":"1","default":"deny"}{"version":"1","default":"allow"}', 'a depth of a thousand': `{"version":"1","default":"deny","tools":{"a":{"require":[{"conditions":[${'{"not":'.repeat(1000)}{}${'}'.repeat(1000)}]}]}}}`,
    'invalid UTF-8': Buffer.from('{"version":"1","default":"deny","description":"\xff"}', 'latin1'),
  };
  for (const [what, content] of Object.entries(cases)) {
    test(what, async () => {
      const file = join(scratch, 'wrong.policy.json');
      writeFileSync(file, content);
      const { code, stdout, stderr } = await warder(['check', file]);
      assert.equal(code, 1, stdout + stderr);
      assert.match(stdout + stderr, /wrong\.policy\.json/);
    });
  }
  test('what is empty and legal means none', async () => {
    const file = join(scratch, 'empty.policy.json');
    writeFileSync(file, '{"version":"1","default":"deny","hide":[],"tools":{"a":{"require":[],"deny_if":[],"limits":[]}},"all_tools":{}}');
    const { code, stdout, stderr } = await warder(['check', file]);
    assert.equal(code, 0, stdout + stderr);
  });
});
