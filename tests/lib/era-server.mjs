#!/usr/bin/env node
// A server written with the official library, for 2026-07-28 and, unless told otherwise, for what came before.
// Over standard input, or with PORT_FILE over HTTP on a port that is written there.
//   ERAS   "modern": refuses clients that open sessions
import { createServer } from 'node:http';
import { renameSync, writeFileSync } from 'node:fs';
import { McpServer, createMcpHandler, fromJsonSchema, inputRequired } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] });
const schema = (properties) => fromJsonSchema({ type: 'object', properties });
let grown = false;
let handler;
const legacy = process.env.ERAS === 'modern' ? 'reject' : undefined;

function make() {
  const server = new McpServer({ name: 'era-server', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  const tool = (name, properties, run) => server.registerTool(name, { description: `the tool ${name}`, inputSchema: schema(properties) }, run);
  tool('echo', { a: {} }, (args) => text(args));
  tool('secret', {}, () => text('told'));
  tool('where', { region: { type: 'string', 'x-mcp-header': 'Region' }, n: { type: 'integer', 'x-mcp-header': 'Number' } }, (args) => text(args));
  tool('asks', {}, () => inputRequired({ inputRequests: { name: inputRequired.elicit({ message: 'Who?', requestedSchema: { type: 'object', properties: {} } }) } }));
  if (grown) tool('extra', {}, () => text('more'));
  tool('grow', {}, () => {
    grown = true;
    if (handler) handler.notify.toolsChanged();
    else tool('extra', {}, () => text('more')); // which tells of it
    return text('grown');
  });
  tool('slow', { ms: { type: 'integer' } }, async ({ ms }, context) => {
    note('began');
    await new Promise((done) => {
      const timer = setTimeout(done, ms);
      context.mcpReq.signal.addEventListener('abort', () => { clearTimeout(timer); note('cancelled'); done(); });
    });
    return text(`slept ${ms}`);
  });
  tool('steps', {}, async (args, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (let step = 1; progressToken !== undefined && step <= 3; step++) {
      await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: step, total: 3 } });
    }
    return text('done');
  });
  server.registerPrompt('guide', { description: 'a prompt' }, () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'go' } }] }));
  server.registerResource('one', 'note://one', {}, () => ({ contents: [{ uri: 'note://one', text: 'the text' }] }));
  return server;
}

function note(word) {
  if (process.env.NOTES) writeFileSync(process.env.NOTES, `${word}\n`, { flag: 'a' });
}

async function overHttp(file) {
  handler = createMcpHandler(make, { legacy });
  const http = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (process.env.REQUESTS) writeFileSync(process.env.REQUESTS, `${JSON.stringify({ method: request.method, headers: request.rawHeaders, body: body.toString() })}\n`, { flag: 'a' });
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await handler.fetch(new Request(`http://${request.headers.host}${request.url}`, {
      method: request.method, headers: request.headers, body: body.length ? body : undefined, signal: gone.signal,
    }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body) {
      const reader = answer.body.getReader();
      response.on('close', () => reader.cancel().catch(() => {}));
      for (let part; !(part = await reader.read().catch(() => ({ done: true }))).done;) response.write(part.value);
    }
    response.end();
  });
  http.listen(0, '127.0.0.1', () => {
    writeFileSync(`${file}.new`, String(http.address().port));
    renameSync(`${file}.new`, file);
  });
}

if (process.env.PORT_FILE) await overHttp(process.env.PORT_FILE);
else serveStdio(make, { legacy });
