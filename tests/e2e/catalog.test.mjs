// The catalogue: an index of real tools, and the site that is made of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { warder } from '../lib/gateway.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-catalog-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const program = fileURLToPath(new URL('../node_modules/@iterable/mcp/dist/index.js', import.meta.url));
const version = JSON.parse(readFileSync(new URL('../node_modules/@iterable/mcp/package.json', import.meta.url))).version;

const at = (...path) => join(scratch, ...path);
const index = at('index.db');
const site = at('site');

async function listed() {
  const client = new Client({ name: 'test', version: '1' });
  const env = { ...process.env, ITERABLE_API_KEY: '0123456789abcdef0123456789abcdef', ITERABLE_USER_PII: 'true', ITERABLE_ENABLE_WRITES: 'true', ITERABLE_ENABLE_SENDS: 'true', HOME: scratch };
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [program], env, stderr: 'ignore' }));
  try {
    return (await client.listTools()).tools;
  } finally {
    await client.close();
  }
}

async function run(...args) {
  const { code, stdout, stderr } = await warder(['catalog', ...args]);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const lines = (rows) => rows.map((row) => JSON.stringify(row)).join('\n') + '\n';
function file(name, content) {
  writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content));
  return at(name);
}

function* files(folder, below = '') {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    if (entry.isDirectory()) yield* files(folder, join(below, entry.name));
    else if (!entry.name.startsWith('.')) yield join(below, entry.name);
  }
}
const hashes = (folder) => Object.fromEntries([...files(folder)].sort().map((path) =>
  [path, createHash('sha256').update(readFileSync(join(folder, path))).digest('hex')]));
const page = (path) => readFileSync(join(site, path), 'utf8');
const unescape = (html) => html.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
const policyOn = (html) => unescape(/<h2 id="(?:control|policy)">[\s\S]*?<pre[^>]*><code>([\s\S]*?)<\/code><\/pre>/.exec(html)[1]);

const AHO = {
  server: 'AWS HealthOmics', tool: 'StartAHOReadSetExportJob', description: 'Start a read set export job to export read sets from a sequence store to S3.',
  inputSchema: { type: 'object', properties: { sequence_store_id: { type: 'string' }, destination_s3_uri: { type: 'string', description: 'S3 URI for the export destination' } }, required: ['sequence_store_id', 'destination_s3_uri'] },
};
const HOSTILE = [
  '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'; DROP TABLE tools; --", '</code></pre><script>1</script>',
  '../../../etc/passwd', 'a\u202eb\u200bc', '\x1b[31mred\x1b[0m', '<!-- --!>', ']]>', '&lt;b&gt;', 'javascript:alert(1)', 'index', 'INDEX', '.', '%s%n', 'ÅÄÖ 日本語', 'x'.repeat(256),
].map((text, i) => ({ server: `Hostile <b>& "co" ${i % 2}`, tool: text, description: `${text} & then ${text}`, inputSchema: { type: 'object', properties: { [text]: { type: text, description: text, enum: [text], default: text } } } }));

before(async () => {
  await run('add', '--index', index, '--server', 'iterable', '--package', '@iterable/mcp', '--version', version, file('iterable.json', { tools: await listed() }));
  await run('add', '--index', index, file('rows.jsonl', lines([AHO, { ...AHO, server: 'Another', tool: 'start_export_job' }, ...HOSTILE])));
  await run('build', '--index', index, site);
});

