// The pages in a real browser: every kind, at the widths of a phone and of a desk, in both colour schemes. Each must have no
// violation of axe-core, fit its width, ask for nothing from elsewhere and run nothing of what servers say.
//   script/look [--shots DIR]     screenshots of all of them too
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { hostileTexts, hostileTool, realLists } from '../lib/catalogue.mjs';
import { warder } from '../lib/gateway.mjs';

const { values: options } = parseArgs({ options: { shots: { type: 'string' }, browser: { type: 'string', default: '/usr/bin/chromium' } } });
const KINDS = [
  'index.html', 'search.html', 'servers/index.html', 'servers/i.html', 'tools/index.html', 'tools/c.html', 'classes/index.html', 'classes/read/index.html', 'classes/read/g.html', 'badges/index.html',
  'badges/critical.html', 'attacks/index.html', 'attacks/toxic-flow.html', 'servers/iterable/index.html', 'servers/iterable/start_export_job.html',
  'servers/iterable/cancel_export_job.html', 'servers/memory/index.html', 'scan.html',
];
const HOSTILE_SHOWN = 60;
const dir = mkdtempSync(join(tmpdir(), 'warder-look-'));
const faults = [];
const fault = (text) => { faults.push(text); console.log(`  ${text}`); };

async function run(...args) {
  const { code, stderr } = await warder(args, { env: { HOME: dir, XDG_STATE_HOME: dir }, cwd: dir, timeout: 120_000 });
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
}

async function make() {
  const site = join(dir, 'site'), saved = [];
  for (const { name, package: from, version, tools } of await realLists(dir)) {
    saved.push(join(dir, `${name}.json`));
    writeFileSync(saved.at(-1), JSON.stringify({ tools }));
    await run('catalog', 'add', '--index', join(dir, 'index.db'), '--server', name, '--package', from, '--version', version, saved.at(-1));
  }
  await run('catalog', 'build', '--index', join(dir, 'index.db'), site);
  await run('scan', '--no-state', '--html', join(site, 'scan.html'), ...saved);
  const hostile = hostileTexts.filter((text) => !text.includes('\0')).map((text, i) => hostileTool(text, text.trim() ? text.slice(0, 60).toWellFormed() : `blank${i}`));
  writeFileSync(join(dir, 'hostile.json'), JSON.stringify({ tools: hostile }));
  await run('catalog', 'add', '--index', join(dir, 'hostile.db'), '--server', '<script>alert("ran")</script>', join(dir, 'hostile.json'));
  await run('catalog', 'build', '--index', join(dir, 'hostile.db'), join(site, 'hostile'));
  await run('scan', '--no-state', '--html', join(site, 'hostile', 'scan.html'), join(dir, 'hostile.json'));
  return site;
}

/** The files as they are, with nothing in front that could make them safer. */
function serve(site) {
  const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json' };
  const server = createServer(async (request, response) => {
    try {
      const path = decodeURIComponent(new URL(request.url, 'http://site').pathname);
      const bytes = await readFile(join(site, path));
      response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'text/plain' }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done({ server, url: `http://127.0.0.1:${server.address().port}` })));
}

async function look(tab, url, path, what, deep) {
  await tab.goto(`${url}/${path}`);
  if (path.endsWith('scan.html')) await tab.evaluate(() => { for (const one of document.querySelectorAll('details')) one.open = true; });
  const { wide, fits } = await tab.evaluate(() => ({ wide: document.documentElement.scrollWidth, fits: document.documentElement.clientWidth }));
  if (wide > fits) fault(`${what}: ${wide} wide where ${fits} are`);
  if (!deep) return;
  const { violations } = await tab.evaluate(`${axe.source}; axe.run(document, { resultTypes: ['violations'] })`);
  for (const { id, help, nodes } of violations) fault(`${what}: axe: ${id}: ${help}: ${nodes[0].html.slice(0, 160)}`);
}

async function visit(browser, url, scheme, width, hostile) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: width < 600 ? 844 : 900 } });
  const tab = await context.newPage();
  let at = '';
  tab.on('dialog', (dialog) => { fault(`${at}: a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  tab.on('console', (message) => { if (!/favicon|axe/.test(message.text() + message.location().url)) fault(`${at}: console: ${message.text()}`); });
  tab.on('pageerror', (error) => fault(`${at}: ${error}`));
  tab.on('request', (request) => { if (!request.url().startsWith(url)) fault(`${at}: asks for ${request.url()}`); });
  for (const path of KINDS) {
    at = `${path}, ${scheme}, ${width}`;
    await look(tab, url, path, at, !path.endsWith('scan.html') || width > 600);
    if (options.shots) await tab.screenshot({ path: join(options.shots, `${path.replaceAll('/', '-').replace('.html', '')}-${scheme}-${width}.png`), fullPage: !/scan|servers-iterable-index/.test(path) });
  }
  for (const path of hostile) {
    at = `${path}, ${scheme}, ${width}`;
    await look(tab, url, path, at, false);
    await tab.mouse.move(width / 2, 200);
  }
  await context.close();
}

let browser, host;
try {
  const site = await make();
  host = await serve(site);
  if (options.shots) mkdirSync(options.shots, { recursive: true });
  browser = await chromium.launch({ executablePath: options.browser, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  const folder = readdirSync(join(site, 'hostile/servers'), { withFileTypes: true }).find((one) => one.isDirectory()).name;
  const hostile = readdirSync(join(site, 'hostile/servers', folder)).sort().map((name) => `hostile/servers/${folder}/${name}`);
  const some = hostile.filter((path, i) => /script|alert|onerror|svg|iframe|javascript/.test(path) || i % Math.ceil(hostile.length / HOSTILE_SHOWN) === 0);
  for (const [scheme, width] of [['light', 390], ['dark', 390], ['light', 1280], ['dark', 1280]]) {
    console.log(`${scheme}, ${width} wide: ${KINDS.length} kinds of page`);
    await visit(browser, host.url, scheme, width, scheme === 'light' ? [...(width < 600 ? some.slice(0, HOSTILE_SHOWN) : some), 'hostile/scan.html', `hostile/servers/${folder}/index.html`] : []);
  }
  console.log(faults.length === 0 ? 'nothing to find fault with' : `${faults.length} faults`);
} finally {
  await browser?.close();
  host?.server.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = faults.length > 0 ? 1 : 0;
