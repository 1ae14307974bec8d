// Limits through the real binary: sliding windows, amounts, arguments, calls in flight, time-outs, child grants, and the
// operator's hand on the counters.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision, text } from '../lib/session.mjs';

const open = [];
after(async () => {
  for (const one of open) await one.close();
});

/** A gateway with one server of these tools under this policy: { gateway, recorder, grant(label) -> session }. */
async function setUp(tools, rules, more = {}) {
  const recorder = new Recorder({ tools });
  const policy = { version: '1', default: 'deny', tools: rules, ...more };
  const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  open.push(gateway);
  await gateway.start();
  const session = (token) => Session.open(gateway.endpoint('recorder'), token);
  return { gateway, recorder, session };
}

const codes = (answers) => answers.map((message) => decision(message)?.code ?? (message.error ? 'error' : 'ok'));
const create = async (gateway, ...args) => JSON.parse(await gateway.command('grant', 'create', ...args));
const limits = async (gateway, ...args) => JSON.parse(await gateway.command('limits', ...args));

test('64 clients against a sliding limit of 100: exactly 100 reach the server', async () => {
  const { gateway, recorder, session } = await setUp(['echo'], {
    echo: { limits: [{ counter: 'echoes', window: 'day', max: 100, algorithm: 'sliding' }] },
  });
  const { token } = await gateway.grant('many', 'recorder');
  const clients = await Promise.all(Array.from({ length: 64 }, () => session(token)));
  const answers = (await Promise.all(clients.map(async (client, who) => {
    const mine = [];
    for (let n = 0; n < 4; n++) mine.push(await client.call('echo', { who, n }));
    client.close();
    return mine;
  }))).flat();
  assert.equal(codes(answers).filter((code) => code === 'ok').length, 100);
  assert.equal(codes(answers).filter((code) => code === 'rate_limited').length, 156);
  assert.equal(recorder.calls().length, 100);

  // After a restart all are remembered, each by its moment.
  await gateway.crash();
  await gateway.start();
  const again = await session(token);
  assert.equal(decision(await again.call('echo')).code, 'rate_limited');
  again.close();
  const { counters } = await limits(gateway, 'show');
  assert.deepEqual(counters.map(({ counter, used, max, sliding }) => [counter, used, max, sliding]), [['echoes', '100', '100', true]]);
});

test('a sliding limit says when its oldest call leaves, and lets one through then', async () => {
  const { gateway, session } = await setUp(['echo'], {
    echo: { limits: [{ counter: 'echoes', window: 3, max: 2, algorithm: 'sliding' }] },
  });
  const client = await session((await gateway.grant('one', 'recorder')).token);
  const begun = Date.now();
  assert.deepEqual(codes([await client.call('echo'), await client.call('echo')]), ['ok', 'ok']);
  const denied = decision(await client.call('echo'));
  if (denied) { // on a machine that took three seconds for two calls there is nothing to see
    assert.equal(denied.code, 'rate_limited');
    assert.equal(denied.limit, 2);
    assert.equal(denied.remaining, 0);
    assert.ok(denied.retry_after_ms > 0 && denied.retry_after_ms <= 3000, `${denied.retry_after_ms}`);
    assert.ok(Date.parse(denied.resets_at) >= begun + 2000);
    await delay(denied.retry_after_ms + 5);
    assert.deepEqual(codes([await client.call('echo')]), ['ok']);
  }
  client.close();
});

test('amounts add up exactly, are never told, and what is no amount is denied', async () => {
  const { gateway, recorder, session } = await setUp(['pay'], {
    pay: { limits: [{ counter: 'spent', window: 'total', max: 0.3, cost: 'args.amount', on_deny: 'Enough spent.' }] },
  });
  const client = await session((await gateway.grant('payer', 'recorder')).token);
  assert.deepEqual(codes([await client.call('pay', { amount: 0.1 }), await client.call('pay', { amount: 0.2 })]), ['ok', 'ok']);
  const full = await client.call('pay', { amount: 0.000000001 });
  assert.equal(decision(full).code, 'rate_limited');
  assert.equal(text(full), '[POLICY DENIED] Enough spent.');
  for (const told of ['limit', 'remaining', 'retry_after_ms', 'resets_at']) assert.ok(!(told in decision(full)), told);
  for (const amount of [0, -1, '0.1', true, null, [1], { value: 1 }, 1e-10, 1e30, undefined]) {
    const answer = await client.call('pay', { amount });
    assert.equal(decision(answer).code, 'invalid_arguments', JSON.stringify(amount));
    assert.equal(decision(answer).rule, '/tools/pay/limits/0');
  }
  client.close();
  assert.equal(recorder.calls().length, 2);
  const { counters } = await limits(gateway, 'show');
  assert.deepEqual([counters[0].used, counters[0].max], ['0.3', '0.3']);
});

