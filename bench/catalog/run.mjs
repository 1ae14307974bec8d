#!/usr/bin/env node
// The catalogue at scale: an index of made-up servers is filled, built, searched, changed and built again.
//   bench/catalog/run.mjs [--servers 43000] [--tools 800000] [--searches 1000] [--data DIR (build)] [--keep]
// It needs 20 GB for the default, and removes them. CPU and memory are sampled from /proc, 20 times a second.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url)), root = resolve(here, '../..');
const { values: options } = parseArgs({ options: {
  servers: { type: 'string', default: '43000' }, tools: { type: 'string', default: '800000' },
  searches: { type: 'string', default: '1000' }, data: { type: 'string', default: join(root, 'build') }, keep: { type: 'boolean' },
} });
const binary = resolve(root, process.env.WARDER ?? 'build/release/src/cli/warder');
const folder = join(resolve(options.data), 'bench-catalog');
const at = (name) => join(folder, name);
const TICKS = 100; // USER_HZ, the same on all of Linux

/** Runs to its end: { seconds, cpu (s), peak (MiB), stdout }. */
async function measure(args, { to, program = binary } = {}) {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', to ?? 'pipe', 'inherit'] });
  let stdout = '', cpu = 0, peak = 0;
  const look = () => {
    try {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      cpu = (Number(stat[11]) + Number(stat[12])) / TICKS;
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    } catch { /* it ended meanwhile */ }
  };
  const watch = setInterval(look, 50);
  child.stdout?.setEncoding('utf8').on('data', (text) => { stdout += text; });
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(watch);
  if (code > 1 || code === null) throw new Error(`${program} ${args.join(' ')}: ${code}`);
  return { seconds: (performance.now() - began) / 1000, cpu, peak, stdout };
}

function weigh(below) {
  let files = 0, bytes = 0;
  for (const entry of readdirSync(below, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    files++;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return { files, bytes };
}

const row = (name, { seconds, cpu, peak }, more = '') =>
  console.log(`| ${name} | ${seconds.toFixed(2)} s | ${cpu.toFixed(1)} s | ${peak.toFixed(0)} MiB | ${more} |`);
const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;

/** What people type: a verb, a verb and a noun, a noun's beginning, a whole name, and what nothing has. */
function* queries(count) {
  const verbs = ['get', 'list', 'delete', 'cancel', 'execute', 'export'], nouns = ['job', 'user', 'payment', 'report', 'key', 'folder'];
  for (let i = 0; i < count; i++) {
    const verb = verbs[i % verbs.length], noun = nouns[Math.floor(i / 6) % nouns.length], other = nouns[Math.floor(i / 36) % nouns.length];
    yield [[verb], [verb, noun], [noun.slice(0, 3)], [`${verb}_${noun}_${other}_${i % 19}`], ['nothing', 'has', `this${i}`], [verb, noun, other]][Math.floor(i / 216) % 6];
  }
}

async function search() {
  const times = [];
  for (const words of queries(Number(options.searches))) {
    const { seconds } = await measure(['catalog', 'search', '--json', '--index', at('index.db'), ...words]);
    times.push(seconds * 1000);
  }
  times.sort((a, b) => a - b);
  const part = (of) => times[Math.min(times.length - 1, Math.floor(times.length * of))].toFixed(1);
  console.log(`\nsearch, a process each: p50 ${part(0.5)} ms, p99 ${part(0.99)} ms, longest ${part(1)} ms of ${times.length}`);
}

/** One server's list with a change, put in and built. */
async function change(name, server, edit) {
  const tools = readFileSync(at('one.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter((tool) => tool.server === server);
  edit(tools);
  writeFileSync(at('one.json'), JSON.stringify({ tools: tools.map(({ tool, description, inputSchema }) => ({ name: tool, description, inputSchema })) }));
  const add = await measure(['catalog', 'add', '--index', at('index.db'), '--server', server, at('one.json')]);
  const built = await measure(['catalog', 'build', '--json', '--index', at('index.db'), at('site')]);
  const { pages, written } = JSON.parse(built.stdout);
  row(`add: ${name}`, add);
  row('and build', built, `${pages} pages made, ${written} written`);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
try {
  console.log(`${cpus().length} × ${cpus()[0].model}; load before it: ${loadavg().map((one) => one.toFixed(1)).join(', ')}\n`);
  const generator = join(here, 'tools.mjs');
  const lines = openSync(at('tools.jsonl'), 'w');
  await measure([generator, options.tools, options.servers], { to: lines, program: process.execPath });
  closeSync(lines);
  const one = openSync(at('one.jsonl'), 'w');
  await measure([generator, '1000', String(1000 * options.servers / options.tools)], { to: one, program: process.execPath });
  closeSync(one);
  console.log('| step | time | CPU | memory | |\n|---|---:|---:|---:|---|');
  row('add', await measure(['catalog', 'add', '--index', at('index.db'), at('tools.jsonl')]), `${megabytes(statSync(at('tools.jsonl')).size)} in, ${megabytes(statSync(at('index.db')).size)} of index`);
  const built = await measure(['catalog', 'build', '--json', '--index', at('index.db'), at('site')]);
  const { files, bytes } = weigh(at('site'));
  row('build', built, `${files.toLocaleString('en')} files, ${megabytes(bytes)}`);
  row('build again', await measure(['catalog', 'build', '--json', '--index', at('index.db'), at('site')]), 'nothing changed');
  const { server } = JSON.parse(readFileSync(at('one.jsonl'), 'utf8').split('\n')[200]);
  await change('one description differs', server, (tools) => { tools[3].description += ' And more.'; });
  await change('one tool gone, one new', server, (tools) => { tools[4].tool = 'brand_new_tool'; });
  await change('a server before all others, each of its tools with thousands of kin', 'a.first/server', (tools) => {
    for (let i = 0; i < 19; i++) tools.push({ tool: `get_job_${i}`, description: 'Get the job', inputSchema: { type: 'object' } });
  });
  await search();
} finally {
  if (!options.keep) rmSync(folder, { recursive: true, force: true });
}
