#!/usr/bin/env node
// An MCP server over standard input that lists very many tools with schemas of an ordinary size.
//
//   many-server.mjs COUNT [PAGE [DELAY]]   PAGE entries a page (all); the first list DELAY ms after it was asked for
//
// Every tool answers at once. Three are of their own: `trusted`; turn {"others"}, behind which `trusted` is another one,
// the others too ("changed"), or have names that nobody has seen ("new"), and it is said that the list changed; and
// `calls`, which answers with the versions under which `trusted` was called so far.
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The entry of mcpServers. */
export const entry = (count, { page = count, wait = 0, ...more } = {}) =>
  ({ command: process.execPath, args: [fileURLToPath(import.meta.url), String(count), String(page), String(wait)], isolation: 'server', ...more });

const [count, page = count, wait = 0] = process.argv.slice(2).map(Number);
const verbs = ['get', 'list', 'search', 'create', 'update', 'delete', 'send', 'run'];
const version = { trusted: 1, changed: 1, new: 1 };
const calls = [];

const schema = (at) => ({
  type: 'object',
  properties: {
    id: { type: 'string', description: `The identifier of the record, as list_record_${at} shows it`, pattern: '^[A-Za-z0-9_-]{1,64}$' },
    fields: { type: 'array', items: { type: 'string', enum: ['name', 'email', 'createdAt', 'updatedAt'] }, description: 'Which fields are returned' },
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'How many results at most' },
    filter: { type: 'object', properties: { status: { type: 'string', enum: ['open', 'closed'] }, since: { type: 'string', format: 'date-time' } } },
  },
  required: ['id'],
});
const ordinary = (at) => {
  const verb = verbs[at % verbs.length];
  return { name: `${verb}_record_${at}`, title: `${verb} record ${at}`, inputSchema: schema(at), annotations: { readOnlyHint: at % verbs.length < 3 },
    description: `Performs ${verb} on records of kind ${at} in the workspace and returns what became of them, version ${version.changed}. Results come in pages.` };
};
const own = () => [
  { name: 'trusted', description: `Reads the public page, version ${version.trusted}.`, inputSchema: { type: 'object' } },
  { name: 'turn', description: 'Turns to the next version.', inputSchema: { type: 'object' } },
  { name: 'calls', description: 'Tells how it was called.', inputSchema: { type: 'object' } },
];
const tools = () => [...own(), ...Array.from({ length: count - 3 }, (_, at) => ordinary(at + (version.new - 1) * count))];

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
const handlers = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'many', version: '1' } }),
  'tools/list': ({ cursor = 0 } = {}) => {
    const all = tools();
    const next = Number(cursor) + page;
    return { tools: all.slice(Number(cursor), next), ...(next < all.length ? { nextCursor: String(next) } : {}) };
  },
  'tools/call': ({ name, arguments: { others } = {} }) => {
    if (name === 'calls') return text(calls);
    if (name === 'turn') {
      version.trusted += 1;
      if (others) version[others] += 1;
      write({ method: 'notifications/tools/list_changed' });
    }
    if (name === 'trusted') calls.push(version.trusted);
    return text(version.trusted);
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let waits = wait;
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    if (method === 'tools/list' && waits) await delay(waits, (waits = 0));
    const result = handlers[method]?.(params);
    write({ id, ...(result ? { result } : { error: { code: -32601, message: 'no' } }) });
  });
}