test('one counter a value, numbers by value; a reset frees exactly one', async () => {
  const { gateway, session } = await setUp(['mail'], {
    mail: { limits: [{ counter: 'mails', window: 'day', max: 1, scope: 'args.to' }] },
  });
  const client = await session((await gateway.grant('mailer', 'recorder')).token);
  const send = async (...to) => codes(await Promise.all(to.map(async (one) => client.rpc && (await client.call('mail', { to: one })))));
  const one = async (to) => (await send(to))[0];
  for (const to of ['ann', 'bob', 1, '1', true, 'true', '']) assert.equal(await one(to), 'ok', JSON.stringify(to));
  for (const to of ['ann', 'bob', '1', true, 'true', '']) assert.equal(await one(to), 'rate_limited', JSON.stringify(to));
  // JSON's other ways to write the same number do not get round it.
  for (const number of ['1.0', '10e-1', '0.1e1']) {
    const answer = await client.post(`{"jsonrpc":"2.0","id":"n${number}","method":"tools/call","params":{"name":"mail","arguments":{"to":${number}}}}`);
    assert.equal(decision(answer.message).code, 'rate_limited', number);
  }
  for (const to of [null, undefined, ['ann'], { ann: 1 }]) assert.equal(await one(to), 'invalid_arguments', JSON.stringify(to));

  const shown = await limits(gateway, 'show', '--counter', 'mails');
  assert.equal(shown.count, 7);
  assert.deepEqual(shown.counters.map(({ value }) => value), ['""', '"1"', '"ann"', '"bob"', '"true"', '1', 'true']);
  const many = await warder(['limits', 'reset', '--counter', 'mails', '--data', gateway.data]);
  assert.equal(many.code, 1);
  assert.match(many.stderr, /7 counters fit: --yes sets all of them back/);
  assert.equal((await limits(gateway, 'reset', '--counter', 'mails', '--value', 'ann')).reset, 1);
  assert.deepEqual([await one('ann'), await one('ann'), await one('bob')], ['ok', 'rate_limited', 'rate_limited']);

  // A reset is durable when it returns, and recorded with what it forgot.
  assert.equal((await limits(gateway, 'reset', '--counter', 'mails', '--yes')).reset, 7);
  await gateway.crash();
  await gateway.start();
  const later = await session((await gateway.grant('another', 'recorder')).token);
  assert.deepEqual(codes([await later.call('mail', { to: 'bob' }), await later.call('mail', { to: 'bob' })]), ['ok', 'rate_limited']);
  later.close();
  const resets = (await gateway.audit()).filter((record) => record.kind === 'reset');
  assert.deepEqual(resets.map((record) => record.debits.length), [1, 7]);
  assert.equal(resets[0].debits[0].value, '"ann"');
  assert.equal(resets[0].debits[0].cost, '1');
  const none = await warder(['limits', 'reset', '--counter', 'nothing', '--data', gateway.data]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no counter that is in use fits/);
  assert.equal((await warder(['limits', 'reset', '--data', gateway.data])).code, 2);
  client.close();
});