describe('pages', () => {
  const NAMED = {
    start_export_job: { class: 'Execute · High', document: { version: '1', default: 'deny', tools: { start_export_job: { limits: [{ counter: 'start_export_job_rate', window: 'minute', max: 10, scope: 'grant' }] } } } },
    get_export_jobs: { class: 'Read · Low', document: { version: '1', default: 'deny', tools: { get_export_jobs: {} } } },
    cancel_export_job: { class: 'Destructive · Critical', document: { version: '1', default: 'deny', hide: ['cancel_export_job'] } },
  };
  for (const [tool, wanted] of Object.entries(NAMED)) {
    test(`${tool}: class, evidence, the recommended policy, which loads`, async () => {
      const html = page(`servers/iterable/${tool}.html`);
      assert.ok(html.includes(wanted.class));
      const policy = policyOn(html);
      assert.deepEqual(JSON.parse(policy), wanted.document);
      const { code, stderr } = await warder(['check', file('page.policy.json', policy)]);
      assert.equal(code, 0, stderr);
      assert.ok(html.includes(`@iterable/mcp@${version}`));
      for (const id of ['does', 'why', 'evidence', 'attacks', 'control', 'parameters', 'signals', 'related', 'questions']) assert.ok(html.includes(`id="${id}"`), id);
      assert.equal([...html.matchAll(/<dt>/g)].length, 6);
    });
  }

  test('StartAHOReadSetExportJob has its own, with the tool of another server that is named alike', () => {
    const html = page('servers/aws-healthomics/startahoreadsetexportjob.html');
    assert.match(html, /Execute · High/);
    assert.match(html, /destination_s3_uri/);
    assert.match(html, /servers\/another|\.\.\/another\/start_export_job\.html/);
    assert.deepEqual(JSON.parse(policyOn(html)).tools.StartAHOReadSetExportJob.limits[0].max, 10);
  });

  test("the server's one policy loads and names all of its tools", async () => {
    const policy = policyOn(page('servers/iterable/index.html'));
    const document = JSON.parse(policy);
    const { code, stderr } = await warder(['check', file('server.policy.json', policy)]);
    assert.equal(code, 0, stderr);
    const { tools } = JSON.parse(readFileSync(at('iterable.json')));
    assert.deepEqual(new Set([...Object.keys(document.tools), ...document.hide]), new Set(tools.map((tool) => tool.name)));
  });

  test('all fifty attacks have a page, none like another', () => {
    const pages = readdirSync(join(site, 'attacks')).filter((name) => name !== 'index.html');
    assert.equal(pages.length, 50);
    const texts = pages.map((name) => /<h2 id="how">([\s\S]*)<h2 id="exposed">/.exec(page(`attacks/${name}`))[1]);
    assert.equal(new Set(texts).size, 50);
  });

  test('no two tools read alike with the name swapped', () => {
    const seen = new Map();
    for (const path of files(site, 'servers/iterable')) {
      if (path.endsWith('index.html')) continue;
      const html = page(path);
      const name = unescape(/<h1>(.*?)<\/h1>/.exec(html)[1]);
      const body = unescape(html.slice(html.indexOf('<main'), html.indexOf('<h2 id="related"'))).replaceAll(name, 'NAME');
      assert.ok(!seen.has(body), `${name} reads like ${seen.get(body)}`);
      seen.set(body, name);
    }
    assert.ok(seen.size > 100);
  });

  test('every link leads to a page, and no page asks for anything from elsewhere', () => {
    for (const path of files(site)) {
      if (!path.endsWith('.html')) continue;
      const html = page(path);
      for (const [, target] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
        if (target.startsWith('#')) assert.ok(html.includes(`id="${target.slice(1)}"`), `${path} -> ${target}`);
        else if (/^https?:/.test(target)) assert.match(path, /^attacks\//);
        else assert.ok(existsSync(join(site, dirname(path), target)), `${path} -> ${target}`);
      }
    }
  });

  test('the sitemap names every page but the parts of lists', () => {
    const named = [...page('sitemap.xml').matchAll(/<loc>http:\/\/localhost:8080\/([^<]*)<\/loc>/g)].map(([, path]) => path);
    assert.equal(new Set(named).size, named.length);
    for (const path of named) assert.ok(existsSync(join(site, path)), path);
    for (const path of files(site, 'servers')) if (/\/.*\//.test(path)) assert.ok(named.includes(path), path);
  });

  test('hostile names and texts are text: no element, attribute or hidden character of theirs', () => {
    const allowed = /^(!DOCTYPE|html|head|meta|title|link|body|a|header|nav|ul|li|span|main|footer|p|code|h1|h2|h3|blockquote|strong|div|table|thead|tbody|tr|th|td|ol|pre|dl|dt|dd|svg|rect)$/;
    for (const path of files(site)) {
      if (!path.endsWith('.html')) continue;
      const html = page(path);
      assert.doesNotMatch(html, /[\u0000-\u0008\u000b-\u001f\u007f\u200b\u202e]/u, path);
      const open = [];
      for (const [whole, end, name, rest] of html.matchAll(/<(\/?)([!a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|<|>/g)) {
        assert.ok(name && (allowed.test(name) || (path === 'search.html' && /^(form|label|input|button|script)$/.test(name))), `${path}: ${whole}`);
        assert.match(rest, /^( [a-zA-Z-]+(="[^"<>]*")?)*\/?$|^ html$/, `${path}: ${whole}`);
        for (const [, attribute, value] of rest.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)) assert.ok(!attribute.startsWith('on') && !(attribute === 'href' && /^\s*javascript:/i.test(value)), `${path}: ${whole}`);
        if (['!DOCTYPE', 'meta', 'link', 'input', 'rect'].includes(name)) continue;
        if (end) assert.equal(open.pop(), name, `${path}: ${whole}`);
        else open.push(name);
      }
      assert.deepEqual(open, [], path);
    }
  });
});

describe('what changed since the scan before', () => {
  const tool = (name, description, properties = {}) => ({ name, description, inputSchema: { type: 'object', properties } });
  const first = { tools: [tool('get_a', 'Gets a'), tool('get_b', 'Gets b'), tool('run_c', 'Reads the c'), tool('get_gone', 'Gets what goes')] };
  const second = { tools: [tool('get_a', 'Gets a'), tool('get_b', 'Gets the other b'), tool('run_c', 'Runs a shell command', { command: { type: 'string' } }), tool('get_new', 'Gets what is new')] };
  const own = at('changes.db');
  const read = () => readFileSync(at('changes', 'servers/changing/index.html'), 'utf8');
  const add = async (list, ...more) => {
    await run('add', '--index', own, '--server', 'changing', ...more, file('changing.json', list));
    await run('build', '--index', own, at('changes'));
    return read();
  };
  const section = (html) => Object.fromEntries([...(/<h2 id="changes">([\s\S]*?)<h2/.exec(html)?.[1] ?? '').matchAll(/<li>(?:<a href="([^"]*)">)?<code>(.*?)<\/code>(?:<\/a>)?: (\w+)/g)].map(([, link, name, what]) => [name, [what, link]]));

  test('is on the page of its server, and is what a second scan says', async () => {
    assert.ok(!(await add(first, '--scanned', '2026-01-02')).includes('id="changes"'));
    const html = await add(second, '--scanned', '2026-02-03');
    assert.deepEqual(section(html), { run_c: ['riskier', 'run_c.html'], get_new: ['new', 'get_new.html'], get_b: ['another', 'get_b.html'], get_gone: ['gone', undefined] });
    assert.match(html, /That was of 2026-01-02/);
    const env = { XDG_STATE_HOME: at('state') };
    for (const list of [first, second]) {
      const { stdout } = await warder(['scan', '--json', file('scanned.json', list)], { env });
      if (list === first) continue;
      const said = JSON.parse(stdout).servers[0];
      const changes = Object.fromEntries(said.tools.filter(({ change }) => change).map(({ name, change }) => [name, change]));
      assert.deepEqual(changes, { run_c: 'risk', get_new: 'new', get_b: 'changed' });
      assert.ok(JSON.stringify(said).includes('get_gone'));
    }
  });

  test('is nothing where the list was known as facts, without its texts', async () => {
    await run('add', '--index', at('texts.db'), '--server', 'told', '--scanned', '2026-01-02', file('told.json', first));
    await run('export', '--index', at('texts.db'), at('told-facts'));
    await run('add', '--index', at('facts.db'), at('told-facts'));
    await run('add', '--index', at('facts.db'), '--server', 'told', file('told.json', { tools: [...first.tools.slice(1), tool('get_a', 'Gets another a')] }));
    await run('build', '--index', at('facts.db'), at('told'));
    assert.deepEqual(section(readFileSync(at('told', 'servers/told/index.html'), 'utf8')), { get_a: ['another', 'get_a.html'] });
  });

  test('is nothing where the list is the same, and is not said of what is no whole list', async () => {
    assert.match(await add(second, '--scanned', '2026-03-04'), /Nothing: the same tools with the same definitions/);
    await run('add', '--index', own, file('more.jsonl', lines([{ server: 'changing', tool: 'get_more', inputSchema: { type: 'object' } }])));
    await run('build', '--index', own, at('changes'));
    assert.ok(!read().includes('id="changes"'));
    assert.deepEqual(section(await add(first)).get_more, ['gone', undefined]);
  });

  test('of a thousand new tools the first are named and the rest counted, and the texts of a hostile name stay text', async () => {
    await run('add', '--index', at('grown.db'), '--server', 'changing', file('grown.json', { tools: [] }));
    await run('add', '--index', at('grown.db'), '--server', 'changing', file('grown.json', { tools: [...HOSTILE.map(({ tool: name }) => ({ name })), ...Array.from({ length: 1000 }, (_, i) => ({ name: `get_${i}` }))] }));
    await run('build', '--index', at('grown.db'), at('grown'));
    const html = readFileSync(at('grown', 'servers/changing/index.html'), 'utf8');
    assert.match(html, /And 917 more\./);
    assert.ok(!html.includes('<script') && !html.includes('<img'));
  });
});

describe('building again', () => {
  test('writes nothing where nothing changed', async () => {
    assert.equal(JSON.parse(await run('build', '--json', '--index', index, site)).written, 0);
    assert.equal(await run('build', '--index', index, site), `Nothing changed. Begin at ${site}/index.html\n`);
  });

  test('two builds of the same input are equal to the byte', async () => {
    for (const copy of ['one', 'two']) {
      await run('add', '--index', at(`${copy}.db`), at('rows.jsonl'));
      await run('build', '--index', at(`${copy}.db`), at(copy));
    }
    assert.deepEqual(hashes(at('one')), hashes(at('two')));
  });

  test('touches only what changed, removes what is gone, and ends like a build from nothing', async () => {
    const own = at('grow.db');
    const rows = (...names) => lines(names.map((tool) => ({ server: `of ${tool.slice(-1)}`, tool, description: `Get the ${tool}`, inputSchema: { type: 'object', properties: {} } })));
    await run('add', '--index', own, file('grow.jsonl', rows('get_a', 'list_a', 'get_b', 'read_c')));
    await run('build', '--index', own, at('grow'));
    const before = hashes(at('grow'));
    const list = (description) => ({ tools: [{ name: 'get_b', description, inputSchema: { type: 'object' } }] });
    await run('add', '--index', own, '--server', 'of b', file('b.json', list('Get the other b')));
    await run('build', '--index', own, at('grow'));
    const changed = Object.entries(hashes(at('grow'))).filter(([path, hash]) => before[path] !== hash).map(([path]) => path);
    assert.deepEqual(changed.sort(), ['servers/of-b/get_b.html', 'servers/of-b/index.html']);
    await run('add', '--index', own, '--server', 'of a', file('a.json', { tools: [{ name: 'list_a', description: 'Get the list_a', inputSchema: { type: 'object', properties: {} } }] }));
    await run('build', '--index', own, at('grow'));
    assert.ok(!existsSync(at('grow', 'servers/of-a/get_a.html')));
    await run('build', '--index', own, at('anew'));
    assert.deepEqual(hashes(at('grow')), hashes(at('anew')));
  });

  test("a folder with something else in it is left alone", async () => {
    const { code, stderr } = await warder(['catalog', 'build', '--index', index, scratch]);
    assert.equal(code, 1);
    assert.match(stderr, /new or empty/);
  });
});

describe('what goes in', () => {
  test("the registry's answer: what is malformed is named, the rest is known without tools", async () => {
    const entry = (name, more) => ({ server: { $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json', name, description: 'Does things', version: '1.0.2', ...more }, _meta: {} });
    const answer = { servers: [
      entry('com.example/npm-one', { packages: [{ registryType: 'oci', identifier: 'x', transport: { type: 'stdio' } }, { registryType: 'npm', identifier: '@example/one', version: '1.0.2', transport: { type: 'stdio' } }] }),
      entry('com.example/far', { remotes: [{ type: 'streamable-http', url: 'https://far.example/mcp' }] }),
      entry('no slash'), { server: 7 }, entry('com.example/py', { packages: [{ registryType: 'pypi', identifier: 'example-py', version: '3', transport: { type: 'stdio' } }] }),
    ], metadata: { count: 5 } };
    const { code, stdout, stderr } = await warder(['catalog', 'add', '--index', at('registry.db'), '--json', file('registry.json', answer)]);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), { servers: 3, tools: 0, malformed: 2, superseded: 0 });
    assert.match(stderr, /entry 3 \(no slash\)/);
    await run('build', '--index', at('registry.db'), at('registry'));
    const html = readFileSync(at('registry', 'servers/com.example~npm-one/index.html'), 'utf8');
    assert.match(html, /not scanned yet/);
    assert.ok(readFileSync(at('registry', 'servers/com.example~far/index.html'), 'utf8').includes('https://far.example/mcp'));
  });

  test('malformed lines are counted, the rest goes in; --from goes on behind them', async () => {
    const rows = file('bad.jsonl', lines([AHO]) + 'no json\n' + lines([{ server: 'x', tool: '' }, { tool: 'nobody' }, { server: 'x', tool: 'fine' }]));
    const { code, stdout } = await warder(['catalog', 'add', '--index', at('bad.db'), '--json', rows]);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), { servers: 2, tools: 2, malformed: 3, superseded: 0 });
    assert.equal(JSON.parse(await run('add', '--json', '--index', at('bad.db'), '--from', '4', rows)).tools, 1);
  });

  test('what is none of the forms is said', async () => {
    for (const [content, why] of [['{}', /neither a list/], ['[', /not JSON/], ['{"tools": []}', /--server/], ['', /empty/]]) {
      const { code, stderr } = await warder(['catalog', 'add', '--index', at('none.db'), file('none.json', content)]);
      assert.equal(code, 1, content);
      assert.match(stderr, why);
    }
  });

  test('a list is judged as a scan judges it, and a sibling that comes or goes moves what stands beside it', async () => {
    const [own, fresh] = [at('company.db'), at('company-new.db')];
    const tools = [['create_note', 'Create a note'], ['delete_note', 'Delete a note'], ['get_weather', 'Get the weather']].map(([name, description]) => ({ name, description, inputSchema: { type: 'object' } }));
    const judged = async (db, to) => {
      await run('export', '--index', db, at(to));
      return Object.fromEntries(readFileSync(at(to, 'company.jsonl'), 'utf8').trim().split('\n').slice(1).map((line) => JSON.parse(line)).map(({ tool, class: kind, severity, confidence, evidence }) => [tool, { kind, severity, confidence, siblings: evidence.filter(({ source }) => source === 'sibling').map(({ words }) => words) }]));
    };
    const page = (folder, tool) => readFileSync(at(folder, `servers/company/${tool}.html`), 'utf8');
    const add = async (db, list, folder) => {
      await run('add', '--index', db, file('company.tools.json', { tools: list }));
      return JSON.parse(await run('build', '--json', '--index', db, at(folder)));
    };
    await add(own, tools, 'company');
    const both = await judged(own, 'company-facts');
    const scan = JSON.parse((await warder(['scan', '--json', '--no-state', at('company.tools.json')])).stdout).servers[0].tools;
    for (const { name, class: kind, severity, confidence, evidence } of scan)
      assert.deepEqual(both[name], { kind, severity, confidence, siblings: evidence.filter(({ source }) => source === 'sibling').map(({ words }) => words) });
    assert.deepEqual([both.create_note.siblings, both.delete_note.siblings, both.get_weather.siblings], [['delete_note'], ['create_note'], []]);
    assert.match(page('company', 'create_note'), /<tr><td>another tool&#39;s name<\/td><td>“delete_note”|<tr><td>another tool's name<\/td><td>“delete_note”/);

    const before = page('company', 'get_weather');
    await add(own, tools.filter(({ name }) => name !== 'delete_note'), 'company');
    const alone = await judged(own, 'company-facts');
    assert.deepEqual([alone.create_note.kind, alone.create_note.severity, alone.create_note.siblings], ['Write', both.create_note.severity, []]);
    assert.ok(alone.create_note.confidence < both.create_note.confidence);
    assert.ok(page('company', 'create_note').includes(`<p>Confidence is ${alone.create_note.confidence} %`));
    assert.doesNotMatch(page('company', 'index'), /create_note<\/[^\n]*changed/);

    await add(fresh, tools.filter(({ name }) => name !== 'delete_note'), 'company-new');
    assert.deepEqual(await judged(fresh, 'company-new-facts'), alone);
    for (const tool of ['create_note', 'get_weather']) assert.equal(page('company-new', tool), page('company', tool));
    assert.notEqual(page('company', 'get_weather'), before, 'it named how many tools there are');
    await add(own, tools, 'company');
    assert.deepEqual(await judged(own, 'company-facts'), both);
    assert.equal(page('company', 'get_weather'), before);
  });

  test('with nothing in the queue --start says that nothing was started', async () => {
    assert.equal(await run('add', '--index', at('idle.db'), '--start'), 'Nothing was started.\n');
  });

  test('an index that another process writes is waited for, and then said to be held', { timeout: 60_000 }, async () => {
    const held = at('held.db'), list = file('held.tools.json', { tools: [] });
    await run('add', '--index', held, list);
    const other = new DatabaseSync(held);
    other.exec('BEGIN IMMEDIATE');
    const { code, stderr } = await warder(['catalog', 'add', '--index', held, list]);
    other.exec('ROLLBACK');
    other.close();
    assert.equal(code, 1);
    assert.match(stderr, /held\.db is being written by another warder catalog: try again when that has ended\n$/);
    await run('add', '--index', held, list);
    const missing = await warder(['catalog', 'add', '--index', held, at('nowhere.json')]);
    assert.match(missing.stderr, /nowhere\.json: not found\n$/);
  });

  test('what is no JSON is named with its line, its column and the fix', async () => {
    for (const [name, content, said] of [
      ['list.json', '{"tools": [\n  {"name": "a"},\n]}', /list\.json:2:16: not JSON: no comma before a closing bracket; nothing of it was taken\n$/],
      ['list.json', '\ufeff{"tools": []}', /list\.json:1:1: begins with a byte order mark: save the file as UTF-8 without it; nothing/],
      ['lines.jsonl', '\n{"server": "a", "tool": "b"}\n  {"server": a}\n', /lines\.jsonl:3:14: entry 2: not JSON; left out\n$/],
    ]) {
      const { code, stderr } = await warder(['catalog', 'add', '--index', at('none.db'), '--server', 'a', file(name, content)]);
      assert.equal(code, 1, content);
      assert.match(stderr, said);
    }
  });

  test('a folder of lists as scan --lists writes them: each is of the server that its file is named after', async () => {
    const own = at('named.db'), folder = at('lists');
    mkdirSync(folder);
    for (const server of ['notes', 'mail']) file(`lists/${server}.tools.json`, { tools: [{ name: `delete_${server}`, inputSchema: { type: 'object' } }] });
    assert.match(await run('add', '--index', own, folder), /^2 servers, 2 tools; 0 left out\./);
    const { tools } = JSON.parse(await run('search', '--index', own, '--json', 'delete'));
    assert.deepEqual(tools.map(({ server, tool }) => [server, tool]).sort(), [['mail', 'delete_mail'], ['notes', 'delete_notes']]);
    assert.match(await run('search', '--index', own, '--most', '1', 'delete'), /^There are more: /m);
    assert.doesNotMatch(await run('search', '--index', own, 'delete'), /There are more/);
    for (const name of ['unnamed.json', '.tools.json']) { // no server has these names
      const { code, stderr } = await warder(['catalog', 'add', '--index', own, file(name, { tools: [] })]);
      assert.equal(code, 1);
      assert.match(stderr, /does not say whose they are: --server NAME, or a file NAME\.tools\.json/);
    }
  });

  test('without texts none of theirs is kept, and the verdict is the same', async () => {
    await run('add', '--index', at('bare.db'), '--no-texts', '--server', 'iterable', at('iterable.json'));
    await run('build', '--index', at('bare.db'), at('bare'));
    const html = readFileSync(at('bare', 'servers/iterable/start_export_job.html'), 'utf8');
    assert.match(html, /Execute · High/);
    assert.doesNotMatch(html, /background job/);
    assert.ok(!readFileSync(at('bare.db')).includes('background job'));
  });
});

describe('search', () => {
  test('by words of a name, exact names first; what is quoted is no query language', async () => {
    const found = JSON.parse(await run('search', '--json', '--index', index, 'cancel_export_job')).tools;
    assert.deepEqual(found[0], { server: 'iterable', tool: 'cancel_export_job', class: 'Destructive', badge: 'Critical', severity: 'medium', page: 'servers/iterable/cancel_export_job.html' });
    assert.ok(JSON.parse(await run('search', '--json', '--index', index, 'aho', 'export')).tools.some((tool) => tool.tool === AHO.tool));
    for (const words of ['name:x OR "', '*', 'NEAR(a b)', '"']) {
      const { code, stderr } = await warder(['catalog', 'search', '--index', index, words]);
      assert.equal(stderr, '', words);
      assert.ok(code <= 1);
    }
  });

  test('words, beginnings of words and whole names, in names first and then in texts', async () => {
    const own = at('words.db');
    const rows = ['get_user', 'get_user_name', 'getUserName', 'list_users', 'delete_user_account', 'café_menu', 'CAFÉ', 'of_the', ...Array.from({ length: 90 }, (_, i) => `pay${String.fromCharCode(97 + i % 26)}${i}_x`), 'payload_y']
      .map((tool, i) => ({ server: `s${i % 3}`, tool, description: tool === 'list_users' ? 'Shows the naïve accounts of a shop' : '', inputSchema: { type: 'object' } }));
    await run('add', '--index', own, file('words.jsonl', lines(rows)));
    const found = async (...words) => {
      const { code, stdout, stderr } = await warder(['catalog', 'search', '--json', '--most', '200', '--index', own, ...words]);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout).tools.map(({ tool }) => tool);
    };
    assert.deepEqual(await found('get_user'), ['get_user', 'get_user_name']); // its whole name, and what begins so
    assert.deepEqual(await found('get', 'user'), ['get_user', 'getUserName', 'get_user_name']);
    assert.deepEqual(await found('use', 'ge'), ['get_user', 'getUserName', 'get_user_name']);
    assert.deepEqual(await found('users', 'of', 'the', 'shop'), ['list_users']);
    assert.deepEqual(await found('NAIVE'), ['list_users']);
    assert.deepEqual(await found('of', 'the'), ['of_the', 'list_users']);
    assert.deepEqual((await found('cafe')).sort(), ['CAFÉ', 'café_menu']);
    assert.deepEqual((await found('Café')).sort(), ['CAFÉ', 'café_menu']);
    assert.equal((await found('pay')).length, 91);
    assert.equal((await found('x', 'pay')).length, 90);
    assert.deepEqual(await found('payload'), ['payload_y']);
    for (const nothing of [['user', 'zzz'], ['zzz'], ['—'], [''], ['日本'], ['s1', 'list']]) assert.deepEqual(await found(...nothing), [], String(nothing));
    assert.deepEqual(await found('s0', 'list'), ['list_users']);
    await run('add', '--index', own, '--server', 's0', file('fewer.json', { tools: [{ name: 'get_user', description: 'Another', inputSchema: { type: 'object' } }] }));
    assert.deepEqual(await found('list', 'users'), []);
    assert.deepEqual(await found('another'), ['get_user']);
  });

  test('an index of an older version becomes one of this; one of a newer is left alone', async () => {
    const own = at('older.db');
    await run('add', '--index', own, at('rows.jsonl'));
    await run('build', '--index', own, at('older'));
    const before = hashes(at('older'));
    let db = new DatabaseSync(own);
    db.exec(`CREATE VIRTUAL TABLE words USING fts5(name, description, server, tokenize='unicode61 remove_diacritics 2');
      INSERT INTO words(rowid, name, description, server) SELECT rowid, name, description, server FROM texts;
      INSERT INTO words(rowid, name) VALUES(-1, 'a server');
      DROP TABLE names; DROP TABLE texts; DROP TABLE name_counts; DROP TABLE name_words; DROP TABLE text_words;
      DROP TABLE counts; CREATE INDEX tools_exposed ON tools(class, signals); PRAGMA user_version=2`);
    db.close();
    assert.equal(JSON.parse(await run('search', '--json', '--index', own, 'aho', 'sets', 'sequence')).tools[0].tool, AHO.tool);
    await run('build', '--index', own, at('newer'));
    assert.deepEqual(hashes(at('newer')), before);
    db = new DatabaseSync(own);
    assert.deepEqual({ ...db.prepare('PRAGMA user_version').get() }, { user_version: 4 });
    assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name LIKE 'words%' OR name = 'tools_exposed'").get().n, 0);
    db.exec('PRAGMA user_version=5');
    db.close();
    const { code, stderr } = await warder(['catalog', 'search', '--index', own, 'aho']);
    assert.equal(code, 1);
    assert.match(stderr, /older\.db is no index that this version reads/);
  });

  test('there is an index, or it says how to make one', async () => {
    const { code, stderr } = await warder(['catalog', 'search', '--index', at('not-there.db'), 'x']);
    assert.equal(code, 1);
    assert.match(stderr, /warder catalog add/);
    assert.ok(!existsSync(at('not-there.db')) && statSync(index).size > 0);
  });
});
