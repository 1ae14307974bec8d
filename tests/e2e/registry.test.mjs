// What the MCP registry lists, as it comes: half of it wrong in every way that is known. Nothing is started here.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { warder } from '../lib/gateway.mjs';
import { makeDump, waysToBeWrong } from '../lib/registry-dump.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-registry-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...path) => join(scratch, ...path);
const dump = makeDump(1000);
const text = JSON.stringify(dump.answer, null, 1);

// Whoever starts something leaves a trace: npx and uvx of our own stand first in PATH.
const bin = at('bin');
mkdirSync(bin);
for (const name of ['npx', 'npm', 'node', 'uvx', 'uv', 'python3']) {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "$0 $*" >> ${at('started')}\nexit 1\n`);
  chmodSync(join(bin, name), 0o755);
}
const env = { PATH: `${bin}:${process.env.PATH}` };
const run = (...args) => warder(['catalog', ...args], { env });
const json = async (...args) => JSON.parse((await run(...args, '--json')).stdout);

/** Faults by the number of their entry: what was said of each. */
function faults(stderr, path) {
  const said = new Map();
  for (const line of stderr.trim().split('\n')) {
    const found = /^(.*?):(\d+): entry (\d+)(?: \((.*?)\))?: (\/servers\/(\d+)\/\S*) (.*); left out$/.exec(line);
    assert.ok(found && found[1] === path, line);
    assert.ok(!said.has(Number(found[6])), `said twice: ${line}`);
    said.set(Number(found[6]), { line: Number(found[2]), entry: Number(found[3]), pointer: found[5], why: found[7] });
  }
  return said;
}

describe('a dump of 1,000 entries, half of them wrong', () => {
  let told;
  before(async () => {
    writeFileSync(at('dump.json'), text);
    told = await run('add', '--json', '--index', at('index.db'), at('dump.json'));
  });

  test('every way of being wrong is in it', () => {
    assert.ok(waysToBeWrong > 120 && dump.wrong.length > 3 * waysToBeWrong);
    assert.equal(dump.right.length + dump.wrong.length, 1000);
  });

  test('each wrong one is named with its line, where in it, and why; no right one is', () => {
    assert.equal(told.code, 1);
    const said = faults(told.stderr, at('dump.json'));
    const lines = text.split('\n');
    for (const { at: index, pointer } of dump.wrong) {
      const fault = said.get(index);
      assert.ok(fault, `nothing was said of ${pointer}: ${JSON.stringify(dump.answer.servers[index])}`);
      assert.equal(fault.pointer, pointer);
      assert.equal(fault.entry, index + 1);
      const member = pointer.split('/').at(-1);
      if (fault.why === 'is missing' || /^\d+$/.test(member)) assert.ok(fault.line >= 1 && fault.line <= lines.length, pointer);
      else assert.ok(lines[fault.line - 1].includes(JSON.stringify(member)), `${pointer}: ${lines[fault.line - 1]}`);
      said.delete(index);
    }
    assert.deepEqual([...said.values()], []);
    assert.deepEqual(JSON.parse(told.stdout), { servers: 500, tools: 0, malformed: 500, superseded: 0 });
    assert.doesNotMatch(told.stderr, /[\u0000-\u0009\u000b-\u001f\u202e]/u);
  });

  test('each right one is in, and a page says so', async () => {
    await run('build', '--index', at('index.db'), at('site'));
    for (const name of dump.right) assert.ok(existsSync(at('site', 'servers', name.replace('/', '~'), 'index.html')), name);
    for (const { at: index } of dump.wrong) {
      const { name } = dump.answer.servers[index].server;
      if (typeof name === 'string' && /^[a-z0-9./-]+$/.test(name) && !name.includes('..')) assert.ok(!existsSync(at('site', 'servers', name.replace('/', '~'))), name);
    }
  });

  test('nothing was started', () => {
    assert.ok(!existsSync(at('started')));
  });

  test('the same again changes nothing, and --from leaves out what is in', async () => {
    assert.deepEqual(await json('add', '--index', at('index.db'), at('dump.json')), { servers: 500, tools: 0, malformed: 500, superseded: 0 });
    const rest = await json('add', '--index', at('index.db'), '--from', '990', at('dump.json'));
    assert.equal(rest.servers + rest.malformed, 10);
  });

  test('as lines of entries it is the same', async () => {
    writeFileSync(at('dump.jsonl'), dump.answer.servers.map((row) => JSON.stringify(row)).join('\n') + '\n');
    const { code, stdout, stderr } = await run('add', '--json', '--index', at('lines.db'), at('dump.jsonl'));
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), { servers: 500, tools: 0, malformed: 500, superseded: 0 });
    const first = dump.wrong.toSorted((a, b) => a.at - b.at)[0];
    assert.ok(stderr.startsWith(`${at('dump.jsonl')}:${first.at + 1}: entry ${first.at + 1}`), stderr.slice(0, 200));
  });
});

test('versions that the registry has newer ones of, and what it withdrew, are left aside', async () => {
  const row = (version, official) => ({ server: { name: 'com.made/one', description: 'One', version, packages: [{ registryType: 'npm', identifier: 'made-one', version, transport: { type: 'stdio' } }] }, _meta: { 'io.modelcontextprotocol.registry/official': official } });
  writeFileSync(at('versions.json'), JSON.stringify({ servers: [row('1.0.0', { status: 'active', isLatest: false }), row('2.0.0', { status: 'active', isLatest: true }), row('0.9.0', { status: 'deleted', isLatest: false })] }));
  assert.deepEqual(await json('add', '--index', at('versions.db'), at('versions.json')), { servers: 1, tools: 0, malformed: 0, superseded: 2 });
});

test('a dump that is cut off is one fault, said once', async () => {
  writeFileSync(at('cut.json'), text.slice(0, text.length / 2));
  const { code, stderr } = await run('add', '--index', at('cut.db'), at('cut.json'));
  assert.equal(code, 1);
  assert.match(stderr, /not JSON/);
});
