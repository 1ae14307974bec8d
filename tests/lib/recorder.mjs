// The test's side of recorder-server.mjs: an entry for mcpServers, and what reached the server.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './gateway.mjs';

const program = fileURLToPath(new URL('recorder-server.mjs', import.meta.url));

const directories = [];
process.on('exit', () => {
  for (const dir of directories) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

export class Recorder {
  constructor(config = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'warder-recorder-'));
    directories.push(this.dir);
    this.configure(config);
  }

  /** The next process that starts reads it; its tools are read at each list. */
  configure(config) {
    writeFileSync(join(this.dir, 'config.json'), JSON.stringify(config));
  }

  /** Calls of the tool `wait`, and those to come, are answered; hold(): no more. */
  release() {
    writeFileSync(join(this.dir, 'released'), '');
  }

  hold() {
    rmSync(join(this.dir, 'released'));
  }

  /** An entry of mcpServers that runs it. */
  entry(more = {}) {
    return {
      command: process.execPath, args: [program],
      env: { RECORDER_DIR: this.dir, RECORDER_CONFIG: join(this.dir, 'config.json') }, ...more,
    };
  }

  /** The same over HTTP, in a process of its own. */
  async listen() {
    const port = join(this.dir, 'port');
    this.child = spawn(process.execPath, [program], {
      env: { ...process.env, RECORDER_DIR: this.dir, RECORDER_CONFIG: join(this.dir, 'config.json'), RECORDER_PORT: port }, stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.child.unref();
    process.on('exit', () => this.child.kill('SIGKILL'));
    await until(() => existsSync(port), 'the recorder\'s port', 30_000);
    this.url = `http://127.0.0.1:${readFileSync(port, 'utf8')}/mcp`;
    this.entry = (more = {}) => ({ url: this.url, ...more });
    return this;
  }

  /** What each process received, in order of their starts: [{ pid, bytes }]. */
  processes() {
    return readdirSync(this.dir).filter((name) => name.endsWith('.in')).sort()
      .map((name) => ({ pid: Number(name.slice(21, -3)), bytes: readFileSync(join(this.dir, name)) }));
  }

  /** Every line that any process received, as text of its exact bytes (one character a byte), in order per process. */
  lines() {
    return this.processes().flatMap(({ bytes }) => {
      const lines = bytes.toString('latin1').split('\n');
      const rest = lines.pop();
      return rest === '' ? lines : [...lines, rest];
    });
  }

  /** The tools/call messages received, parsed. */
  calls() {
    return this.lines().filter((line) => line.includes('tools/call')).map((line) => JSON.parse(Buffer.from(line, 'latin1').toString('utf8')))
      .filter((message) => message.method === 'tools/call').map((message) => message.params);
  }

  remove() {
    this.child?.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
