// The index that comes with warder: all of it is read, it holds no text of others, and the script that makes it goes on
// where it was interrupted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { binary, root, warder } from '../lib/gateway.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-index-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const folder = join(root, 'catalog/tools');
const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort();
const lines = (path) => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const servers = names.map((name) => ({ name, lines: lines(join(folder, name)) }));

describe('the bundled index', { concurrency: false }, () => {
  const index = join(scratch, 'bundled.db');

  test('is read whole, offline, and written again it is the same', async () => {
    const tools = servers.reduce((sum, { lines }) => sum + lines.length - 1, 0);
    const added = await warder(['catalog', 'add', '--bundled', '--index', index, '--json'], { timeout: 60_000 });
    assert.equal(added.code, 0, added.stderr);
    assert.deepEqual(JSON.parse(added.stdout), { servers: servers.length, tools, malformed: 0, superseded: 0 });
    const again = join(scratch, 'again');
    const exported = await warder(['catalog', 'export', again, '--index', index], { timeout: 60_000 });
    assert.equal(exported.code, 0, exported.stderr);
    assert.deepEqual(readdirSync(again).sort(), names);
    for (const name of names) assert.equal(readFileSync(join(again, name), 'utf8'), readFileSync(join(folder, name), 'utf8'), name);
  });

  test('can be searched, and its pages say what is known', async () => {
    const found = await warder(['catalog', 'search', 'cancel', 'export', 'job', '--index', index, '--json']);
    assert.ok(JSON.parse(found.stdout).tools.some(({ server, tool, class: of }) => server === 'iterable' && tool === 'cancel_export_job' && of === 'Destructive'), found.stdout);
    const site = join(scratch, 'site');
    const one = join(scratch, 'one.db');
    for (const name of ['iterable', 'aws-healthomics']) {
      const added = await warder(['catalog', 'add', '--index', one, join(folder, `${name}.jsonl`)]);
      assert.equal(added.code, 0, added.stderr);
    }
    const built = await warder(['catalog', 'build', site, '--index', one], { timeout: 60_000 });
    assert.equal(built.code, 0, built.stderr);
    const page = readFileSync(join(site, 'servers/iterable/cancel_export_job.html'), 'utf8');
    assert.match(page, /This index knows the description of <code>cancel_export_job<\/code> by its digest/);
    assert.doesNotMatch(page, /no description/);
    assert.match(page, /“cancel_export_job”/);
    assert.match(page, /jobId/);
    assert.ok(existsSync(join(site, 'servers/aws-healthomics/startahoreadsetexportjob.html')));
  });

  test('a second time it changes nothing, and a tool that went is gone', async () => {
    const half = join(scratch, 'memory.jsonl');
    const of = readFileSync(join(folder, 'memory.jsonl'), 'utf8').trimEnd().split('\n');
    writeFileSync(half, `${of.slice(0, 3).join('\n')}\n`);
    assert.equal((await warder(['catalog', 'add', '--index', index, half])).code, 0);
    const out = join(scratch, 'half');
    assert.equal((await warder(['catalog', 'export', out, '--index', index], { timeout: 60_000 })).code, 0);
    assert.equal(lines(join(out, 'memory.jsonl')).length, 3);
  });

  test('the servers that people ask for first are in it', () => {
    const packages = new Map(servers.map(({ lines: [head] }) => [head.package, head]));
    assert.ok(servers.length >= 64, `${servers.length} servers`);
    assert.equal(packages.get('@iterable/mcp').tools, 118);
    assert.equal(packages.get('awslabs.aws-api-mcp-server').tools, 2);
    assert.equal(packages.get('awslabs.timestream-for-influxdb-mcp-server').tools, 26);
    assert.equal(packages.get('awslabs.aws-healthomics-mcp-server').tools, 73);
  });

  test('every file is sorted, dated, and says what it is of', () => {
    for (const { name, lines: [head, ...tools] } of servers) {
      assert.deepEqual(Object.keys(head), ['facts', 'server', 'registry', 'package', 'version', 'scanned', 'tools'], name);
      assert.equal(`${head.server}.jsonl`, name);
      assert.match(head.registry, /^(npm|pypi)$/);
      assert.match(head.version, /^\d+\.\d/);
      assert.match(head.scanned, /^\d{4}-\d\d-\d\d$/);
      assert.equal(head.tools, tools.length, name);
      const order = tools.map(({ tool }) => Buffer.from(tool));
      for (let i = 1; i < order.length; i++) assert.ok(Buffer.compare(order[i - 1], order[i]) < 0, `${name}: ${order[i]}`);
    }
  });

  // Whatever its reader accepts: the words that a verdict quotes, names, and nothing else that others wrote.
  test('it holds no text of others', () => {
    const allowed = ['tool', 'description', 'parameters', 'required', 'closed', 'annotations', 'class', 'severity', 'reason', 'confidence', 'evidence', 'signals', 'contradiction'];
    const type = /^(any|(string|integer|number|boolean|object|array|null|(string|integer|number|boolean|object|null)\[\])(\|(integer|number|boolean|object|array|null|(string|integer|number|boolean|object|null)\[\]))*)$/;
    for (const { name, lines: [, ...tools] } of servers) {
      for (const tool of tools) {
        const where = `${name}: ${tool.tool}`;
        assert.deepEqual(Object.keys(tool).filter((key) => !allowed.includes(key)), [], where);
        assert.doesNotMatch(tool.tool, /\s/, where);
        assert.match(tool.description ?? `sha256:${'0'.repeat(64)}`, /^sha256:[0-9a-f]{64}$/, where);
        for (const [parameter, of] of Object.entries(tool.parameters ?? {})) {
          assert.ok(parameter.length <= 80, `${where}: ${parameter}`);
          assert.match(of, type, `${where}: ${parameter}`);
        }
        for (const [hint, value] of Object.entries(tool.annotations ?? {})) {
          assert.match(hint, /^(readOnly|destructive|idempotent|openWorld)Hint$/, where);
          assert.equal(typeof value, 'boolean', where);
        }
        for (const { source, words } of tool.evidence) {
          if (source === 'name' || source === 'title') assert.ok(words.length <= 80, `${where}: ${words}`);
          else assert.ok(words.split(/\s+/).length <= 6 && words.length <= 80, `${where}: ${source}: ${words}`);
        }
      }
    }
  });

  test('a file that says more is not taken', async () => {
    const bad = join(scratch, 'bad.jsonl');
    const of = readFileSync(join(folder, 'fetch.jsonl'), 'utf8').trimEnd().split('\n');
    const more = { ...JSON.parse(of[1]), text: 'Fetches a URL' };
    writeFileSync(bad, `${of[0]}\n${JSON.stringify(more)}\n`);
    const added = await warder(['catalog', 'add', '--index', join(scratch, 'bad.db'), bad]);
    assert.equal(added.code, 1);
    assert.match(added.stderr, /bad\.jsonl:2: entry 2 \(fetch\): it holds what is no fact of a tool; left out/);
    assert.match(added.stdout, /1 server, 0 tools; 1 left out\./);
    writeFileSync(bad, of[1]);
    assert.equal((await warder(['catalog', 'add', '--index', join(scratch, 'bad2.db'), bad])).code, 1);
    const { class: was, severity, ...deed } = { ...JSON.parse(of[1]), tool: 'delete_all_users' };
    writeFileSync(bad, `${of[0]}\n${JSON.stringify({ ...deed, class: was, severity })}\n${JSON.stringify({ ...deed, tool: 'delete_user', class: 'Destructive', severity: 'high' })}\n`);
    const lie = await warder(['catalog', 'add', '--index', join(scratch, 'lie.db'), bad]);
    assert.equal(was, 'Read');
    assert.match(lie.stderr, /bad\.jsonl:2: entry 2 \(delete_all_users\): it is said to be less than its name shows; left out/);
    assert.match(lie.stdout, /1 server, 1 tool; 1 left out\./);
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    const none = await warder(['catalog', 'add', '--index', join(scratch, 'none.db'), empty]);
    assert.match(none.stderr, /a folder without a \.jsonl or \.json file/);
    const nothing = await warder(['catalog', 'add', '--index', join(scratch, 'none.db')]);
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /it takes a FILE, or --bundled/);
  });
});

