// Ways round a limit that an injected agent would try: calls that it takes back, new sessions, other spellings.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision } from '../lib/session.mjs';

const open = [];
after(async () => {
  for (const one of open) await one.close();
});

async function setUp(tools, rules) {
  const recorder = new Recorder({ tools });
  const gateway = new Gateway({ servers: { recorder: recorder.entry({ policy: { version: '1', default: 'deny', tools: rules } }) } });
  open.push(gateway);
  await gateway.start();
  const { token } = await gateway.grant('agent', 'recorder');
  return { recorder, session: () => Session.open(gateway.endpoint('recorder'), token) };
}

test('a call that is cancelled once the server has it stays counted', async () => {
  const { recorder, session } = await setUp(['silent'], { silent: { limits: [{ counter: 'c', window: 'total', max: 3 }], concurrent: 1 } });
  const client = await session();
  const canceller = new Session(client.url, client.token);
  Object.assign(canceller, { id: client.id, version: client.version });
  for (let n = 0; n < 6; n++) {
    const id = client.next;
    const answer = client.rpc('tools/call', { name: 'silent', arguments: { n } });
    if (n < 3) {
      await until(() => recorder.calls().length === n + 1, `call ${n} at the server`);
      await canceller.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    }
    const { message } = await answer;
    assert.equal(n < 3 ? message.error.data.reason : decision(message).code, n < 3 ? 'cancelled' : 'rate_limited');
  }
  assert.equal(recorder.calls().length, 3);
  client.close();
  canceller.close();
});

test('neither new sessions nor other spellings of a value or an amount make room', async () => {
  const { recorder, session } = await setUp(['pay'], {
    pay: { limits: [{ counter: 'spent', window: 'day', max: 100, cost: 'args.amount', scope: 'args.account' }] },
  });
  const spellings = [['7', '60'], ['7.0', '60.0'], ['70e-1', '6e1'], ['7', '4.1e1'], ['0.7e1', '40.000000001'], ['7', '600e-1']];
  for (const [account, amount] of spellings) {
    const client = await session();
    const { message } = await client.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"account":${account},"amount":${amount}}}}`);
    if (account === '7' && amount === '60') assert.ok(!message.result.isError);
    else assert.equal(decision(message).code, 'rate_limited', `${account} ${amount}`);
    client.close();
  }
  const client = await session();
  assert.ok(!(await client.call('pay', { account: 7, amount: 40 })).result.isError, 'exactly what is left');
  assert.equal(recorder.calls().length, 2);
  client.close();
});