test('each kind of limit is told by its own words: to the agent, by why, explain and limits show', async () => {
  const rules = {
    calls: { limits: [{ counter: 'calls', window: 'day', max: 1 }] },
    by: { limits: [{ counter: 'mails', window: 'day', max: 1, scope: 'args.to' }] },
    sum: { limits: [{ counter: 'spent', window: 'month', max: 10, cost: 'args.amount' }] },
    both: { limits: [{ counter: 'sent', window: 'total', max: 10, cost: 'args.amount', scope: 'args["to"]' }] },
    slides: { limits: [{ counter: 'slides', window: '6h', max: 1, algorithm: 'sliding' }] },
    own: { limits: [{ counter: 'own', window: 'total', max: 1, on_deny: 'No more.' }] },
  };
  const { gateway, session } = await setUp(Object.keys(rules), rules);
  const client = await session((await gateway.grant('one', 'recorder')).token);
  const told = {
    calls: /^\[POLICY DENIED\] The limit of calls is reached\. At most 1 per day\. Try again in \d+ s\.$/,
    by: /^\[POLICY DENIED\] The limit of calls for this args\.to is reached\. At most 1 per day\. Try again in \d+ s\.$/,
    sum: /^\[POLICY DENIED\] With this call the sum of args\.amount would pass its limit\.$/,
    both: /^\[POLICY DENIED\] With this call the sum of args\.amount for this args\["to"\] would pass its limit\.$/,
    slides: /^\[POLICY DENIED\] The limit of calls is reached\. At most 1 in any 6h\. Try again in \d+ s\.$/,
    own: /^\[POLICY DENIED\] No more\. At most 1 in all\.$/,
  };
  const explained = {
    calls: 'counter "calls": at most 1 call per day',
    by: 'counter "mails": at most 1 call per day for each args.to',
    sum: 'counter "spent": at most 10 of args.amount per month; this call takes 7',
    both: 'counter "sent": at most 10 of args.amount in all for each args["to"]; this call takes 7',
    slides: 'counter "slides": at most 1 call in any 6h',
    own: 'counter "own": at most 1 call in all',
  };
  const args = { to: 'ann', amount: 7 };
  for (const tool of Object.keys(rules)) {
    assert.deepEqual(codes([await client.call(tool, args)]), ['ok'], tool);
    const denied = await client.call(tool, args);
    assert.match(text(denied), told[tool]);
    const { id } = decision(denied);
    const why = await until(async () => {
      const { code, stdout } = await warder(['why', id, '--data', gateway.data, '--json']);
      return code === 0 && JSON.parse(stdout);
    }, `the record of ${tool}`);
    assert.equal(why.explanation, tool === 'own' ? 'The limit of calls is reached.' : text(denied).match(/DENIED\] (.*?\.)( At most|$)/)[1]);
    const { stdout } = await warder(['explain', '--policy', `${gateway.dir}/policies/recorder.policy.json`, '--tool', tool, '--args', JSON.stringify(args)]);
    assert.ok(stdout.includes(explained[tool]), `${tool}: ${stdout}`);
  }
  client.close();
  const { counters } = await limits(gateway, 'show');
  const shown = Object.fromEntries(counters.map(({ counter, path, cost, used, max }) => [counter, [path, cost, used, max]]));
  assert.deepEqual(shown, {
    calls: [undefined, undefined, '1', '1'], mails: ['args.to', undefined, '1', '1'], spent: [undefined, 'args.amount', '7', '10'],
    sent: ['args["to"]', 'args.amount', '7', '10'], slides: [undefined, undefined, '1', '1'], own: [undefined, undefined, '1', '1'],
  });
  const people = (await warder(['limits', 'show', '--data', gateway.data])).stdout;
  assert.match(people, /^ {2}mails {2}recorder {2}args\.to "ann" {2}1 of 1 per day {2}free in /m);
  assert.match(people, /^ {2}sent {2}recorder {2}args\["to"\] "ann" {2}7 of 10 \(args\.amount\) in all$/m);
});

test('an answer behind its call\'s time-out is no fault of the server', async () => {
  const { gateway, recorder, session } = await setUp(['sleep', 'act'], { sleep: { timeout: 1 }, act: {} });
  const client = await session((await gateway.grant('one', 'recorder')).token);
  assert.equal((await client.call('sleep', { ms: 1500 })).error.data.reason, 'upstream_timeout');
  await until(() => /info server 'recorder': late answer 1: its call had timed out or was cancelled, so it is dropped/.test(gateway.log), 'the late answer');
  assert.doesNotMatch(gateway.log, /fault/);
  // What answers nothing at all is one.
  await client.call('act', { do: [{ text: '{"jsonrpc":"2.0","id":999999,"result":{}}' }, { text: '{"jsonrpc":"2.0","id":$ID,"result":{}}' }] });
  await until(() => /warn server 'recorder': fault 1: an answer to nothing that is in flight/.test(gateway.log), 'the fault');
  assert.equal(recorder.calls().length, 2);
  const records = await gateway.auditUntil((all) => all.some(({ kind, reason }) => kind === 'outcome' && reason === 'upstream_timeout'));
  assert.equal(records.filter(({ kind }) => kind === 'outcome').length, 2);
  client.close();
});

test('limits are shown and reset without a gateway too', async () => {
  const { gateway, session } = await setUp(['echo'], { echo: { rate_limit: '2/day' } });
  const { id, token } = await gateway.grant('one', 'recorder');
  const client = await session(token);
  await client.call('echo');
  client.close();
  await gateway.stop();
  const { counters } = await limits(gateway, 'show', '--grant', 'one');
  assert.deepEqual(counters.map(({ counter, label, value, used, max }) => [counter, label, value, used, max]), [['echo_rate', 'one', id, '1', '2']]);
  const people = await warder(['limits', 'show', '--data', gateway.data]);
  assert.match(people.stdout, /echo_rate {2}recorder {2}grant one \([0-9a-z]{12}\) {2}1 of 2 per day {2}free in /);
  assert.equal((await limits(gateway, 'reset', '--grant', 'one')).reset, 1);
  assert.equal((await limits(gateway, 'show')).count, 0);
  assert.match((await warder(['limits', 'show', '--grant', 'nobody', '--data', gateway.data])).stderr, /no grant in force has this id or label/);
  assert.match((await warder(['limits', 'show', '--data', gateway.data])).stdout, /No counter holds anything now/);
});

