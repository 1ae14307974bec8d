#!/usr/bin/env node
// How long one server that lists very many tools holds up the calls on another one: these go round and round, one at a
// time, and the longest of them are held against their median.
//
//   bench/lists.mjs [--tools 10000] [--page 2500] [--policy allow|recommended]
//
// The list comes twice: at the server's start, and again with every tool another one (not under the recommended policy,
// which does not know the tool that brings this about). In between a client reads it.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Gateway, until } from '../tests/lib/gateway.mjs';
import { entry as large } from '../tests/lib/large-server.mjs';
import { entry as many } from '../tests/lib/many-server.mjs';
import { Session } from '../tests/lib/session.mjs';

const { values } = parseArgs({ options: { tools: { type: 'string', default: '10000' }, page: { type: 'string', default: '2500' }, policy: { type: 'string', default: 'allow' } } });
const count = Number(values.tools);
const allow = { version: '1', default: 'allow' };
const gateway = new Gateway({ servers: {
  many: many(count, { page: Number(values.page), wait: 2000, policy: values.policy === 'allow' ? allow : values.policy }),
  small: large({ isolation: 'server', policy: allow }),
} });

let took = [];
let stop = false;
async function callRound(session) {
  while (!stop) {
    const began = performance.now();
    await session.call('large', {});
    took.push(performance.now() - began);
  }
}

async function measure(what, act) {
  took = [];
  const told = gateway.log.length;
  const began = performance.now();
  await act();
  const all = performance.now() - began;
  const sorted = took.toSorted((a, b) => b - a);
  const turns = [...gateway.log.slice(told).matchAll(/a turn of the loop took (\d+) ms/g)].map(([, ms]) => ms);
  console.log(`${what}: ${all.toFixed(0)} ms, ${sorted.length} calls on the other server, median ${sorted[sorted.length >> 1].toFixed(2)} ms, longest ${sorted.slice(0, 5).map((ms) => ms.toFixed(1)).join(', ')} ms; slow turns as logged: ${turns.join(', ') || 'none'} ms`);
}

await gateway.start();
const { token } = await gateway.grant('bench', 'many', 'small');
const small = await Session.open(gateway.endpoint('small'), token);
const round = callRound(small);
let session;
await measure('idle', () => delay(1000));
await measure('first list', async () => { session = await Session.open(gateway.endpoint('many'), token, { timeout: 60_000 }); });
await measure('a client reads it', async () => {
  for (let cursor; ;) {
    ({ nextCursor: cursor } = (await session.rpc('tools/list', cursor ? { cursor } : {}, { timeout: 60_000 })).message.result);
    if (!cursor) break;
  }
});
if (values.policy === 'allow') {
  await measure('another list', async () => {
    await session.call('turn', { others: 'changed' });
    await until(() => gateway.log.includes('not as accepted'), 'the look at it', 60_000);
  });
}
stop = true;
await round;
small.close();
session.close();
await gateway.close();
