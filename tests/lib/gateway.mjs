// A gateway for a test: configuration, policies and data in a directory of its own, which goes away with it.
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const binary = resolve(root, process.env.WARDER ?? 'build/release/src/cli/warder');

const live = new Set();
process.on('exit', () => {
  for (const gateway of live) gateway.killNow();
});

/** Runs a subcommand to its end: { code, stdout, stderr }. */
export function warder(args, { env, cwd, timeout = 20_000 } = {}) {
  return new Promise((done) => {
    execFile(binary, args, { env: { ...process.env, ...env }, cwd, timeout, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      done({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }));
  });
}

/** The same on a terminal of so many columns, without colours: what a person sees, line by line. */
export async function onTerminal(args, columns = 80) {
  const words = [binary, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return new Promise((done, failed) => {
    const child = spawn('script', ['-qec', `stty cols ${columns} -onlcr; NO_COLOR=1 ${words}`, '/dev/null'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
    child.once('error', failed);
    child.once('close', () => done(text.replaceAll('\r', '').split('\n').slice(0, -1)));
  });
}

/** Waits until `look` gives something true, and returns it; says `what` it waited for when it never does. */
export async function until(look, what, timeout = 10_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${timeout} ms in vain for ${what}`);
    await delay(10);
  }
}

/** Every process below `pid`, as /proc tells now. */
export function descendants(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch { /* it ended meanwhile */ }
  }
  const below = (of) => (children.get(of) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** Whether a process still runs; one that only waits to be reaped does not. */
export function runs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

export class Gateway {
  /** `servers`: name -> entry of mcpServers, where `policy` may be a document instead of a file's name.
   *  `settings`: further members of warder.json. `env`: added to the gateway's own environment. `files`: how many it
   *  may have open. `fileBytes`: how large the files may grow that it writes. `args`: more words of the command. */
  constructor({ servers, settings = {}, env = {}, files, fileBytes, args = [] }) {
    this.args = args;
    this.dir = mkdtempSync(join(tmpdir(), 'warder-test-'));
    this.data = join(this.dir, 'data');
    this.config = join(this.dir, 'warder.json');
    this.env = env;
    this.limits = [...(files ? [`ulimit -n ${files}`] : []), ...(fileBytes ? [`ulimit -f ${fileBytes / 512}`] : [])];
    this.log = '';
    live.add(this);
    mkdirSync(join(this.dir, 'policies'));
    this.configure(servers, settings);
  }

  /** Writes the configuration; the next start reads it. */
  configure(servers, settings = {}) {
    const mcpServers = {};
    for (const [name, { policy, ...entry }] of Object.entries(servers)) {
      mcpServers[name] = entry;
      if (policy === undefined) continue;
      mcpServers[name] = { ...entry, policy: typeof policy === 'string' ? policy : this.writePolicy(name, policy) };
    }
    writeFileSync(this.config, JSON.stringify({ listen: '127.0.0.1:0', admin_listen: null, data: this.data, mcpServers, ...settings }, null, 2));
  }

  writePolicy(name, document) {
    const file = join(this.dir, 'policies', `${name}.policy.json`);
    writeFileSync(file, JSON.stringify(document, null, 2));
    return file;
  }

  /** Starts it and waits until it listens. */
  async start({ timeout = 10_000 } = {}) {
    const run = [binary, 'run', '-c', this.config, '--json', ...this.args];
    if (this.limits.length) run.unshift('/bin/sh', '-c', [...this.limits, 'exec "$0" "$@"'].join(' && '));
    this.child = spawn(run[0], run.slice(1), {
      env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    const child = this.child;
    this.pid = child.pid;
    this.exited = new Promise((done) => {
      child.once('error', (error) => done({ code: null, signal: null, error }));
      child.once('exit', (code, signal) => done({ code, signal }));
    });
    const ready = new Promise((found) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          this.log += `${line}\n`;
          if (line.startsWith('{') && line.includes('"ready"')) found(JSON.parse(line));
        });
      }
    });
    const stop = new AbortController();
    const first = await Promise.race([
      ready,
      this.exited.then((how) => ({ failed: `ended at its start: ${JSON.stringify(how)}` })),
      delay(timeout, { failed: `was not ready within ${timeout} ms` }, { signal: stop.signal }).catch(() => null),
    ]);
    stop.abort();
    if (first.failed) throw new Error(`the gateway ${first.failed}\n${this.log}`);
    this.url = first.url;
    this.adminUrl = first.admin_url;
    return this;
  }

  /** The data plane's address of one server. */
  endpoint(server) {
    return `${this.url}/mcp/${server}`;
  }

  /** A subcommand on this gateway's data directory, as JSON. */
  async command(...args) {
    const { code, stdout, stderr } = await warder([...args, '--data', this.data, '--json']);
    if (code !== 0) throw new Error(`warder ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** A new grant: { id, token }. */
  async grant(label, ...servers) {
    return JSON.parse(await this.command('grant', 'create', '--label', label, ...servers.flatMap((name) => ['--server', name])));
  }

  async revoke(id) {
    await this.command('grant', 'revoke', id);
  }

  /** Every record of the ledger, oldest first. */
  async audit() {
    const lines = await this.command('audit', 'tail', '-n', '0');
    return lines.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /** The records, once `enough(records)` holds: denials and outcomes are written soon, not at once. */
  async auditUntil(enough, what = 'a record of the audit') {
    return until(async () => {
      const records = await this.audit();
      return enough(records) && records;
    }, what);
  }

  /** Asks it to stop, and waits for that. */
  async stop({ timeout = 20_000 } = {}) {
    if (!this.child) return { code: 0, signal: null };
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeout);
    const how = await this.exited;
    clearTimeout(timer);
    this.child = null;
    return how;
  }

  /** kill -9, as a crash would be. */
  async crash() {
    this.child.kill('SIGKILL');
    await this.exited;
    this.child = null;
  }

  killNow() {
    this.child?.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Stops it and removes what it kept. It must end well, with nothing found by a sanitizer. */
  async close() {
    const { code, signal } = await this.stop();
    live.delete(this);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
    if (code !== 0 || signal || /Sanitizer|runtime error:/.test(this.log)) {
      throw new Error(`the gateway ended with ${signal ?? code}:\n${this.log.slice(-4000)}`);
    }
  }
}
