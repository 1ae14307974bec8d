#!/usr/bin/env node
// Calls one tool through the gateway as an agent's client would, and shows what comes back.
//   WARDER_TOKEN=wdr_... node try.mjs TOOL [ARGUMENTS] [--times N] [--url http://127.0.0.1:8808/mcp/iterable]
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: 'string', default: '1' }, url: { type: 'string', default: 'http://127.0.0.1:8808/mcp/iterable' } },
});
const [tool, args = '{}'] = positionals;
const token = process.env.WARDER_TOKEN;
if (!tool || !token) {
  console.error('usage: WARDER_TOKEN=wdr_... node try.mjs TOOL [ARGUMENTS] [--times N] [--url URL]');
  process.exit(2);
}

const headers = {
  'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream',
};

/** One JSON-RPC message; the answer to a request, out of plain JSON or of an event stream. */
async function send(message) {
  const response = await fetch(values.url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) });
  const session = response.headers.get('mcp-session-id');
  if (session) headers['Mcp-Session-Id'] = session;
  const body = await response.text();
  if (response.status === 202) return null;
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return JSON.parse(body);
  const events = body.split('\n').filter((line) => line.startsWith('data:')).map((line) => JSON.parse(line.slice(5)));
  return events.find((event) => event.id === message.id);
}

try {
  const version = '2025-11-25';
  const hello = await send({ id: 0, method: 'initialize', params: { protocolVersion: version, capabilities: {}, clientInfo: { name: 'try', version: '1' } } });
  if (hello.error) throw new Error(hello.error.message);
  headers['MCP-Protocol-Version'] = version;
  await send({ method: 'notifications/initialized' });
  for (let id = 1; id <= Number(values.times); id++) {
    const { result, error } = await send({ id, method: 'tools/call', params: { name: tool, arguments: JSON.parse(args) } });
    const said = error ? `error ${error.code}: ${error.message}` : result.content.map((part) => part.text).join(' ').replace(/\s+/g, ' ');
    const wait = result?._meta?.['dev.warder/decision']?.retry_after_ms;
    console.log(`${Number(values.times) > 1 ? `${id}. ` : ''}${result?.isError || error ? 'DENIED ' : ''}${said}${wait ? ` (wait ${Math.ceil(wait / 1000)} s)` : ''}`);
  }
  await fetch(values.url, { method: 'DELETE', headers });
} catch (error) {
  console.error(`${values.url}: ${error.cause?.message ?? error.message}`);
  process.exit(1);
}