test('no more calls in flight than concurrent says; the next one passes when one ends', async () => {
  const { gateway, recorder, session } = await setUp(['wait_a', 'wait_b'], {
    'wait_*': {}, wait_a: { concurrent: 3 },
  }, { all_tools: { concurrent: 5 } });
  const { token } = await gateway.grant('busy', 'recorder');
  const clients = await Promise.all(Array.from({ length: 16 }, () => session(token)));
  const refused = [];
  const call = async (client, name) => {
    const message = await client.call(name);
    if (decision(message)) refused.push(name);
    return message;
  };
  const under = clients.slice(0, 8).map((client) => call(client, 'wait_a'));
  const other = clients.slice(8).map((client) => call(client, 'wait_b'));
  await until(() => refused.length === 8 && recorder.calls().length === 8, 'eight refused and eight at the server');
  recorder.release();
  const [a, b] = [codes(await Promise.all(under)), codes(await Promise.all(other))];
  assert.deepEqual([a.filter((code) => code === 'ok').length, a.filter((code) => code === 'concurrent').length], [3, 5]);
  assert.deepEqual([b.filter((code) => code === 'ok').length, b.filter((code) => code === 'concurrent').length], [5, 3]);
  assert.equal(recorder.calls().length, 8);
  recorder.hold();
  const again = clients.slice(0, 4).map((client) => call(client, 'wait_a'));
  await until(() => refused.length === 9 && recorder.calls().length === 11, 'one more refused');
  recorder.release();
  const denied = await Promise.all(again);
  assert.deepEqual(codes(denied).sort(), ['concurrent', 'ok', 'ok', 'ok']);
  const one = decision(denied.find((message) => decision(message)));
  assert.equal(one.rule, '/tools/wait_a/concurrent');
  assert.deepEqual([one.limit, one.remaining, 'retry_after_ms' in one], [3, 0, false]);
  for (const client of clients) client.close();
});

test('a call that timed out frees its place; a restart frees all', async () => {
  const { gateway, session } = await setUp(['silent', 'silent_b'], { silent: { concurrent: 1, timeout: 1 }, silent_b: { concurrent: 1, timeout: '1m' } });
  const { id, token } = await gateway.grant('busy', 'recorder');
  const client = await session(token);
  const begun = Date.now();
  const slow = await client.call('silent');
  assert.equal(slow.error.data.reason, 'upstream_timeout');
  assert.ok(Date.now() - begun >= 990, 'not before its time');
  const other = await session(token);
  const pending = client.post({ jsonrpc: '2.0', id: 'c', method: 'tools/call', params: { name: 'silent_b', arguments: {} } }).catch(() => null);
  await until(async () => (await limits(gateway, 'show')).count === 1, 'the call in flight');
  assert.equal(decision(await other.call('silent_b'))?.code, 'concurrent');
  await gateway.crash();
  await pending;
  await gateway.start();
  assert.equal((await limits(gateway, 'show')).count, 0);
  const later = await session(token);
  assert.equal((await later.call('silent')).error.data.reason, 'upstream_timeout');
  assert.equal((await later.call('silent')).error.data.reason, 'upstream_timeout', 'its place is free again');
  const free = later.post({ jsonrpc: '2.0', id: 'd', method: 'tools/call', params: { name: 'silent_b', arguments: {} } }).catch(() => null);
  await until(async () => (await limits(gateway, 'show')).count === 1, 'the call in flight');
  await gateway.revoke(id); // cuts the call
  await free;
  assert.equal((await limits(gateway, 'show')).count, 0);
  for (const one of [client, other, later]) one.close();
});

