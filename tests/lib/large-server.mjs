#!/usr/bin/env node
// An MCP server over standard input whose one tool, large {"bytes", "members"}, answers with a text of that
// length, and with so many small values.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The entry of mcpServers. */
export const entry = (more = {}) => ({ command: process.execPath, args: [fileURLToPath(import.meta.url)], ...more });

const handlers = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'large', version: '1' } }),
  'tools/list': () => ({ tools: [{ name: 'large', inputSchema: { type: 'object' } }] }),
  'tools/call': ({ arguments: { bytes = 0, members = 0 } }) => ({
    content: [{ type: 'text', text: 'x'.repeat(bytes) }],
    ...(members ? { structuredContent: { list: Array.from({ length: members }, (_, n) => `value ${n}`) } } : {}),
  }),
};
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    const result = handlers[method]?.(params);
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'no' } }) })}\n`);
  });
}
