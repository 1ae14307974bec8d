// Every vector through the real gateway to a recorder. After each one comes a call of a tool of its own, mark_N: what the
// server received and what the audit holds between two marks is what that vector caused, byte for byte.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Gateway } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, decision } from '../lib/session.mjs';
import { vectors } from './vectors.mjs';

const mark = (index) => `mark_${String(index).padStart(4, '0')}`;
const recorder = new Recorder({
  tools: ['echo', 'danger', 'secret', ...vectors.map((_, index) => mark(index))], prompts: ['guide'], resources: ['note://one'],
});
const policy = { version: '1', default: 'deny', hide: ['secret'], tools: { echo: {}, 'mark_*': {} } };

let gateway;
let received; // per vector: lines at the server
let decided;  // per vector: records of the audit
let records;
const seen = [];

/** Sends one vector on a session of its own. */
async function attack({ body, headers, version }, token) {
  const session = await Session.open(gateway.endpoint('recorder'), token, version ? { version } : {});
  const started = performance.now();
  try {
    const answer = await session.post(body, { headers: headers ? headers(session.fields()) : session.fields() });
    return { ...answer, took: performance.now() - started };
  } catch (error) {
    return { failed: error.message };
  } finally {
    session.close();
  }
}

/** Cuts a list at the entries that `isMark` gives an index for. */
function segments(list, isMark) {
  const cut = vectors.map(() => []);
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

before(async () => {
  gateway = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  await gateway.start();
  const { token } = await gateway.grant('zoo', 'recorder');
  let marker = await Session.open(gateway.endpoint('recorder'), token);
  await marker.call('echo', { warm: true });
  const preface = recorder.lines().length;
  for (const [index, vector] of vectors.entries()) {
    seen.push(await attack(vector, token));
    await marker.call(mark(index));
  }
  marker.close();
  await gateway.stop();
  received = segments(recorder.lines().slice(preface), (line) => {
    const found = /"name":"mark_(\d{4})"/.exec(line);
    return found ? Number(found[1]) : undefined;
  });
  records = await gateway.audit();
  decided = segments(records.filter((one) => ['decision', 'malformed'].includes(one.kind)).slice(1), (one) => {
    const found = /^mark_(\d{4})$/.exec(one.name ?? '');
    return found ? Number(found[1]) : undefined;
  });
});
after(() => gateway?.close());

for (const [index, { z, title, expect, echo, ends, within }] of vectors.entries()) {
  test(`${z} ${title}`, () => {
    const answer = seen[index];

    // What the server got.
    const lines = received[index];
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
    const kept = decided[index].map((one) => [one.kind, one.reason]);
    assert.deepEqual(kept, expect.record ? [[expect.record, expect.reason]] : []);
    if (expect.name !== undefined) assert.equal(decided[index][0].name, expect.name);
  });
}

test('every admitted call has exactly one outcome', () => {
  const admitted = records.filter((one) => one.kind === 'decision' && one.reason === 'allowed').map((one) => one.id).sort();
  const ended = records.filter((one) => one.kind === 'outcome').map((one) => one.id).sort();
  assert.deepEqual(ended, admitted);
});
