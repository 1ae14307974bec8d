#!/usr/bin/env node
// An MCP server over standard input, or over HTTP, that writes every byte it receives to a file, and answers as it is told, also wrongly.
//
// RECORDER_DIR      where each process keeps its file of received bytes, <start>-<pid>.in
// RECORDER_CONFIG   a JSON file: { "tools": [name or definition], "prompts": [name or definition], "mode": word,
//                   "resources" and "templates": [URI or definition], "instructions": text,
//                   "failing": methods that are answered with an error,
//                   "later": tools that every process but the first one lists, "others": the same of all of these,
//                   "start": ms before the handshake is answered, "era": "modern" for 2026-07-28 and nothing else }
// RECORDER_PORT     a file that the port is written to: it serves HTTP, and each body is a line of the file
//
// Tools that do more than echo their arguments, by the first word of their name:
//   sleep   {"ms"}   answers after that time
//   wait             answers when the test has called release()
//   silent           never answers
//   keep    {"value"}   keeps it, and answers with all that this process kept;  pid: with its process id
//   error            answers with a JSON-RPC error;  broken: with isError
//   act     {"do"}   does what the steps say, "$ID" standing for the request's id:
//                    {"text"} writes it and a line feed; {"hex"} writes these bytes; {"wait"} sleeps; {"exit"} ends
//   become  {"tools"} lists these tools from now on, and says that the list changed
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const config = JSON.parse(readFileSync(process.env.RECORDER_CONFIG, 'utf8'));
const name = `${process.hrtime.bigint().toString().padStart(20, '0')}-${process.pid}`;
const isFirst = !readdirSync(process.env.RECORDER_DIR).some((entry) => entry.endsWith('.in'));
const received = openSync(join(process.env.RECORDER_DIR, `${name}.in`), 'a');

const answers = new AsyncLocalStorage(); // over HTTP: what becomes the body
const line = (message) => (answers.getStore() ? answers.getStore().push(JSON.stringify(message)) : writeSync(1, `${JSON.stringify(message)}\n`));
const result = (id, value) => line({ jsonrpc: '2.0', id, result: value });
const failure = (id, code, message) => line({ jsonrpc: '2.0', id, error: { code, message } });
const textResult = (id, text, more) => result(id, { content: [{ type: 'text', text }], ...more });

const define = (tool) => (typeof tool === 'string' ? { name: tool, description: `the tool ${tool}`, inputSchema: { type: 'object' } } : tool);
/** As the configuration says now, or as it was told: a server may change its mind. */
let told;
const now = () => {
  const { others, ...all } = JSON.parse(readFileSync(process.env.RECORDER_CONFIG, 'utf8'));
  return isFirst ? all : { ...all, ...others };
};
const listed = () => {
  const { tools = [], later } = now();
  return told ?? (isFirst ? tools : later ?? tools).map(define);
};
const items = (kind, ...members) => (now()[kind] ?? []).map((item) => (typeof item === 'string' ? Object.fromEntries(members.map((member) => [member, item])) : item));

