// A site built in steps is the site built at once, whatever changed between: the same changes on every run, made by chance.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { warder } from '../lib/gateway.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-steps-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...path) => join(scratch, ...path);

async function run(...args) {
  const { code, stdout, stderr } = await warder(['catalog', ...args], { timeout: 60_000 });
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const hashes = (folder) => Object.fromEntries(readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => [path.slice(folder.length + 1), createHash('sha256').update(readFileSync(path)).digest('hex')]));

const differing = (a, b) => Object.keys({ ...a, ...b }).filter((path) => a[path] !== b[path]);

let state = 20261121;
const below = (bound) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 4294967296 * bound);
};
const one = (of) => of[below(of.length)];

// Few words, so that tools of many servers are alike, and hints and parameters that move a tool's class and severity.
const tool = () => ({
  name: one([`${one(['get', 'delete', 'run', 'list'])}_${one(['big', 'small', 'old'])}_${one(['job', 'user'])}`, `${one(['get', 'delete'])}${one(['Job', 'User'])}`, 'search', 'run', '日本_語', `x${below(4)}\u202e`]),
  ...texts(),
});
const texts = () => ({
  description: `${one(['Gets', 'Deletes for good', 'Runs any shell command in', 'Pays', 'Lists'])} the ${one(['job', 'user', 'café'])}. ${below(3)}`,
  inputSchema: { type: 'object', properties: Object.fromEntries([one(['id', 'command', 'path', 'url'])].map((key) => [key, { type: 'string' }])) },
  annotations: one([undefined, { readOnlyHint: true }, { destructiveHint: true }]),
});
const unique = (tools) => [...new Map(tools.map((each) => [each.name, each])).values()];
const many = (count) => Array.from({ length: count }, (_, i) => ({ name: `get_part_${i}_job`, inputSchema: { type: 'object' } }));

const servers = new Map();
function change() {
  const name = one(['a', 'b', 'c', 'd.e', 'f', 'g h', 'i/j', 'k', 'l', 'm', '日本', 'Zed']);
  const tools = servers.get(name) ?? [];
  const kinds = {
    more: () => [...tools, tool()],
    fewer: () => tools.filter(() => below(3) > 0),
    other: () => tools.map((each) => (below(3) ? each : { ...each, ...texts() })),
    renamed: () => tools.map((each) => (below(4) ? each : tool())),
    none: () => [],
    same: () => tools,
  };
  return [name, unique(kinds[tools.length < 2 ? 'more' : one(Object.keys(kinds))]())];
}

async function put(name, tools) {
  servers.set(name, tools);
  writeFileSync(at('list.json'), JSON.stringify({ tools }));
  await run('add', '--index', at('index.db'), '--server', name, ...one([[], ['--package', one(['x', 'y'])]]), at('list.json'));
}

test('in twenty-four steps, each compared with the site built from nothing', { timeout: 300_000 }, async () => {
  let made = 0, whole = 0;
  for (const name of 'abcfklm') await put(name, unique([tool(), tool(), tool(), tool()]));
  await put('of many', many(410));
  await run('build', '--index', at('index.db'), at('site'));
  for (let step = 0; step < 24; step++) {
    for (let changes = 1 + below(3); changes > 0; changes--) await put(...change());
    if (step % 10 === 4) await put('of many', many(410 - step));
    made += JSON.parse(await run('build', '--json', '--index', at('index.db'), at('site'))).pages;
    copyFileSync(at('index.db'), at('copy.db'));
    whole += JSON.parse(await run('build', '--json', '--index', at('copy.db'), at('whole'))).pages;
    assert.deepEqual(differing(hashes(at('site')), hashes(at('whole'))), [], `step ${step}`);
    rmSync(at('whole'), { recursive: true });
  }
  assert.ok(made < whole / 2, `${made} pages made of ${whole}`);
});