// The registries' clients are stood in for: what they are asked for is written down, and what they install is a server of
// the tests'.
describe('script/scan-registry-servers', () => {
  const home = join(scratch, 'script');
  const asked = join(home, 'asked');
  const server = `#!${process.execPath}
    const { appendFileSync, existsSync, readFileSync } = require('node:fs');
    const settings = process.env.HOME + '/.of/one/settings';
    appendFileSync(${JSON.stringify(join(home, 'environment'))}, Object.keys(process.env).sort().join(' ') + ' HOME=' + process.env.HOME + '\\n');
    if (existsSync(settings)) appendFileSync(${JSON.stringify(join(home, 'settings'))}, readFileSync(settings));
    if (process.argv[2] === 'never') setInterval(() => {}, 1000);
    else if (process.argv[2] === 'ends') process.exit(3);
    else require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line);
      const results = {
        initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } },
        'tools/list': { tools: process.argv[2] === 'none' ? [] : [{ name: 'delete_account', description: 'Deletes the account for good.', inputSchema: { type: 'object', properties: { id: { type: 'string', description: 'which one' } }, required: ['id'] } }] },
      };
      if (id !== undefined) console.log(JSON.stringify(results[method] ? { jsonrpc: '2.0', id, result: results[method] } : { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }));
    });`;

  function prepare(rows) {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(join(home, 'catalog'), { recursive: true });
    mkdirSync(join(home, 'bin'));
    writeFileSync(join(home, 'catalog/servers.txt'), rows);
    writeFileSync(join(home, 'server.js'), server);
    chmodSync(join(home, 'server.js'), 0o755);
    // npm install … NAME@VERSION, in the folder where it is to be
    writeFileSync(join(home, 'bin/npm'), `#!/bin/bash
      for word; do case $word in *-server@*) package=$word ;; esac; done
      printf '%s\\n' "$*" >>${asked}
      [[ $package != broken-server@* ]] || exit 1
      mkdir -p "node_modules/\${package%@*}" node_modules/.bin
      printf '{\\n  "name": "%s",\\n  "version": "1.2.3",\\n  "bin": "x"\\n}\\n' "\${package%@*}" >"node_modules/\${package%@*}/package.json"
      ln -s ${join(home, 'server.js')} "node_modules/.bin/\${package%@*}"\n`);
    chmodSync(join(home, 'bin/npm'), 0o755);
    writeFileSync(asked, '');
  }
  const run = (...args) => new Promise((done) => {
    const env = { ...process.env, PATH: `${join(home, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}`, WARDER: binary, WARDER_CATALOG: join(home, 'catalog'), WARDER_SCANS: join(home, 'work'), SECRET_OF_THE_USER: 'x', UV: 'none' };
    execFile(join(root, 'script/scan-registry-servers'), args, { env, timeout: 120_000 }, (error, stdout, stderr) => done({ code: error?.code ?? 0, out: stdout + stderr }));
  });
  const fact = (name) => lines(join(home, 'catalog/tools', `${name}.jsonl`));

  test('lists, pins, records what could not be, and goes on where it was', { timeout: 120_000 }, async () => {
    prepare('# a remark\n\none npm one-server latest KEY=x -\ntwo npm @of/two-server 1.2.3 two-server\nbroken npm broken-server 4.0.0 -\nends npm ends-server 1.2.3 - ends\n'.replace('@of/two-server', 'two-server'));
    const first = await run();
    assert.equal(first.code, 0, first.out);
    assert.deepEqual(fact('one').map(({ tool, class: of }) => [tool, of]), [[undefined, undefined], ['delete_account', 'Destructive']]);
    assert.equal(fact('one')[0].version, '1.2.3');
    assert.deepEqual(fact('one')[1].parameters, { id: 'string' });
    assert.doesNotMatch(readFileSync(join(home, 'catalog/tools/one.jsonl'), 'utf8'), /for good|which one/);
    assert.match(readFileSync(join(home, 'catalog/servers.txt'), 'utf8'), /^# a remark\n\none npm one-server 1\.2\.3 KEY=x -$/m);
    assert.match(readFileSync(join(home, 'catalog/unlisted.txt'), 'utf8'),
      /^broken npm broken-server 4\.0\.0 \d{4}-\d\d-\d\d: its registry.s client does not install it as it is\nends npm ends-server 1\.2\.3 \d{4}-\d\d-\d\d: started without its service: it ended with status 3\n$/);
    assert.equal(readFileSync(asked, 'utf8').trim().split('\n').length, 4);
    assert.ok(readFileSync(asked, 'utf8').split('\n').filter(Boolean).every((line) => line.includes('--ignore-scripts')));

    const environment = readFileSync(join(home, 'environment'), 'utf8');
    assert.doesNotMatch(environment, /SECRET_OF_THE_USER/);
    assert.match(environment, /KEY/);
    assert.doesNotMatch(environment, new RegExp(`HOME=${process.env.HOME}$`, 'm'));
    assert.deepEqual(readdirSync(join(home, 'work')).filter((name) => /^(one|judge)\./.test(name)), []);

    // As after an interruption: only what is missing is done.
    rmSync(join(home, 'catalog/tools/two.jsonl'));
    writeFileSync(asked, '');
    const second = await run();
    assert.equal(second.code, 0, second.out);
    assert.deepEqual(readFileSync(asked, 'utf8').match(/\S+-server@\S+/g), ['two-server@1.2.3']);
    assert.equal(fact('two').length, 2);

    // Another version in the table is another server to list.
    const table = join(home, 'catalog/servers.txt');
    writeFileSync(table, readFileSync(table, 'utf8').replace('broken-server 4.0.0', 'mended-server 1.2.3'));
    writeFileSync(asked, '');
    assert.equal((await run()).code, 0);
    assert.deepEqual(readFileSync(asked, 'utf8').match(/\S+-server@\S+/g), ['mended-server@1.2.3']);
    assert.doesNotMatch(readFileSync(join(home, 'catalog/unlisted.txt'), 'utf8'), /^broken/m);

    // Judged anew from the lists that were kept: nothing is installed.
    const before = readFileSync(join(home, 'catalog/tools/one.jsonl'), 'utf8');
    writeFileSync(join(home, 'catalog/tools/one.jsonl'), '');
    writeFileSync(asked, '');
    assert.equal((await run('--judge')).code, 0);
    assert.equal(readFileSync(asked, 'utf8'), '');
    assert.equal(readFileSync(join(home, 'catalog/tools/one.jsonl'), 'utf8'), before);
  });

  test('a file of its row is in the home of its server, and nowhere else', { timeout: 60_000 }, async () => {
    prepare('one npm one-server 1.2.3 home/.of/one/settings=[first%20part]%0Akey=a=b -\nup npm up-server 1.2.3 home/.of/../../up=x -\n');
    const result = await run();
    assert.equal(readFileSync(join(home, 'settings'), 'utf8'), '[first part]\nkey=a=b\n', result.out);
    assert.equal(fact('one').length, 2);
    assert.match(readFileSync(join(home, 'catalog/unlisted.txt'), 'utf8'), /^up .* home\/\.of\/\.\.\/\.\.\/up names no file of its home\n$/);
  });

  test('a server that lists no tool without its service is not listed', { timeout: 60_000 }, async () => {
    prepare('one npm one-server 1.2.3 - none\n');
    assert.equal((await run()).code, 0);
    assert.match(readFileSync(join(home, 'catalog/unlisted.txt'), 'utf8'), /^one .*: it lists no tool\n$/);
    assert.deepEqual(readdirSync(join(home, 'catalog/tools')), []);
  });

  test('a row that is wrong is named, and the others are done', { timeout: 60_000 }, async () => {
    prepare('Bad npm bad-server 1.2.3 -\nrust cargo rust-server 1.2.3 -\nshort npm short-server\none npm one-server 1.2.3 -\n');
    const result = await run();
    assert.equal(result.code, 1);
    assert.match(result.out, /Bad: a name is made of/);
    assert.match(result.out, /rust: its registry is npm or pypi/);
    assert.match(result.out, /short: its row is name, registry/);
    assert.equal(fact('one').length, 2);
    assert.match((await run('nobody')).out, /has no row nobody/);
    assert.match((await run('--jobs', '0')).out, /--jobs takes 1 to 9/);
  });
});
