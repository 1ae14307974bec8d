// The rounds of bench/run. Responder and load share one core, what stands between them has the other. In every round each
// mode of Warder is measured between two runs of nginx and compared with their mean: these machines change speed.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = (path) => join(root, 'build/release', path);
const warder = resolve(root, process.env.WARDER ?? built('src/cli/warder'));
const OUTER = '0'; // the core of load and responder
const INNER = '1'; // the core of what is measured
const LENGTH = { small: 300, big: 16384 };

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '1,8,64' }, sizes: { type: 'string', default: 'small,big' },
    backs: { type: 'string', default: 'http,stdio' }, audit: { type: 'string', default: 'off,process,durable' },
    json: { type: 'string' }, data: { type: 'string' },
  },
});
const list = (text) => text.split(',').filter(Boolean);
const rounds = Number(options.rounds);
const modes = list(options.audit);
const backs = list(options.backs);

// ---- what runs ----

const scratch = mkdtempSync(join(options.data ?? join(root, 'build'), 'bench-'));
const running = [];
/** All that runs ends, nginx with its worker, and nothing is left behind. */
async function end(code) {
  await Promise.all(running.map(async (child) => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }));
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => end(130));
process.on('uncaughtException', (error) => {
  console.error(error);
  end(1);
});

/** Starts a program on a core; the first line of its output for which `found` gives something ends the wait. */
async function start(core, command, args, found) {
  const child = spawn('taskset', ['-c', core, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let said = '';
  const value = await new Promise((done, failed) => {
    child.once('exit', (code) => failed(new Error(`${command} ended with ${code}:\n${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said = `${said}${line}\n`.slice(-4000);
        const one = found(line);
        if (one !== undefined) done(one);
      });
    }
  });
  return { pid: child.pid, value };
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** nginx with one worker and connections kept to the responder; its worker is what is measured. */
async function startNginx(upstream) {
  const port = await freePort();
  const config = join(scratch, 'nginx.conf');
  writeFileSync(config, `
worker_processes 1; daemon off; pid ${scratch}/nginx.pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; client_body_temp_path ${scratch}/body; proxy_temp_path ${scratch}/proxy;
  fastcgi_temp_path ${scratch}/fastcgi; uwsgi_temp_path ${scratch}/uwsgi; scgi_temp_path ${scratch}/scgi;
  upstream responder { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://responder; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`);
  const child = spawn('taskset', ['-c', INNER, 'nginx', '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  running.push(child);
  for (let worker = ''; ; await delay(20)) {
    worker = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    if (worker) return { name: 'nginx', port, pid: Number(worker.split(' ')[0]), path: '/mcp/bench' };
  }
}

/** A hundred rules, each with conditions and a limit; the two that are called are among them. */
function policy() {
  const rule = (name) => ({
    require: [{ conditions: [{ path: 'args.reason', op: 'exists', value: true }] }],
    deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: 10000 }] }],
    limits: [{ counter: `${name}_rate`, window: 'hour', max: 1_000_000_000 }],
  });
  const names = ['small', 'big', ...Array.from({ length: 98 }, (_, i) => `tool_${i}`)];
  return {
    version: '1', default: 'deny',
    all_tools: { limits: [{ counter: 'calls', window: 'day', max: 1_000_000_000 }] },
    tools: Object.fromEntries(names.map((name) => [name, rule(name)])),
  };
}

const run = promisify(execFile);

async function startWarder(audit, responder) {
  const dir = join(scratch, audit);
  mkdirSync(dir);
  const document = join(dir, 'bench.policy.json');
  const config = join(dir, 'warder.json');
  writeFileSync(document, JSON.stringify(policy()));
  writeFileSync(config, JSON.stringify({
    listen: '127.0.0.1:0', data: join(dir, 'data'), audit,
    mcpServers: {
      ...(backs.includes('http') ? { http: { url: `http://127.0.0.1:${responder}/mcp`, policy: document } } : {}),
      ...(backs.includes('stdio') ? { stdio: { command: 'taskset', args: ['-c', OUTER, built('bench/responder'), '--stdio'], policy: document } } : {}),
    },
  }));
  const { pid, value } = await start(INNER, warder, ['run', '-c', config, '--json'], (line) =>
    (line.startsWith('{') && line.includes('"ready"') ? JSON.parse(line) : undefined));
  const { stdout } = await run(warder, ['grant', 'create', '--data', join(dir, 'data'), '--label', 'bench', '--server', '*', '--json']);
  return { name: `warder ${audit}`, port: new URL(value.url).port, pid, token: JSON.parse(stdout).token };
}

// ---- what is measured ----

async function measure(target, { size, connections, back }) {
  const { stdout } = await run('taskset', ['-c', OUTER, built('bench/load'), '--handshake', '--port', target.port,
    '--path', target.token ? `/mcp/${back}` : '/mcp/bench', '--token', target.token ?? 'none', '--tool', size, '--length', LENGTH[size],
    '--connections', connections, '--seconds', options.seconds, ...(target.pid ? ['--watch', target.pid] : [])].map(String));
  const found = JSON.parse(stdout);
  if (target.pid) found.rss_mib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${target.pid}/status`, 'utf8'))[1]) / 1024;
  return found;
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[sorted.length >> 1] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
};
const of = (runs, key) => median(runs.map((one) => one[key]));

/** A line that the next one replaces, for people who wait. */
const progress = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

/** One line of the table: nginx, direct and each mode, measured in turns. */
async function contest(scene, { direct, nginx, gateways }) {
  const results = new Map([[direct, []], [nginx, []], ...gateways.map((one) => [one, []])]);
  const ratios = new Map(gateways.map((one) => [one, { rate: [], cpu: [] }]));
  for (let round = 0; round < rounds; round++) {
    results.get(direct).push(await measure(direct, scene));
    let before = await measure(nginx, scene);
    results.get(nginx).push(before);
    for (const gateway of gateways) {
      const mine = await measure(gateway, scene);
      const after = await measure(nginx, scene);
      results.get(gateway).push(mine);
      results.get(nginx).push(after);
      ratios.get(gateway).rate.push(mine.per_second / ((before.per_second + after.per_second) / 2));
      ratios.get(gateway).cpu.push(mine.cpu_us / ((before.cpu_us + after.cpu_us) / 2));
      before = after;
    }
    progress(`${scene.back} ${scene.size} ${scene.connections}: round ${round + 1} of ${rounds}`);
  }
  progress('');
  return [...results].map(([target, runs]) => ({
    ...scene, target: target.name, per_second: of(runs, 'per_second'), p50_us: of(runs, 'p50_us'), p99_us: of(runs, 'p99_us'),
    cpu_us: target.pid ? of(runs, 'cpu_us') : null, rss_mib: target.pid ? of(runs, 'rss_mib') : null,
    rate_ratio: ratios.has(target) ? median(ratios.get(target).rate) : null, cpu_ratio: ratios.has(target) ? median(ratios.get(target).cpu) : null,
  }));
}

// ---- what is printed ----

const COLUMNS = [
  ['back', 'back', 0], ['answer', 'size', 0], ['conn.', 'connections', 0], ['', 'target', 0], ['req/s', 'per_second', 0], ['CPU µs/req', 'cpu_us', 2], ['p50 µs', 'p50_us', 0], ['p99 µs', 'p99_us', 0],
  ['RSS MiB', 'rss_mib', 1], ['req/s : nginx', 'rate_ratio', 2], ['CPU : nginx', 'cpu_ratio', 2],
];
const cell = (value, digits) => (value === null || value === undefined ? '' : typeof value === 'number' ? value.toFixed(digits) : value);

function printTable(rows) {
  console.log(`| ${COLUMNS.map(([title]) => title).join(' | ')} |`);
  console.log(`|${COLUMNS.map(([, , ], i) => (i < 4 ? '---' : '---:')).join('|')}|`);
  for (const row of rows) console.log(`| ${COLUMNS.map(([, key, digits]) => cell(row[key], digits)).join(' | ')} |`);
}

function decisionCosts() {
  return execFileSync('taskset', ['-c', INNER, built('bench/decide')], { encoding: 'utf8' }).trim();
}

const flush = JSON.parse(execFileSync(built('bench/flush'), [scratch], { encoding: 'utf8' }));
const responder = await start(OUTER, built('bench/responder'), ['0'], (line) => Number(line));
const direct = { name: 'direct', port: responder.value };
const nginx = await startNginx(responder.value);
const gateways = [];
for (const audit of modes) gateways.push(await startWarder(audit, responder.value));

console.log(`${cpus()[0].model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, Linux ${release()}; ${rounds} rounds of ${options.seconds} s; medians.`);
console.log(`Flush p50 ${flush.flush_p50_us.toFixed(0)} µs (${flush.direct ? 'O_DIRECT|O_DSYNC' : 'fdatasync'}).\n`);
const rows = [];
for (const back of backs) {
  for (const size of list(options.sizes)) {
    for (const connections of list(options.connections)) rows.push(...await contest({ back, size, connections }, { direct, nginx, gateways }));
  }
}
printTable(rows);
console.log(`\n${decisionCosts()}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ flush, rows }, null, 2)}\n`);
await end(0);
