// The rounds of bench/instructions: the gateway runs under callgrind, which counts from the end of the warm-up to the end
// of the load, and what it counted is divided by the calls.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { readProfile, readTotals } from './profile.mjs';
import { LENGTH, OUTER, built, end, root, run, setUp, start, startWarder } from './stage.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' }, connections: { type: 'string', default: '64' }, size: { type: 'string', default: 'small' },
    back: { type: 'string', default: 'http' }, audit: { type: 'string', default: 'off' }, functions: { type: 'string', default: '0' },
    keep: { type: 'string' }, cache: { type: 'boolean', default: false },
  },
});
const scratch = setUp();

/** Load on the gateway while it is counted; how many calls were made. */
async function load(gateway) {
  const child = spawn('taskset', ['-c', OUTER, built('bench/load'), '--handshake', '--wait', '--port', gateway.port, '--path', `/mcp/${options.back}`,
    '--token', gateway.token, '--tool', options.size, '--length', LENGTH[options.size], '--connections', options.connections,
    '--warm', '2', '--seconds', options.seconds].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  let calls;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'warm') {
      await run('callgrind_control', ['-i', 'on', String(gateway.pid)]);
      child.stdin.write('\n');
    } else {
      calls = JSON.parse(line).requests;
    }
  }
  if (child.exitCode === null) await once(child, 'exit');
  if (!calls) throw new Error('the load has failed');
  return calls;
}

async function count() {
  const responder = await start(OUTER, built('bench/responder'), ['0'], (line) => Number(line));
  const under = ['valgrind', '--tool=callgrind', '--instr-atstart=no', `--callgrind-out-file=${scratch}/profile`,
    ...(options.cache ? ['--cache-sim=yes', '--branch-sim=yes'] : [])];
  const gateway = await startWarder({ audit: options.audit, backs: [options.back], responder: responder.value, under });
  const calls = await load(gateway);
  await run('callgrind_control', ['-d', String(gateway.pid)]);
  const written = join(scratch, readdirSync(scratch).find((name) => name.startsWith('profile.')));
  if (options.keep) copyFileSync(written, options.keep);
  return { calls, functions: readProfile(written), totals: readTotals(written) };
}

// ---- what is printed ----

/** The folder of our sources, or the library that a function is of. */
function placeOf({ object }, file) {
  const ours = /(?:^|\/)src\/(\w+)\/[^/]+$/.exec(file);
  if (ours && !file.startsWith('/usr')) return `src/${ours[1]}`;
  const library = basename(object).replace(/\.so.*/, '');
  return library === 'warder' ? 'inlined from libraries' : library || 'other';
}

function byPlace(functions) {
  const places = new Map();
  for (const one of functions)
    for (const [file, cost] of one.files) places.set(placeOf(one, file), (places.get(placeOf(one, file)) ?? 0) + cost);
  return [...places].sort((a, b) => b[1] - a[1]);
}

/** Each step with all that it calls; a step calls no other. */
function bySteps(functions) {
  const names = [...readFileSync(join(root, 'src/gate/call.h'), 'utf8').matchAll(/^ {4}STEP\((\w+),/gm)].map(([, name]) => name);
  const cost = (step) => functions.filter(({ name }) => name === `step_${step.toLowerCase()}`).reduce((sum, one) => sum + one.whole, 0);
  return names.map((name) => [name, cost(name)]);
}

function print(title, rows, calls) {
  console.log(`\n| ${title} | a call |\n|---|---:|`);
  for (const [name, cost] of rows) if (cost / calls >= 0.5) console.log(`| ${name} | ${(cost / calls).toFixed(0)} |`);
}

const { calls, functions, totals } = await count();
const total = functions.reduce((sum, one) => sum + one.own, 0);
const steps = bySteps(functions);
console.log(`${(total / calls).toFixed(0)} instructions a call: ${options.audit}, ${options.back}, ${options.size}, ${options.connections} connections, ${calls} calls.`);
if (options.cache) {
  const missed = [['first-level instruction cache, missed', totals.I1mr], ['first-level data cache, missed', totals.D1mr + totals.D1mw],
    ['branches, mispredicted', totals.Bcm + totals.Bim]];
  print('simulated', missed, calls);
}
print('step', [...steps, ['before and between', total - steps.reduce((sum, [, cost]) => sum + cost, 0)]], calls);
print('place', byPlace(functions), calls);
const longest = [...functions].sort((a, b) => b.own - a.own).slice(0, Number(options.functions));
if (longest.length) print('function, itself', longest.map(({ name, own }) => [name, own]), calls);
await end(0);
