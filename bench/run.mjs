// The rounds of bench/run. Responder and load share one core, what stands between them has the other. In every round each
// mode of Warder is measured between two runs of nginx and compared with their mean: these machines change speed.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { INNER, LENGTH, OUTER, built, certify, end, run, setUp, start, startNginx, startWarder } from './stage.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '1,8,64' }, sizes: { type: 'string', default: 'small,big' },
    backs: { type: 'string', default: 'http,stdio' }, audit: { type: 'string', default: 'off,process,durable' },
    json: { type: 'string' }, data: { type: 'string' }, tls: { type: 'boolean', default: false },
  },
});
const list = (text) => text.split(',').filter(Boolean);
const rounds = Number(options.rounds);
const modes = list(options.audit);
const backs = list(options.backs);
const scratch = setUp(options.data);

// ---- what is measured ----

async function measure(target, { size, connections, back }) {
  const { stdout } = await run('taskset', ['-c', OUTER, built('bench/load'), '--handshake', '--port', target.port,
    '--path', target.token ? `/mcp/${back}` : '/mcp/bench', '--token', target.token ?? 'none', '--tool', size, '--length', LENGTH[size],
    '--connections', connections, '--seconds', options.seconds, ...(target.tls ? ['--tls', target.tls] : []), ...(target.pid ? ['--watch', target.pid] : [])].map(String));
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
const tls = options.tls ? certify() : undefined;
const nginx = await startNginx(responder.value, tls);
const gateways = [];
for (const audit of modes) gateways.push(await startWarder({ audit, backs, responder: responder.value, tls }));

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
