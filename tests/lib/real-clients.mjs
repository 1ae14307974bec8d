// Published clients of the gateway's HTTP, each behind the same few functions:
// connect(endpoint, token) => { tools(), call(tool, args), prompts?(), prompt(name), resources?(), read(uri), close() }
// A call gives its result; whatever a client takes for an error is thrown.
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODERN } from './modern.mjs';
import { versionOf } from './real-servers.mjs';

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'warder-clients-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
const childEnv = { PATH: process.env.PATH, HOME: home, NODE_COMPILE_CACHE: join(home, 'compiled') };
const SLOW = { timeout: 120_000 };

const names = (list, key = 'name') => list.map((one) => one[key]).sort();

const wrapped = (client) => ({
  tools: async () => names((await client.listTools(undefined, SLOW)).tools),
  call: (name, args) => client.callTool({ name, arguments: args }, ...(client instanceof ClientV1 ? [undefined, SLOW] : [SLOW])),
  prompts: async () => (client.getServerCapabilities()?.prompts ? names((await client.listPrompts()).prompts) : []),
  prompt: (name) => client.getPrompt({ name }),
  resources: async () => (client.getServerCapabilities()?.resources ? names((await client.listResources()).resources, 'uri') : []),
  read: (uri) => client.readResource({ uri }),
  close: () => client.close(),
});
const overHttp = (make, Transport) => async (endpoint, token) => {
  const client = make();
  await client.connect(new Transport(new URL(endpoint), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }), SLOW);
  return wrapped(client);
};
const v2 = (options) => overHttp(() => new ClientV2({ name: 'client', version: '1' }, options), TransportV2);

const opensNone = (error) => error.code === -32602 && error.data.reason === 'server_modern' && error.data.supported.join() === MODERN && /the server opens no sessions/.test(error.message);
const onlySessions = (error) => error.code === -32022 && error.data.supported.includes('2025-11-25') && /Unsupported protocol version/.test(error.message);

/** mcp-remote is a server on standard input to whoever starts it: here to the v1 library, as to a desktop client. */
async function remote(endpoint, token) {
  const headers = join(home, 'headers');
  writeFileSync(headers, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
  const client = new ClientV1({ name: 'remote', version: '1' });
  await client.connect(new StdioClientTransport({
    command: process.execPath, args: [join(modules, 'mcp-remote/dist/proxy.js'), endpoint, '--header-file', headers, '--protocol', 'auto', '--silent'], env: childEnv, stderr: 'ignore',
  }), SLOW);
  return wrapped(client);
}

/** The Inspector's command line: a process for each request, its result as JSON on standard output. A process is dear:
 *  it lists tools alone. */
async function inspector(endpoint, token) {
  const program = join(modules, '@modelcontextprotocol/inspector/clients/cli/build/index.js');
  const run = (method, ...args) => new Promise((done, failed) => {
    execFile(process.execPath, [program, endpoint, '--transport', 'http', '--protocol-era', 'auto', '--header', `Authorization: Bearer ${token}`, '--connect-timeout', String(SLOW.timeout),
      '--format', 'json', '-q', '--method', method, ...args], { env: childEnv, ...SLOW, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (stdout) done(JSON.parse(stdout).result); // 5: the result is there, and has isError
      else failed(new Error(stderr || String(error)));
    });
  });
  return {
    tools: async () => names((await run('tools/list')).tools),
    call: (name, args) => run('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args)),
    prompt: (name) => run('prompts/get', '--prompt-name', name),
    read: (uri) => run('resources/read', '--uri', uri),
    close: async () => {},
  };
}

const named = (name, how = '') => `${name.replace('@modelcontextprotocol/', '')} ${versionOf(name)}${how}`;
/** `eras`: what a client can speak. `refusal`: what it says of an endpoint that speaks the other one alone. `careful`: it
 *  looks into the list before it calls. */
export const realClients = [
  { label: named('@modelcontextprotocol/sdk'), eras: ['legacy'], refusal: opensNone, connect: overHttp(() => new ClientV1({ name: 'sdk', version: '1' }), TransportV1) },
  { label: named('@modelcontextprotocol/client', ', `legacy`'), eras: ['legacy'], refusal: opensNone, connect: v2({ versionNegotiation: { mode: 'legacy' } }) },
  { label: named('@modelcontextprotocol/client', `, \`${MODERN}\``), eras: ['modern'], refusal: onlySessions, connect: v2({ versionNegotiation: { mode: { pin: MODERN } } }) },
  { label: named('@modelcontextprotocol/inspector', ' `--cli --protocol-era auto`'), eras: ['legacy', 'modern'], careful: true, connect: inspector },
  { label: named('mcp-remote', ' `--protocol auto`'), eras: ['legacy', 'modern'], connect: remote },
];
