// The built site over HTTP, asked by browsers and by those who are none.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { binary, until, warder } from '../lib/gateway.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'warder-serve-'));
const at = (...path) => join(scratch, ...path);
const live = new Set();
after(() => { for (const child of live) child.kill('SIGKILL'); rmSync(scratch, { recursive: true, force: true }); });

async function serve(...args) {
  const child = spawn(binary, ['catalog', 'serve', at('site'), '--listen', '127.0.0.1:0', ...args], { cwd: scratch, stdio: ['ignore', 'pipe', 'inherit'] });
  live.add(child);
  const ended = new Promise((done) => child.on('exit', (code) => { live.delete(child); done(code); }));
  const [line] = await new Promise((done, fail) => { createInterface({ input: child.stdout }).once('line', (text) => done([text])); ended.then((code) => fail(new Error(`it ended with ${code}`))); });
  const port = Number(/^http:\/\/127\.0\.0\.1:(\d+)\//.exec(line)[1]);
  return { child, port, line, ended, url: `http://127.0.0.1:${port}` };
}

/** Bytes as they are; answers with all that comes back until the end, or until `enough` finds it so. */
function raw(port, bytes, enough = () => false) {
  return new Promise((done, fail) => {
    const socket = connect(port, '127.0.0.1');
    let got = '';
    socket.setTimeout(20_000, () => socket.destroy(new Error(`nothing more than ${JSON.stringify(got)}`)));
    socket.on('data', (data) => { got += data.toString('latin1'); if (enough(got)) socket.destroy(); });
    socket.on('close', () => done(got)).on('error', fail);
    socket.write(bytes);
  });
}
const status = (answer) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

const HOSTILE = '<script>alert(1)</script>"\'&\u202e';
let site;
before(async () => {
  const tools = [
    ...Array.from({ length: 150 }, (_, i) => ({ server: `server ${i % 5}`, tool: `list_item_${i}`, description: 'Lists the items', inputSchema: { type: 'object' } })),
    { server: 'shop', tool: 'delete_repository', description: 'Deletes a repository for good', inputSchema: { type: 'object' } },
    { server: 'shop', tool: HOSTILE, description: 'quince marmalade', inputSchema: { type: 'object' } },
    { server: 'shop', tool: 'quiet_\u{e0041}\u007f\u202e\u3164\u2800', inputSchema: { type: 'object' } },
  ];
  writeFileSync(at('tools.jsonl'), tools.map((tool) => JSON.stringify(tool)).join('\n'));
  for (const args of [['add', '--index', at('index.db'), at('tools.jsonl')], ['build', '--index', at('index.db'), at('site')]]) {
    const { code, stderr } = await warder(['catalog', ...args]);
    assert.equal(code, 0, stderr);
  }
  writeFileSync(at('secret.html'), 'secret');
  writeFileSync(at('site', '.hidden.html'), 'secret');
  writeFileSync(at('site', 'odd.bin'), 'secret');
  symlinkSync(at('secret.html'), at('site', 'link.html'));
  symlinkSync(scratch, at('site', 'up'));
  site = await serve('--index', at('index.db'), '--host', 'catalogue.example');
});
const get = (path, options) => fetch(site.url + path, { redirect: 'manual', ...options });

describe('pages', () => {
  test('are the bytes of the files, with their types and nothing that a page could be led astray by', async () => {
    for (const [path, file, type] of [['/', 'index.html', 'text/html; charset=utf-8'], ['/style.css', 'style.css', 'text/css; charset=utf-8'], ['/sitemap.xml', 'sitemap.xml', 'application/xml'], ['/servers/shop/', 'servers/shop/index.html', 'text/html; charset=utf-8'], ['/servers/shop/delete_repository.html', 'servers/shop/delete_repository.html', 'text/html; charset=utf-8']]) {
      const answer = await get(path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers.get('content-type'), type);
      assert.equal(await answer.text(), readFileSync(at('site', file), 'utf8'));
      assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
      assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
    }
  });

  test('a folder without its slash moves on', async () => {
    const answer = await get('/servers/shop');
    assert.deepEqual([answer.status, answer.headers.get('location')], [308, '/servers/shop/']);
  });

  test('what the browser has already is not sent again, until it changes', async () => {
    const first = await get('/style.css');
    const tag = first.headers.get('etag');
    await first.text();
    for (const field of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const answer = await get('/style.css', { headers: { 'if-none-match': field } });
      assert.deepEqual([answer.status, answer.headers.get('etag'), await answer.text()], [304, tag, '']);
    }
    for (const field of ['"x"', tag.slice(1), `${tag}x`]) assert.equal((await get('/style.css', { headers: { 'if-none-match': field } })).status, 200, field);
    writeFileSync(at('site', 'new.css'), readFileSync(at('site', 'style.css')));
    renameSync(at('site', 'new.css'), at('site', 'style.css'));
    const answer = await get('/style.css', { headers: { 'if-none-match': tag } });
    assert.equal(answer.status, 200);
    await answer.text();
  });

  test('HEAD tells the same without the bytes', async () => {
    const answer = await raw(site.port, `HEAD / HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nConnection: close\r\n\r\n`);
    assert.equal(status(answer), 200);
    assert.match(answer, new RegExp(`Content-Length: ${readFileSync(at('site', 'index.html')).length}\\r\\n`));
    assert.ok(answer.endsWith('\r\n\r\n'));
    const search = await raw(site.port, `HEAD /search.json?q=list HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nConnection: close\r\n\r\n`);
    assert.ok(status(search) === 200 && search.endsWith('\r\n\r\n'));
  });

  test('several requests come over one connection, also at once', async () => {
    const one = `GET /style.css HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n\r\n`, search = `GET /search.json?q=repository HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n\r\n`;
    const got = await raw(site.port, one + search + one + search + one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    assert.equal(got.match(/HTTP\/1\.1 200 OK/g).length, 5);
    assert.equal(got.match(/delete_repository"/g).length, 2);
  });
});

describe('what is refused', () => {
  test('no path leads out of the site, through a link, or to what is hidden', async () => {
    for (const path of ['/../secret.html', '/..%2fsecret.html', '/%2e%2e/secret.html', '/servers/../index.html', '/./index.html', '//index.html', '/link.html', '/up/secret.html', '/.hidden.html', '/.warder-catalogue', '/.page.new', '/odd.bin', '/index.html/', '/index.html/x', '/nothing.html', '/servers/nobody/', '/index.html%00', '/index.html;x', '/INDEX.html', '/\\..\\secret.html', '/~', `/${'a'.repeat(300)}.html`, '/style.css/../index.html']) {
      const answer = await raw(site.port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nConnection: close\r\n\r\n`);
      assert.equal(status(answer), 404, path);
      assert.ok(!answer.includes('secret'), path);
    }
  });

  test('a name that leads here is not enough: Host and Origin are looked at', async () => {
    const ask = (more, target = '/') => raw(site.port, `GET ${target} HTTP/1.1\r\n${more}Connection: close\r\n\r\n`).then(status);
    assert.equal(await ask(`Host: 127.0.0.1:${site.port}\r\n`), 200);
    assert.equal(await ask(`Host: localhost:${site.port}\r\n`), 200);
    assert.equal(await ask('Host: catalogue.example\r\n'), 200);
    for (const host of ['evil.example', `evil.example:${site.port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.1.evil.example:${site.port}`, '']) assert.notEqual(await ask(`Host: ${host}\r\n`), 200, host);
    assert.equal(await ask(''), 400);
    assert.equal(await ask(`Host: 127.0.0.1:${site.port}\r\nHost: evil.example\r\n`), 400);
    assert.equal(await ask(`Host: 127.0.0.1:${site.port}\r\nOrigin: http://evil.example\r\n`, '/search.json?q=list'), 403);
    assert.equal(await ask(`Host: 127.0.0.1:${site.port}\r\nOrigin: http://127.0.0.1:${site.port}\r\n`, '/search.json?q=list'), 200);
    assert.equal(await ask(`Host: 127.0.0.1:${site.port}\r\n`, 'http://evil.example/'), 400);
  });

  test('methods that would change something, bodies, and what is no HTTP', async () => {
    const host = `Host: 127.0.0.1:${site.port}\r\n`;
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'get', 'head', 'HEADX']) {
      const answer = await raw(site.port, `${method} / HTTP/1.1\r\n${host}\r\n`);
      assert.equal(status(answer), 405, method);
      assert.match(answer, /Allow: GET, HEAD\r\n/);
      assert.match(answer, /Connection: close\r\n/);
    }
    for (const [bytes, code] of [[`GET / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`, 413], [`GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 413], [`GET / HTTP/2.0\r\n${host}\r\n`, 505], ['nonsense\r\n\r\n', 400], [`GET / HTTP/1.1\n${host}\n`, 400], [`GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(40_000)}\r\n\r\n`, 431]]) {
      const answer = await raw(site.port, bytes);
      assert.ok(status(answer) === code || (status(answer) === 400 && code === 413), `${JSON.stringify(bytes.slice(0, 60))}: ${answer.slice(0, 40)}`);
    }
  });
});

describe('search', () => {
  test('as JSON: the exact name first, each with its page', async () => {
    const { tools, more } = await (await get('/search.json?q=delete+repo')).json();
    assert.deepEqual([tools[0].tool, tools[0].class, tools[0].page, more], ['delete_repository', 'Destructive', 'servers/shop/delete_repository.html', false]);
    assert.equal((await get(`/${tools[0].page}`)).status, 200);
    const many = await (await get('/search.json?q=list')).json();
    assert.deepEqual([many.tools.length, many.more], [100, true]);
    assert.deepEqual((await (await get('/search.json?q=nothingofthekind')).json()).tools, []);
    assert.deepEqual((await (await get('/search.json')).json()).tools, []);
  });

  test('as a page, without a script; what was asked and found stays text', async () => {
    for (const path of ['/search.html', '/search']) {
      const html = await (await get(`${path}?q=marmalade`)).text();
      assert.ok(!html.includes('<script') && html.includes('&lt;script&gt;alert(1)'), html);
      assert.match(html, /<p id="said" role="status">1 tool/);
      assert.doesNotMatch(html, /\u202e/u);
    }
    const echoed = await (await get(`/search.html?q=${encodeURIComponent('"><img src=x onerror=alert(1)>\u202e')}`)).text();
    assert.ok(!echoed.includes('<img') && !/\u202e/u.test(echoed) && echoed.includes('&quot;&gt;&lt;img'));
    assert.match(await (await get('/search.html')).text(), /<form class="search"/);
  });

  test("words that the index has a language for are words, and what is malformed is refused", async () => {
    for (const q of ['"', 'name:list', 'list*', 'NEAR(a b)', 'AND OR NOT', '^list', "' OR 1=1 --", '{}', ')(', '%', '日本']) assert.equal((await get(`/search.json?q=${encodeURIComponent(q)}`)).status, 200, q);
    for (const query of ['q=%', 'q=%zz', 'q=%ff', 'q=a%00b', 'q=a&q=b', `q=${'a'.repeat(300)}`]) assert.equal((await get(`/search.json?${query}`)).status, 400, query);
    assert.equal((await get('/search.json?x=1&q=list&y')).status, 200);
  });

  test('many at once are all answered, or told that they are too many', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get('/search.json?q=list+item').then(async (answer) => { await answer.text(); return answer.status; })));
    assert.ok(answers.filter((code) => code === 200).length >= 60);
    assert.ok(answers.every((code) => code === 200 || code === 503), String(answers));
  });
});

test('connections that others hold open, with half a request or none, keep nobody out', async () => {
  const own = await serve('--index', at('index.db'));
  const held = [];
  try {
    for (const begin of ['', 'GET / HTTP/1.1\r\nHost: ']) {
      await Promise.all(Array.from({ length: 600 }, () => new Promise((done, fail) => {
        const socket = connect(own.port, '127.0.0.1', () => { socket.write(begin); done(); });
        socket.on('error', (error) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done() : fail(error)));
        held.push(socket);
      })));
      for (const path of ['/', '/search.json?q=list']) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => raw(own.port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\nConnection: close\r\n\r\n`)));
        assert.deepEqual(answers.map(status), Array(20).fill(200), begin);
      }
    }
  } finally {
    for (const socket of held) socket.destroy();
  }
  own.child.kill('SIGTERM');
  assert.equal(await own.ended, 0);
});

test('it ends when it is told to, an answer under way first', async () => {
  const own = await serve('--index', at('index.db'));
  const slow = raw(own.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\n\r\n`, (got) => got.includes('</html>'));
  assert.equal(status(await slow), 200);
  own.child.kill('SIGTERM');
  assert.equal(await own.ended, 0);
});

/** The page's own script, on a document that knows just what it may need; answers with what is then said and found. */
async function byScript(url, query) {
  class Element {
    constructor(name) { Object.assign(this, { name, children: [], attributes: {}, text: '', listeners: {} }); }
    set textContent(text) { this.text = String(text); this.children = []; }
    get textContent() { return this.text + this.children.map((child) => child.textContent).join(''); }
    set innerHTML(text) { throw new Error(`markup: ${text}`); }
    append(...nodes) { this.children.push(...nodes); }
    replaceChildren(...nodes) { this.children = nodes; }
    setAttribute(name, value) { this.attributes[name] = value; }
    addEventListener(name, does) { this.listeners[name] = does; }
    all(name) { return [...(this.name === name ? [this] : []), ...this.children.flatMap((child) => child.all(name))]; }
  }
  const [said, found, q, form] = ['p', 'div', 'input', 'form'].map((name) => new Element(name));
  Object.assign(q, { form, value: '' });
  let asked = 0;
  const context = {
    document: { getElementById: (id) => ({ said, found, q })[id], createElement: (name) => new Element(name) },
    location: { search: `?q=${encodeURIComponent(query)}` }, URLSearchParams, history: { replaceState() {} },
    fetch: async (path) => { asked++; return fetch(new URL(path, `${url}/`)); },
  };
  runInNewContext(await (await fetch(`${url}/search.js`)).text(), context);
  await until(() => !/^(Searching…)?$/.test(said.text), 'an answer of the script');
  return { said: said.text, links: found.all('a').map(({ attributes: { href } }) => href), names: found.all('a').map((link) => link.textContent), asked };
}

test('without an index its pages search by themselves', async () => {
  const own = await serve();
  const exact = await byScript(own.url, 'delete repository');
  assert.deepEqual([exact.said, exact.links, exact.asked], ['1 tool.', ['servers/shop/delete_repository.html'], 3]);
  for (const href of exact.links) assert.equal((await fetch(`${own.url}/${href}`)).status, 200);
  assert.deepEqual((await byScript(own.url, 'DeleteRepo')).links, exact.links);
  const many = await byScript(own.url, 'list item');
  assert.equal(many.links.length, 100);
  assert.match(many.said, /there are more/);
  assert.equal((await byScript(own.url, 'list_item_149')).names[0], 'list_item_149');
  const hostile = await byScript(own.url, 'script alert');
  assert.deepEqual(hostile.names, [`<script>alert(1)</script>"'&\\u{202e}`]);
  for (const name of readdirSync(at('site/search'))) assert.doesNotMatch(readFileSync(at('site/search', name), 'utf8'), /[\p{Cc}\p{Cf}](?<!\n)/u, name);
  assert.match(readFileSync(at('site/search/qu.json'), 'utf8'), /"quiet_\\udb40\\udc41\\u007f\\u202e\\u3164\\u2800"/);
  assert.deepEqual((await byScript(own.url, 'quiet')).names, ['quiet_\\u{e0041}\\u{7f}\\u{202e}\\u{3164}\\u{2800}']);
  for (const nothing of ['zzzz', 'list zzzz', 'delete_repository_of_nobody']) assert.equal((await byScript(own.url, nothing)).said, '0 tools.');
  for (const short of ['a', '!!', '日本']) assert.match((await byScript(own.url, short)).said, /two or more letters/);
  assert.match(own.line, /without an index/);
  assert.match(await (await fetch(`${own.url}/search.html?q=list`)).text(), /<script src="search\.js" defer><\/script>/);
  assert.equal((await fetch(`${own.url}/search.json?q=list`)).status, 404);
  own.child.kill('SIGINT');
  assert.equal(await own.ended, 0);
});

test('of a beginning that too many tools have, longer ones stand beside it, and go when it has few', async () => {
  const own = (...args) => warder(['catalog', ...args]);
  const list = (count) => JSON.stringify({ tools: Array.from({ length: count }, (_, i) => ({ name: `report_${['alpha', 'beta', 'betray'][i % 3]}_${i}`, inputSchema: { type: 'object' } })) });
  const shards = () => JSON.parse(readFileSync(at('many', 'search-index.json'), 'utf8'));
  for (const [count, look] of [[900, (all) => {
    assert.ok(all.includes('re') && all.includes('report') && all.includes('be') && all.includes('beta') && all.includes('betr') && !all.includes('alph'), String(all));
    const report = JSON.parse(readFileSync(at('many', 'search', 'report.json'), 'utf8')), alpha = JSON.parse(readFileSync(at('many', 'search', 'al.json'), 'utf8'));
    assert.deepEqual([report.cut, report.tools.length, alpha.cut, alpha.tools.length], [true, 500, false, 300]);
  }], [30, (all) => assert.ok(all.includes('re') && !all.includes('rep') && !all.includes('bet'), String(all))]]) {
    writeFileSync(at('many.json'), list(count));
    assert.equal((await own('add', '--index', at('many.db'), '--server', 'many', at('many.json'))).code, 0);
    assert.equal((await own('build', '--index', at('many.db'), at('many'))).code, 0);
    look(shards());
    assert.deepEqual(readdirSync(at('many', 'search')).sort(), shards().map((name) => `${name}.json`).sort());
  }
});

test('what cannot be served is said', async () => {
  const cases = [
    [[at('nowhere')], 1, /cannot open/], [[scratch], 1, /not made by warder catalog build/], [[], 2, /./],
    [[at('site'), '--listen', '0.0.0.0:0'], 1, /--insecure/], [[at('site'), '--listen', 'localhost'], 1, /--insecure|numeric/],
    [[at('site'), '--index', at('nothing.db')], 1, /no index/], [[at('site'), '--listen', `127.0.0.1:${site.port}`], 1, /something else listens/],
  ];
  for (const [args, code, why] of cases) {
    const result = await warder(['catalog', 'serve', ...args], { cwd: scratch });
    assert.equal(result.code, code, `${args}: ${result.stderr}`);
    assert.match(result.stderr, why);
  }
});
