// What a hostile or broken server says: nothing of it passes that the gateway did not parse, and the call has its outcome.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, text } from '../lib/session.mjs';
import { eras } from './eras.mjs';

const allow = { version: '1', default: 'allow', hide: ['secret'] };

for (const era of Object.keys(eras)) {
  describe(`answers, ${era}`, () => {
    const recorder = new Recorder({ tools: ['echo', 'act', 'sleep', 'secret'], era });
    let gateway;
    let session;
    before(async () => {
      gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: allow, timeout: '2s' }) } });
      await gateway.start();
      session = await eras[era].open(gateway.endpoint('recorder'), (await gateway.grant('answers', 'recorder')).token);
    });
    after(async () => {
      session?.close();
      await gateway?.close();
    });

    const good = (label) => `{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"${label}"}]}}`;
    const GOOD = [{ text: good('good') }];
    /** The call's one outcome, as recorded. */
    const outcome = async (message) => {
      const mine = (one) => one.kind === 'outcome';
      const records = await gateway.auditUntil((all) => all.filter(mine).length >= counted);
      assert.equal(records.filter(mine).length, counted);
      return records.filter(mine).at(-1).outcome;
    };
    let counted = 0;

    /** The server does `steps`; the client must see `expect`: text, or the reason of an error; and the record `how`. */
    function answers(z, title, steps, { says, reason, how, whole }) {
      test(`${z} ${title}`, async () => {
        const answer = await session.rpc('tools/call', { name: 'act', arguments: { do: steps } });
        counted++;
        if (says !== undefined) assert.equal(text(answer.message), says, answer.body);
        if (reason !== undefined) assert.match(answer.message.error?.data?.reason ?? '', reason, answer.body);
        if (whole !== undefined) assert.ok(answer.body.includes(whole), answer.body);
        assert.equal(answer.messages.length, 1);
        assert.equal(await outcome(), how);
        assert.equal(text(await session.call('echo', { after: z })), `{"after":"${z}"}`, 'the next call works');
        counted++;
        await outcome();
      });
    }

    answers('Z11', 'a byte order mark before the answer', [{ text: `\ufeff${good('marked')}` }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z33', 'a line that is no JSON, then the answer', [{ text: 'Listening on stdio ...' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z33', 'bytes that are no UTF-8, then the answer', [{ hex: '7bfffe80220a' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z33', 'nothing but lines that are no JSON', [{ text: 'nonsense' }, { text: '[1,2' }], { reason: /^upstream_timeout$/, how: 'unknown' });
    answers('Z34', 'CR LF, empty lines, white space around', [{ hex: '0d0a0a' }, { text: `  ${good('good')} \r` }], { says: 'good', how: 'ok' });
    answers('Z34', 'an event stream\'s words on a pipe are no message', [{ text: 'data: {"jsonrpc":"2.0","method":"x"}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z34', 'two answers in one write', [{ text: `${good('good')}\n{"jsonrpc":"2.0","id":987654,"result":{}}` }], { says: 'good', how: 'ok' });
    answers('Z35', 'an id that nobody has', [{ text: '{"jsonrpc":"2.0","id":999999,"result":{"content":[]}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z35', 'the id as a string', [{ text: '{"jsonrpc":"2.0","id":"$ID","result":{"content":[{"type":"text","text":"wrong"}]}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z35', 'an answer twice: the first', [{ text: good('good') }, { text: good('second') }], { says: 'good', how: 'ok' });
    answers('Z35', 'an error, then a result: the error', [{ text: '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"no"}}' }, ...GOOD], { whole: '"code":-32000', how: 'rpc_error' });
    answers('Z35', 'a result, then an error: the result', [...GOOD, { text: '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"no"}}' }], { says: 'good', how: 'ok' });
    answers('Z36', 'result and error at once', [{ text: '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]},"error":{"code":1,"message":"x"}}' }], { reason: /^upstream_malformed$/, how: 'unknown' });
    answers('Z36', 'neither result nor error', [{ text: '{"jsonrpc":"2.0","id":$ID}' }], { reason: /^upstream_malformed$/, how: 'unknown' });
    answers('Z36', 'a result that is no object', [{ text: '{"jsonrpc":"2.0","id":$ID,"result":[1]}' }], { reason: /^upstream_malformed$/, how: 'unknown' });
    answers('Z36', 'a duplicate key in the result', [{ text: '{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"isError":true,"isError":false}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z36', 'an error without a code', [{ text: '{"jsonrpc":"2.0","id":$ID,"error":{"message":"x"}}' }], { reason: /^upstream_malformed$/, how: 'unknown' });
    answers('Z36', 'an unknown member', [{ text: '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]},"extra":1}' }], { reason: /^upstream_malformed$/, how: 'unknown' });
    answers('Z16', 'a batch from the server', [{ text: `[${good('batched')}]` }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z24', 'a request of the server\'s own', [{ text: '{"jsonrpc":"2.0","id":77,"method":"sampling/createMessage","params":{"messages":[]}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z24', 'roots/list and elicitation/create', [{ text: '{"jsonrpc":"2.0","id":78,"method":"roots/list"}' }, { text: '{"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z24', 'notifications that nobody asked for', [{ text: '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}' }, { text: '{"jsonrpc":"2.0","method":"notifications/unheard-of"}' },
      { text: '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}' }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z38', 'an answer nested 65 deep', [{ text: `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"a":${'['.repeat(63)}${']'.repeat(63)}}}` }, ...GOOD], { says: 'good', how: 'ok' });
    answers('Z34', 'a carriage return does not end a message', [{ text: `{"jsonrpc":"2.0",\r"id":$ID,\r"result":{"content":[{"type":"text","text":"good"}]}}` }], { says: 'good', how: 'ok' });
    answers('Z34', 'an answer that ends in the middle', [{ hex: Buffer.from('{"jsonrpc":"2.0","id":').toString('hex') }, { exit: 0 }], { reason: /^upstream_closed$/, how: 'unknown' });

    test(`Z24 a server's request is answered with an error, once; not at all where it may not ask`, () => {
      const answers = recorder.lines().filter((line) => /^\{"jsonrpc":"2\.0","id":(77|78|"e"),"error"/.test(line));
      assert.equal(answers.length, era === 'legacy' ? 3 : 0, answers.join('\n'));
      for (const line of answers) assert.equal(JSON.parse(line).error.code, -32601);
    });

    test('Z35 answers in another order than the calls find their callers', async () => {
      const others = await Promise.all([0, 1, 2, 3].map(() => eras[era].open(gateway.endpoint('recorder'), session.token)));
      const texts = await Promise.all(others.map((one, n) => one.call('sleep', { ms: 400 - 100 * n }).then(text)));
      counted += 4;
      assert.deepEqual(texts, ['slept 400', 'slept 300', 'slept 200', 'slept 100']);
      for (const one of others) one.close();
    });

    test('Z20 an id in flight is not used twice', { skip: era !== 'legacy' && 'ids are a session\'s' }, async () => {
      const twin = new Session(gateway.endpoint('recorder'), session.token);
      twin.id = session.id;
      twin.version = session.version;
      const before = recorder.calls().length;
      const call = (ms) => ({ jsonrpc: '2.0', id: 'same', method: 'tools/call', params: { name: 'sleep', arguments: { ms } } });
      const first = session.post(call(600));
      await until(() => recorder.calls().length > before, 'the call at the server');
      const second = await twin.post(call(1));
      assert.equal(second.message.error?.code, -32600, second.body);
      assert.equal(text((await first).message), 'slept 600');
      assert.equal(text((await twin.post(call(2))).message), 'slept 2', 'and is free again afterwards');
      assert.equal(recorder.calls().length, before + 2);
      twin.close();
    });
  });
}

describe('lists', () => {
  async function listed(config, policy = allow) {
    const recorder = new Recorder(config);
    const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
    try {
      await gateway.start();
      const session = await Session.open(gateway.endpoint('recorder'), (await gateway.grant('lists', 'recorder')).token);
      return { recorder, gateway, session };
    } catch (error) {
      await gateway.close();
      throw error;
    }
  }
  const done = async ({ session, gateway, recorder }) => {
    session.close();
    await gateway.close();
    recorder.remove();
  };

  test('Z37 a name listed twice is not there at all', async () => {
    const set = await listed({ mode: 'duplicates', tools: ['twice', 'once'] });
    assert.deepEqual(await set.session.tools(), ['once']);
    assert.match((await set.session.call('twice')).error.message, /^Unknown tool/);
    assert.deepEqual(set.recorder.calls(), []);
    await done(set);
  });

  test('Z37 pages are put together', async () => {
    const tools = ['a', 'b', 'c', 'd', 'e'];
    const set = await listed({ mode: 'paged', tools });
    assert.deepEqual(await set.session.tools(), tools);
    await done(set);
  });

  test('Z37 a $ref is only text', async () => {
    const refs = { type: 'object', properties: { a: { $ref: '#/properties/a' }, b: { $ref: 'http://127.0.0.1:9/schema.json' }, c: { $ref: 'file:///etc/passwd' } } };
    const set = await listed({ tools: [{ name: 'echo', description: 'refers', inputSchema: refs }] });
    const { result } = (await set.session.rpc('tools/list')).message;
    assert.deepEqual(result.tools[0].inputSchema, refs);
    assert.equal(text(await set.session.call('echo', { a: 1 })), '{"a":1}');
    await done(set);
  });

  test('Z37 a tool whose definition is none, beside one that is', async () => {
    const set = await listed({ tools: ['echo', { name: '', inputSchema: {} }, { name: 7 }, { inputSchema: {} }, { name: 'odd name', inputSchema: { type: 'object' } }, { name: 'x'.repeat(200), inputSchema: { type: 'object' } }] });
    const names = await set.session.tools();
    assert.ok(names.includes('echo'));
    for (const name of names) assert.ok(typeof name === 'string' && name !== '');
    await done(set);
  });
});
