// Every vector through the real gateway to a recorder, in both eras and over both transports. After each one comes a call
// of a tool of its own, mark_N: what the server received and what the audit holds between two marks is what that vector
// caused, byte for byte.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway } from '../lib/gateway.mjs';
import { decision } from '../lib/session.mjs';
import { pairs } from './eras.mjs';
import { vectors as all } from './vectors.mjs';

const mark = (index) => `mark_${String(index).padStart(4, '0')}`;
const config = { tools: ['echo', 'danger', 'secret', ...all.map((_, index) => mark(index))], prompts: ['guide'], resources: ['note://one'] };
const policy = { version: '1', default: 'deny', hide: ['secret'], tools: { echo: {}, 'mark_*': {} } };
const runs = pairs.map((pair) => ({ ...pair, make: pair.recorder, vectors: pair.vectors(all) }));

let gateway;
let records;

/** Sends one vector on a session, or at least a connection, of its own. */
async function attack(run, { body, headers, version }, token) {
  const client = await run.open(gateway.endpoint(run.name), token, version ? { version } : {});
  const fields = run.fields(client, body);
  const started = performance.now();
  try {
    const answer = await client.post(body, { headers: headers ? headers(fields) : fields });
    return { ...answer, took: performance.now() - started };
  } catch (error) {
    return { failed: error.message };
  } finally {
    client.close();
  }
}

/** Cuts a list at the entries that `isMark` gives an index for. */
function segments(count, list, isMark) {
  const cut = Array.from({ length: count }, () => []);
  let open = [];
  for (const entry of list) {
    const index = isMark(entry);
    if (index === undefined) open.push(entry);
    else {
      cut[index] = open;
      open = [];
    }
  }
  return cut;
}

/** All vectors of one run: what was answered, and what the server got for each. */
async function attackAll(run, token) {
  const marker = await run.open(gateway.endpoint(run.name), token);
  await marker.call('echo', { warm: true });
  const preface = run.recorder.lines().length;
  run.seen = [];
  for (const [index, vector] of run.vectors.entries()) {
    run.seen.push(await attack(run, vector, token));
    await marker.call(mark(index));
  }
  marker.close();
  run.received = segments(run.vectors.length, run.recorder.lines().slice(preface), (line) => {
    const found = /"name":"mark_(\d{4})"/.exec(line);
    return found ? Number(found[1]) : undefined;
  });
}

before(async () => {
  await Promise.all(runs.map(async (run) => { run.recorder = await run.make(config); }));
  gateway = new Gateway({ servers: Object.fromEntries(runs.map((run) => [run.name, run.recorder.entry({ policy })])) });
  await gateway.start();
  const { token } = await gateway.grant('zoo', '*');
  await Promise.all(runs.map((run) => attackAll(run, token)));
  await gateway.stop();
  records = await gateway.audit();
  for (const run of runs) {
    const mine = records.filter((one) => one.server === run.name && ['decision', 'malformed'].includes(one.kind));
    run.decided = segments(run.vectors.length, mine.slice(1), (one) => {
      const found = /^mark_(\d{4})$/.exec(one.name ?? '');
      return found ? Number(found[1]) : undefined;
    });
  }
});
after(async () => {
  await gateway?.close();
  for (const run of runs) run.recorder.remove();
});

for (const run of runs) {
  describe(`${run.era} over ${run.back}`, () => {
    for (const [index, { z, title, expect, echo, ends, within }] of run.vectors.entries()) {
      test(`${z} ${title}`, () => {
        const answer = run.seen[index];

        // What the server got.
        const lines = run.received[index];
        if (expect.wire === undefined) assert.deepEqual(lines, [], 'nothing reaches the server');
        else {
          assert.equal(lines.length, 1);
          const [, id, rest] = /^\{"jsonrpc":"2\.0","id":(\d+),(.*)$/s.exec(lines[0]) ?? [];
          assert.equal(rest, expect.wire.replace('"progressToken":ID', `"progressToken":${id}`));
        }

        // What the client was told. A body above the ceiling may be cut off instead.
        if (answer.failed && ends) return;
        assert.equal(answer.failed, undefined);
        assert.equal(answer.status, expect.status, answer.body.slice(0, 300));
        if (expect.code !== undefined) {
          assert.equal(answer.message.error?.code, expect.code, answer.body.slice(0, 300));
        } else if (expect.decision) {
          assert.equal(decision(answer.message)?.code, expect.decision, answer.body.slice(0, 300));
        } else if (expect.reason === 'allowed') {
          assert.ok(answer.message.result && !answer.message.result.isError, answer.body.slice(0, 300));
        }
        if (echo !== undefined) assert.ok(answer.body.includes(`"id":${echo}`), answer.body.slice(0, 300));
        if (within !== undefined) assert.ok(answer.took < within, `${answer.took} ms`);

        // What the audit holds.
        const kept = run.decided[index].map((one) => [one.kind, one.reason]);
        assert.deepEqual(kept, expect.record ? [[expect.record, expect.reason]] : []);
        if (expect.name !== undefined) assert.equal(run.decided[index][0].name, expect.name);
      });
    }
  });
}

test('every admitted call has exactly one outcome', () => {
  const admitted = records.filter((one) => one.kind === 'decision' && one.reason === 'allowed').map((one) => one.id).sort();
  const ended = records.filter((one) => one.kind === 'outcome').map((one) => one.id).sort();
  assert.deepEqual(ended, admitted);
});
