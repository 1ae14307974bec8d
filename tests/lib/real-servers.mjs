// Published servers and our own on the official library, each with a policy that allows, denies and hides one tool by name,
// and with what a client must see then.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IterableApi } from '../../examples/iterable/api.mjs';
import { EraServer } from './era-servers.mjs';
import { until } from './gateway.mjs';

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
export const versionOf = (name) => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;
const REASON = 'Not for agents.';
const KEY = '0123456789abcdef0123456789abcdef';

const policy = ({ allowed, denied, hidden, prompt, resource }) => ({
  version: '1', default: 'deny', hide: [hidden.tool],
  tools: { [allowed.tool]: {}, [denied.tool]: { action: 'deny', reason: REASON } },
  ...(prompt && { prompts: { allow: [prompt.name] } }), ...(resource && { resources: { allow: [resource.uri] } }),
});
const listening = (port) => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false);
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const everything = {
  allowed: { tool: 'echo', args: { message: 'grüezi' }, text: 'Echo: grüezi' },
  denied: { tool: 'get-env', args: {} }, hidden: { tool: 'get-sum', args: { a: 1, b: 2 } },
  prompt: { name: 'simple-prompt', text: 'This is a simple prompt without arguments.' },
  resource: { uri: 'demo://resource/static/document/features.md', text: /^# Everything Server/ },
};
const era = {
  allowed: { tool: 'echo', args: { a: [1, 'zwei', null] }, text: '{"a":[1,"zwei",null]}' },
  denied: { tool: 'slow', args: { ms: 1 } }, hidden: { tool: 'secret', args: {} },
  prompt: { name: 'guide', text: 'go' }, resource: { uri: 'note://one', text: /^the text$/ },
};

/** Starts them all: [{ id, label, eras, entry, allowed, denied, hidden, prompt?, resource? }], and close(). */
export async function realServers() {
  const dir = mkdtempSync(join(tmpdir(), 'warder-real-'));
  const closers = [() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })];
  const program = (name, file = 'dist/index.js') => join(modules, name, file);
  const node = (file, args = [], more = {}) => ({ command: process.execPath, args: [file, ...args], ...more });
  const label = (name, transport) => `${name.replace('@modelcontextprotocol/', '')} ${versionOf(name)}, ${transport}`;

  writeFileSync(join(dir, 'note.txt'), 'what the file says');
  writeFileSync(join(dir, 'memory.jsonl'), `${JSON.stringify({ type: 'entity', name: 'Zürich', entityType: 'city', observations: ['has a lake'] })}\n`);
  const api = await new IterableApi(KEY).listen();
  closers.push(() => api.close());

  const port = await freePort();
  const http = spawn(process.execPath, [program('@modelcontextprotocol/server-everything'), 'streamableHttp'], { env: { PATH: process.env.PATH, PORT: String(port) }, stdio: 'ignore' });
  const kill = () => http.kill('SIGKILL');
  process.on('exit', kill);
  closers.push(kill);
  const eras = {};
  await Promise.all([
    until(() => listening(port), 'server-everything', 60_000),
    ...['stdio', 'http'].flatMap((back) => ['both', 'modern'].map(async (which) => {
      eras[`${which}-${back}`] = await EraServer.start(back, which === 'modern' ? { ERAS: 'modern' } : {});
    })),
  ]);
  closers.push(() => Object.values(eras).forEach((server) => server.close()));

  const legacy = [
    { id: 'everything', label: label('@modelcontextprotocol/server-everything', 'stdio'), entry: node(program('@modelcontextprotocol/server-everything'), ['stdio']), ...everything },
    { id: 'everything-http', label: label('@modelcontextprotocol/server-everything', 'HTTP'), entry: { url: `http://127.0.0.1:${port}/mcp` }, ...everything },
    {
      id: 'filesystem', label: label('@modelcontextprotocol/server-filesystem', 'stdio'), entry: node(program('@modelcontextprotocol/server-filesystem'), [dir]),
      allowed: { tool: 'read_text_file', args: { path: join(dir, 'note.txt') }, text: 'what the file says' },
      denied: { tool: 'write_file', args: { path: join(dir, 'note.txt'), content: 'x' } }, hidden: { tool: 'move_file', args: { source: join(dir, 'note.txt'), destination: join(dir, 'gone.txt') } },
    },
    {
      id: 'memory', label: label('@modelcontextprotocol/server-memory', 'stdio'), entry: node(program('@modelcontextprotocol/server-memory'), [], { env: { MEMORY_FILE_PATH: join(dir, 'memory.jsonl') } }),
      allowed: { tool: 'search_nodes', args: { query: 'lake' }, text: /"name": "Zürich"/ },
      denied: { tool: 'create_entities', args: { entities: [] } }, hidden: { tool: 'delete_entities', args: { entityNames: ['Zürich'] } },
    },
    {
      id: 'iterable', label: label('@iterable/mcp', 'stdio'),
      entry: node(program('@iterable/mcp'), [], { home: 'fresh', env: { ITERABLE_API_KEY: KEY, ITERABLE_BASE_URL: api.url, ITERABLE_USER_PII: 'true', ITERABLE_ENABLE_WRITES: 'true' } }),
      allowed: { tool: 'get_export_jobs', args: { jobState: 'running' }, text: /"jobs": \[\]/ },
      denied: { tool: 'get_lists', args: {} }, hidden: { tool: 'cancel_export_job', args: { jobId: 1001 } },
      prompt: { name: 'get-export-jobs', text: /get_export_jobs/ },
    },
  ].map((server) => ({ ...server, eras: ['legacy'] }));
  const library = (which, back, speaks) => ({
    id: `${which}-${back}`, label: label('@modelcontextprotocol/server', `${which === 'both' ? 'both eras' : '2026-07-28 alone'}, ${back === 'http' ? 'HTTP' : back}`),
    entry: eras[`${which}-${back}`].entry(), eras: speaks, ...era,
  });
  const servers = [...legacy, ...['stdio', 'http'].flatMap((back) => [library('both', back, ['legacy', 'modern']), library('modern', back, ['modern'])])];
  return {
    servers: servers.map((server) => ({ ...server, reason: REASON, entry: { ...server.entry, isolation: 'server', policy: policy(server) } })),
    async close() {
      for (const one of closers.reverse()) await one();
    },
  };
}