test('children count in their parents, however many there are', async () => {
  const { gateway, recorder, session } = await setUp(['echo', 'mine'], {
    echo: { limits: [{ counter: 'echoes', window: 'total', max: 10 }, { counter: 'spent', window: 'total', max: 1000, cost: 'args.n' }] },
    mine: { limits: [{ counter: 'by_session', window: 'total', max: 2, scope: 'session' }] },
  });
  const parent = await create(gateway, '--label', 'parent', '--server', 'recorder', '--expires', '1h');
  const children = [];
  for (let i = 0; i < 4; i++) children.push(await create(gateway, '--parent', i % 2 ? parent.id : 'parent', '--label', `child-${i}`));
  const grandchild = await create(gateway, '--parent', 'child-0', '--label', 'grandchild', '--expires', '30d');
  assert.equal(grandchild.expires_ms, parent.expires_ms, 'nobody outlives his parent');
  assert.deepEqual(grandchild.servers, ['recorder']);
  const grants = [parent, ...children, grandchild];
  const clients = await Promise.all(grants.map(({ token }) => session(token)));
  const answers = (await Promise.all(clients.map(async (client) => {
    const mine = [];
    for (let n = 1; n <= 5; n++) mine.push(await client.call('echo', { n }));
    return mine;
  }))).flat();
  assert.equal(codes(answers).filter((code) => code === 'ok').length, 10);
  assert.equal(recorder.calls().length, 10);
  const { counters } = await limits(gateway, 'show', '--grant', 'parent');
  assert.deepEqual(counters.map(({ counter, used }) => [counter, used]),
    [['echoes', '10'], ['spent', String(recorder.calls().reduce((sum, call) => sum + call.arguments.n, 0))]]);
  for (const client of clients.slice(0, 2)) assert.deepEqual(codes([await client.call('mine'), await client.call('mine'), await client.call('mine')]), ['ok', 'ok', 'rate_limited']);

  // kill -9 gives nothing back to anybody.
  await gateway.crash();
  await gateway.start();
  for (const { token } of [parent, grandchild]) {
    const client = await session(token);
    assert.equal(decision(await client.call('echo', { n: 1 })).code, 'rate_limited');
    client.close();
  }
  for (const client of clients) client.close();
});

test('a child is in no way wider than its parent, and ends with it', async () => {
  const { gateway, session } = await setUp(['echo'], { echo: {} });
  const parent = await create(gateway, '--label', 'parent', '--server', 'recorder', '--tag', 'ci', '--unattended');
  const refused = async (...args) => {
    const answer = await warder(['grant', 'create', '--label', 'wide', ...args, '--data', gateway.data]);
    assert.equal(answer.code, 1, answer.stdout);
    return answer.stderr;
  };
  for (const server of ['*', 'other']) assert.match(await refused('--parent', 'parent', '--server', server), /reaches no server that its parent does not/);
  assert.match(await refused('--parent', 'parent', '--tag', 'admin'), /has its parent's tags, no others/);
  assert.match(await refused('--parent', 'nobody'), /no grant in force has this id or label/);
  assert.equal((await warder(['grant', 'create', '--label', 'x', '--data', gateway.data])).code, 2);
  const child = await create(gateway, '--parent', 'parent', '--label', 'child');
  assert.deepEqual([child.tags, child.unattended, child.parent], [['ci'], true, parent.id]);
  let deepest = 'child';
  for (let depth = 2; depth <= 8; depth++) {
    await create(gateway, '--parent', deepest, '--label', `d${depth}`);
    deepest = `d${depth}`;
  }
  assert.match(await refused('--parent', deepest), /too many grants stand above/);
  const list = (await warder(['grant', 'list', '--data', gateway.data])).stdout.split('\n');
  assert.match(list[0], /^[0-9a-z]{12} {2}parent/);
  assert.match(list[1], /^ {2}[0-9a-z]{12} {2}child/);
  assert.match(list[2], /^ {4}[0-9a-z]{12} {2}d2/);

  // A frozen parent freezes its children; a rotated one leaves them alone.
  const client = await session(child.token);
  await gateway.command('freeze', '--grant', 'parent');
  assert.equal(decision(await client.call('echo')).code, 'frozen');
  await gateway.command('thaw', '--grant', 'parent');
  await gateway.command('grant', 'rotate', 'parent');
  assert.deepEqual(codes([await client.call('echo')]), ['ok']);

  await gateway.revoke('parent');
  assert.equal((await client.rpc('tools/call', { name: 'echo', arguments: {} }).catch((error) => ({ status: error.message }))).status, 401);
  await assert.rejects(session(child.token), /401/);
  const revoked = JSON.parse(await gateway.command('grant', 'list')).grants;
  assert.ok(revoked.every((grant) => !grant.live && grant.revoked_ms > 0));
  assert.equal((await gateway.audit()).filter((record) => record.kind === 'revoked').length, 9);
  assert.match(await refused('--parent', parent.id), /the parent is not in force/);
  await gateway.crash();
  await gateway.start();
  await assert.rejects(session(child.token), /401/);
  client.close();
});
