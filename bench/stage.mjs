// What bench/run and bench/instructions measure: a responder, nginx in front of it, and the gateway with a policy of a
// hundred rules, each on its core. All of it ends with end().
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const built = (path) => join(root, 'build/release', path);
const warder = resolve(root, process.env.WARDER ?? built('src/cli/warder'));
export const OUTER = '0'; // the core of load and responder
export const INNER = '1'; // the core of what is measured
export const LENGTH = { small: 300, big: 16384 };

let scratch;
const running = [];

/** A directory of its own below `parent` for all that is written; to be called first. */
export function setUp(parent) {
  scratch = mkdtempSync(join(parent ?? join(root, 'build'), 'bench-'));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => end(130));
  process.on('uncaughtException', (error) => {
    console.error(error);
    end(1);
  });
  return scratch;
}

/** All that runs ends, nginx with its worker, and nothing is left behind. */
export async function end(code) {
  await Promise.all(running.map(async (child) => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }));
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

/** Starts a program on a core; the first line of its output for which `found` gives something ends the wait. */
export async function start(core, command, args, found) {
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

/** A certificate for 127.0.0.1 that is its own authority: { cert, key }. */
export function certify() {
  const cert = join(scratch, 'bench.pem');
  const key = join(scratch, 'bench.key');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert,
    '-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { cert, key };
}

/** nginx with one worker and connections kept to the responder; its worker is what is measured. */
export async function startNginx(upstream, tls) {
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
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''};
    ${tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key}; ssl_protocols TLSv1.2 TLSv1.3;` : ''}
    location / { proxy_pass http://responder; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`);
  const child = spawn('taskset', ['-c', INNER, 'nginx', '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  running.push(child);
  for (let worker = ''; ; await delay(20)) {
    worker = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    if (worker) return { name: 'nginx', port, pid: Number(worker.split(' ')[0]), path: '/mcp/bench', tls: tls?.cert };
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

export const run = promisify(execFile);
const commandOf = ([command, ...args]) => [command, args];

/** `under`: what runs the gateway, as valgrind and its options. */
export async function startWarder({ audit, backs, responder, tls, under = [] }) {
  const dir = join(scratch, audit);
  mkdirSync(dir);
  const document = join(dir, 'bench.policy.json');
  const config = join(dir, 'warder.json');
  writeFileSync(document, JSON.stringify(policy()));
  writeFileSync(config, JSON.stringify({
    listen: '127.0.0.1:0', data: join(dir, 'data'), audit, ...(tls ? { tls } : {}),
    mcpServers: {
      ...(backs.includes('http') ? { http: { url: `http://127.0.0.1:${responder}/mcp`, policy: document } } : {}),
      ...(backs.includes('stdio') ? { stdio: { command: 'taskset', args: ['-c', OUTER, built('bench/responder'), '--stdio'], policy: document } } : {}),
    },
  }));
  const { pid, value } = await start(INNER, ...commandOf([...under, warder, 'run', '-c', config, '--json']), (line) =>
    (line.startsWith('{') && line.includes('"ready"') ? JSON.parse(line) : undefined));
  const { stdout } = await run(warder, ['grant', 'create', '--data', join(dir, 'data'), '--label', 'bench', '--server', '*', '--json']);
  return { name: `warder ${audit}`, port: new URL(value.url).port, pid, token: JSON.parse(stdout).token, tls: tls?.cert };
}