/** Answers tools/list in the ways that a gateway must survive. */
function list(id, params) {
  const tools = listed();
  switch (config.mode) {
    case 'duplicates':
      return result(id, { tools: [...tools, ...tools.slice(0, 1).map((tool) => ({ ...tool, description: 'its double' }))] });
    case 'million': {
      const entries = Array.from({ length: 1_000_000 }, (_, i) => `{"name":"t${i}","inputSchema":{"type":"object"}}`);
      return writeAll(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[${entries.join(',')}]}}\n`);
    }
    case 'endless': {
      const page = Number(params?.cursor ?? 0);
      return result(id, { tools: [define(`page_${page}`)], nextCursor: String(page + 1) });
    }
    case 'paged': {
      const at = Number(params?.cursor ?? 0);
      return result(id, { tools: tools.slice(at, at + 2), ...(at + 2 < tools.length ? { nextCursor: String(at + 2) } : {}) });
    }
    case 'bom':
      return writeAll(`\ufeff${JSON.stringify({ jsonrpc: '2.0', id, result: { tools } })}\n`);
    case 'mute':
      return undefined;
    default:
      return result(id, { tools });
  }
}

/** stdout is a pipe of finite size: writes until all has left. */
function writeAll(text) {
  if (answers.getStore()) return answers.getStore().push(String(text));
  const data = Buffer.from(text);
  for (let at = 0; at < data.length;) {
    try {
      at += writeSync(1, data, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

async function act(id, steps) {
  for (const step of steps) {
    if (step.text !== undefined) writeAll(`${step.text.replaceAll('$ID', JSON.stringify(id))}\n`);
    if (step.hex !== undefined) writeAll(Buffer.from(step.hex, 'hex'));
    if (step.wait !== undefined) await delay(step.wait);
    if (step.exit !== undefined) process.exit(step.exit);
  }
}

const kept = [];

async function call(id, { name: tool, arguments: args = {}, _meta: meta }) {
  switch (tool.split('_')[0]) {
    case 'silent': return undefined;
    case 'error': return failure(id, -32000, 'failed as told');
    case 'broken': return textResult(id, 'broken as told', { isError: true });
    case 'act': return act(id, args.do ?? []);
    case 'keep': kept.push(args.value); return textResult(id, JSON.stringify(kept));
    case 'pid': return textResult(id, String(process.pid));
    case 'sleep': await delay(args.ms ?? 0); return textResult(id, `slept ${args.ms}`);
    case 'wait':
      while (!existsSync(join(process.env.RECORDER_DIR, 'released'))) await delay(10);
      return textResult(id, 'waited');
    case 'become':
      told = args.tools.map(define);
      line({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
      return textResult(id, 'done');
    case 'progress':
      for (let step = 1; step <= 3; step++) {
        line({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: meta?.progressToken, progress: step, total: 3 } });
      }
      return textResult(id, 'done');
    default: return textResult(id, JSON.stringify(args));
  }
}

async function handle(message) {
  const { id, method, params } = message;
  if (id === undefined || method === undefined) return undefined;
  const capabilities = { tools: {}, ...(config.prompts ? { prompts: {} } : {}), ...(config.resources || config.templates ? { resources: {} } : {}) };
  const { instructions, failing } = now();
  if (failing?.includes(method)) return failure(id, -32603, 'failing as told');
  switch (config.era === 'modern' && ['initialize', 'ping'].includes(method) ? 'unknown' : method) {
    case 'server/discover':
      if (config.era !== 'modern') return failure(id, -32601, 'Method not found');
      return result(id, { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities, instructions });
    case 'initialize':
      if (config.mode === 'stillborn') process.exit(3);
      if (config.start) await delay(config.start);
      return result(id, {
        protocolVersion: params.protocolVersion, serverInfo: { name: 'recorder', version: '1' },
        capabilities, instructions,
      });
    case 'ping': return result(id, {});
    case 'tools/list': return list(id, params);
    case 'tools/call': return call(id, params);
    case 'prompts/list': return result(id, { prompts: items('prompts', 'name') });
    case 'prompts/get': return result(id, { messages: [{ role: 'user', content: { type: 'text', text: params.name } }] });
    case 'resources/list': return result(id, { resources: items('resources', 'uri', 'name') });
    case 'resources/templates/list': return result(id, { resourceTemplates: items('templates', 'uriTemplate', 'name') });
    case 'resources/read': return result(id, { contents: [{ uri: params.uri, text: 'the text' }] });
    default: return failure(id, -32601, 'Method not found');
  }
}

async function serve(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.method !== 'POST') return response.writeHead(200).end();
  const body = Buffer.concat([...chunks, Buffer.from('\n')]);
  writeSync(received, body);
  const said = [];
  await answers.run(said, () => handle(JSON.parse(body.toString('utf8'))));
  if (!said.length) return response.writeHead(202).end();
  return response.writeHead(200, { 'Content-Type': 'application/json' }).end(said[0]);
}

if (process.env.RECORDER_PORT) {
  const http = createServer(serve);
  http.listen(0, '127.0.0.1', () => {
    writeFileSync(`${process.env.RECORDER_PORT}.new`, String(http.address().port));
    renameSync(`${process.env.RECORDER_PORT}.new`, process.env.RECORDER_PORT);
  });
}

let pending = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  writeSync(received, chunk);
  pending = Buffer.concat([pending, chunk]);
  for (let end; (end = pending.indexOf(10)) >= 0; pending = pending.subarray(end + 1)) {
    let message;
    try {
      message = JSON.parse(pending.subarray(0, end).toString('utf8'));
    } catch {
      continue; // what the gateway wrote stands in the file; the test judges it
    }
    handle(message);
  }
});
process.stdin.on('end', () => {
  if (!process.env.RECORDER_PORT) process.exit(0);
});
