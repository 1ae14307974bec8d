// The test's side of era-server.mjs, over either transport: an entry for mcpServers, and what the server noted.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './gateway.mjs';

const program = fileURLToPath(new URL('era-server.mjs', import.meta.url));
const running = new Set();
process.on('exit', () => {
  for (const server of running) server.close();
});

export class EraServer {
  /** `back`: 'stdio' or 'http'. `env`: ERAS and so on. */
  static async start(back, env = {}) {
    const server = new EraServer();
    running.add(server);
    server.dir = mkdtempSync(join(tmpdir(), 'warder-era-'));
    server.env = { NOTES: join(server.dir, 'notes'), REQUESTS: join(server.dir, 'requests'), ...env };
    if (back === 'http') await server.#listen();
    else server.base = { command: process.execPath, args: [program], env: server.env };
    return server;
  }

  async #listen() {
    const file = join(this.dir, 'port');
    this.child = spawn(process.execPath, [program], { env: { ...process.env, ...this.env, PORT_FILE: file }, stdio: ['ignore', 'ignore', 'inherit'] });
    await until(() => existsSync(file), 'the server\'s port', 30_000);
    this.base = { url: `http://127.0.0.1:${readFileSync(file, 'utf8')}/mcp` };
  }

  entry(more) {
    return { ...this.base, ...more };
  }

  notes() {
    return existsSync(this.env.NOTES) ? readFileSync(this.env.NOTES, 'utf8').split('\n').filter(Boolean) : [];
  }

  /** What came over HTTP: { method, headers: { name: value } in lower case, body }. */
  requests() {
    return readFileSync(this.env.REQUESTS, 'utf8').split('\n').filter(Boolean).map((line) => {
      const { method, headers, body } = JSON.parse(line);
      const fields = {};
      for (let i = 0; i < headers.length; i += 2) fields[headers[i].toLowerCase()] = headers[i + 1];
      return { method, headers: fields, body: body ? JSON.parse(body) : undefined };
    });
  }

  close() {
    this.child?.kill('SIGKILL');
    running.delete(this);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
