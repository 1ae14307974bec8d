// A limit holds under concurrency: exactly as many calls as it allows reach the server.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { officialClients } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { decision } from '../lib/session.mjs';

const CLIENTS = 64;
const CALLS = 12;
const MAX = 500;

const open = [];
after(async () => {
  for (const one of open) await one.close();
});

for (const window of ['total', 'day']) {
  test(`${CLIENTS} clients with ${CLIENTS * CALLS} calls against a limit of ${MAX} a ${window}`, async () => {
    const recorder = new Recorder({ tools: ['echo'] });
    const limit = { counter: 'echoes', window, max: MAX, scope: 'grant' };
    const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: { version: '1', default: 'deny', tools: { echo: { limits: [limit] } } } }) } });
    open.push(gateway);
    await gateway.start();
    const { token } = await gateway.grant('many', 'recorder');

    const connect = officialClients['sdk 1.32.2'];
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(gateway.endpoint('recorder'), token)));
    const results = (await Promise.all(clients.map(async (client, who) => {
      const mine = [];
      for (let n = 0; n < CALLS; n++) mine.push(await client.callTool({ name: 'echo', arguments: { who, n } }));
      return mine;
    }))).flat();
    await Promise.all(clients.map((client) => client.close()));

    const denied = results.filter((result) => result.isError);
    assert.equal(results.length - denied.length, MAX);
    for (const result of denied) assert.equal(decision({ result }).code, 'rate_limited');

    const calls = recorder.calls();
    assert.equal(calls.length, MAX);
    assert.equal(new Set(calls.map((call) => JSON.stringify(call.arguments))).size, MAX, 'none twice');
    const answered = results.filter((result) => !result.isError).map((result) => result.content[0].text).sort();
    assert.deepEqual(calls.map((call) => JSON.stringify(call.arguments)).sort(), answered);

    await gateway.stop();
    const decisions = (await gateway.audit()).filter((record) => record.kind === 'decision' && record.name === 'echo');
    assert.equal(decisions.filter((record) => record.reason === 'allowed').length, MAX);
  });
}

test('a shared counter over two tools and two servers is one', async () => {
  const recorder = new Recorder({ tools: ['echo', 'echo_b'] });
  const policy = { version: '1', default: 'deny', all_tools: { limits: [{ counter: 'all', window: 'total', max: 20, scope: 'global' }] }, tools: { 'echo*': {} } };
  const gateway = new Gateway({ servers: { one: recorder.entry({ policy }), two: recorder.entry({ policy }) } });
  open.push(gateway);
  await gateway.start();
  const connect = officialClients['client 2.4.0'];
  const clients = await Promise.all(['one', 'two'].map(async (server) => connect(gateway.endpoint(server), (await gateway.grant(server, server)).token)));
  const results = await Promise.all(Array.from({ length: 40 }, (_, n) => clients[n % 2].callTool({ name: n % 4 < 2 ? 'echo' : 'echo_b', arguments: { n } })));
  await Promise.all(clients.map((client) => client.close()));
  assert.equal(results.filter((result) => !result.isError).length, 20);
  assert.equal(recorder.calls().length, 20);
});
