// A dump as the MCP registry answers it: entries that are right, and entries that are wrong, each in one known way.
// The same seed makes the same dump.
const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';
const OFFICIAL = 'io.modelcontextprotocol.registry/official';

function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const npm = (n, more) => ({ registryType: 'npm', identifier: `@made-${n % 7}/server-${n}`, version: `1.${n % 10}.${n}`, transport: { type: 'stdio' }, ...more });
const pypi = (n, more) => ({ registryType: 'pypi', identifier: `made-server-${n}`, version: `0.${n}.1${n % 2 ? 'rc1' : ''}`, runtimeHint: 'uvx', transport: { type: 'stdio' }, ...more });

/** Entries that are right: n -> what an entry has beside its name, description and version. */
const RIGHT = [
  (n) => ({ packages: [npm(n)] }),
  (n) => ({ packages: [pypi(n)] }),
  (n) => ({ remotes: [{ type: 'streamable-http', url: `https://mcp-${n}.made.example/mcp` }] }),
  (n) => ({ remotes: [{ type: 'sse', url: `https://mcp-${n}.made.example/sse` }] }),
  (n) => ({ packages: [{ registryType: 'oci', identifier: `docker.io/made/server:${n}.0.0`, transport: { type: 'stdio' } }] }),
  (n) => ({ packages: [npm(n, { identifier: `made-server-${n}`, packageArguments: [{ type: 'positional', value: 'start' }, { type: 'named', name: '--root', value: '{dir}', variables: { dir: { format: 'filepath', isRequired: true } } }] })], remotes: [{ type: 'streamable-http', url: 'https://made.example/{tenant}/mcp', variables: { tenant: { isRequired: true } } }] }),
  (n) => ({ packages: [pypi(n, { environmentVariables: [{ name: 'MADE_API_KEY', isRequired: true, isSecret: true }, { name: 'MADE_REGION', default: 'eu', choices: ['eu', 'us'] }, { name: 'NODE_ENV', value: 'production' }] })] }),
  (n) => ({ title: `Made server ${n}`, websiteUrl: 'https://made.example', repository: { url: `https://code.example/made/${n}`, source: 'github', subfolder: `src/server-${n}` }, icons: [{ src: 'https://made.example/icon.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }] }),
  (n) => ({ packages: [npm(n, { version: `2.0.${n}-beta.1+build.5`, fileSha256: 'ab'.repeat(32), registryBaseUrl: 'https://packages.made.example' })] }),
  (n) => ({ packages: [npm(n, { version: undefined })] }),
];

const inPackage = (change) => (entry, n) => { entry.packages = [{ ...npm(n), ...change }]; };
const inPython = (change) => (entry, n) => { entry.packages = [{ ...pypi(n), ...change }]; };
const argument = (value) => (entry, n) => { entry.packages = [npm(n, { packageArguments: [{ type: 'positional', value: 'first' }, value] })]; };
const variable = (name) => (entry, n) => { entry.packages = [npm(n, { environmentVariables: [{ name: 'FINE', value: '1' }, { name, value: '--require ./evil.js' }] })]; };
const remote = (change) => (entry, n) => { entry.remotes = [{ type: 'streamable-http', url: `https://mcp-${n}.made.example/mcp`, ...change }]; };
const set = (key, value) => (entry) => { entry[key] = value; };
const drop = (key) => (entry) => { delete entry[key]; };

/** Ways of being wrong: where the fault is, below the entry, and how an entry comes by it. */
const WRONG = [
  ['/name', drop('name')], ['/name', set('name', 7)], ['/name', set('name', 'no-slash')], ['/name', set('name', 'two/slashes/here')],
  ['/name', set('name', '../../etc/passwd')], ['/name', set('name', 'com.example/\u202eevil')], ['/name', set('name', 'a/')], ['/name', set('name', `x/${'y'.repeat(200)}`)],
  ['/name', set('name', 'com.example/a b')], ['/name', set('name', 'com.example/\u0000')], ['/name', set('name', '<script>/x')],
  ['/description', drop('description')], ['/description', set('description', '')], ['/description', set('description', 'd'.repeat(101))], ['/description', set('description', ['a'])],
  ['/version', drop('version')], ['/version', set('version', 'latest')], ['/version', set('version', '^1.2.3')], ['/version', set('version', '>=1.0')], ['/version', set('version', '1.*')], ['/version', set('version', 1.2)], ['/version', set('version', '1 2')],
  ['/title', set('title', '')], ['/title', set('title', null)], ['/websiteUrl', set('websiteUrl', 'javascript:alert(1)')], ['/websiteUrl', set('websiteUrl', 'https://user:secret@made.example')],
  ['/repository', set('repository', 'https://code.example')], ['/repository/url', set('repository', { source: 'github' })], ['/repository/url', set('repository', { url: 'file:///etc/passwd', source: 'x' })], ['/repository/subfolder', set('repository', { url: 'https://code.example/a', source: 'git', subfolder: '../../up' })],
  ['/icons', set('icons', {})], ['/icons/0/src', set('icons', [{ src: 'http://made.example/icon.png' }])], ['/icons/0/src', set('icons', [{}])], ['/icons/0/theme', set('icons', [{ src: 'https://made.example/i.png', theme: 'pink' }])],
  ['/packages', set('packages', { 0: {} })], ['/packages/0', set('packages', ['npm'])], ['/packages/0', set('packages', [null])], ['/_meta', set('_meta', [])],
  ['/packages/0/registryType', inPackage({ registryType: undefined })], ['/packages/0/registryType', inPackage({ registryType: 'npm; rm -rf ~' })], ['/packages/0/registryBaseUrl', inPackage({ registryBaseUrl: 'http://plain.example' })],
  ['/packages/0/identifier', inPackage({ identifier: undefined })], ['/packages/0/identifier', inPackage({ identifier: '--registry=http://evil.example' })], ['/packages/0/identifier', inPackage({ identifier: '-y' })],
  ['/packages/0/identifier', inPackage({ identifier: '../../evil' })], ['/packages/0/identifier', inPackage({ identifier: '@scope' })], ['/packages/0/identifier', inPackage({ identifier: '@scope/' })], ['/packages/0/identifier', inPackage({ identifier: '@-x/y' })],
  ['/packages/0/identifier', inPackage({ identifier: 'file:../evil' })], ['/packages/0/identifier', inPackage({ identifier: 'git+https://evil.example/x.git' })], ['/packages/0/identifier', inPackage({ identifier: 'evil/repository' })], ['/packages/0/identifier', inPackage({ identifier: 'https://evil.example/x.tgz' })],
  ['/packages/0/identifier', inPackage({ identifier: 'a@npm:evil' })], ['/packages/0/identifier', inPackage({ identifier: 'a;id' })], ['/packages/0/identifier', inPackage({ identifier: '$(id)' })], ['/packages/0/identifier', inPackage({ identifier: 'a\nb' })], ['/packages/0/identifier', inPackage({ identifier: '.hidden' })], ['/packages/0/identifier', inPackage({ identifier: 'x'.repeat(215) })],
  ['/packages/0/identifier', inPython({ identifier: 'made --index-url http://evil.example' })], ['/packages/0/identifier', inPython({ identifier: '-e.' })], ['/packages/0/identifier', inPython({ identifier: 'made[extra]' })], ['/packages/0/identifier', inPython({ identifier: 'made-' })], ['/packages/0/identifier', inPython({ identifier: './made' })],
  ['/packages/0/version', inPackage({ version: 'latest' })], ['/packages/0/version', inPackage({ version: '' })], ['/packages/0/version', inPackage({ version: '1.x' })], ['/packages/0/version', inPackage({ version: '~1.2.3' })], ['/packages/0/version', inPackage({ version: '1.2' })], ['/packages/0/version', inPackage({ version: '01.2.3' })], ['/packages/0/version', inPackage({ version: '1.2.3 --foo' })], ['/packages/0/version', inPackage({ version: '1.2.3-' })], ['/packages/0/version', inPackage({ version: 'npm:evil@1.0.0' })], ['/packages/0/version', inPackage({ version: 'file:..' })], ['/packages/0/version', inPackage({ version: 3 })],
  ['/packages/0/version', inPython({ version: '>=1' })], ['/packages/0/version', inPython({ version: '1.0 ; python_version>"3"' })], ['/packages/0/version', inPython({ version: '1..0' })], ['/packages/0/version', inPython({ version: '@ https://evil.example' })], ['/packages/0/version', inPython({ version: '1.0-' })],
  ['/packages/0/fileSha256', inPackage({ fileSha256: 'AB'.repeat(32) })], ['/packages/0/fileSha256', inPackage({ fileSha256: 'ab' })], ['/packages/0/runtimeHint', inPackage({ runtimeHint: '/bin/sh -c' })], ['/packages/0/runtimeHint', inPackage({ runtimeHint: '../node' })],
  ['/packages/0/transport', inPackage({ transport: undefined })], ['/packages/0/transport', inPackage({ transport: 'stdio' })], ['/packages/0/transport/type', inPackage({ transport: {} })], ['/packages/0/transport/type', inPackage({ transport: { type: 'pipe' } })], ['/packages/0/transport', inPackage({ transport: { type: 'sse' } })], ['/packages/0/transport/url', inPackage({ transport: { type: 'sse', url: 'ftp://made.example' } })],
  ['/packages/0/packageArguments/1/type', argument({ value: 'x' })], ['/packages/0/packageArguments/1', argument({ type: 'named', value: 'x' })], ['/packages/0/packageArguments/1', argument({ type: 'positional' })], ['/packages/0/packageArguments/1/value', argument({ type: 'positional', value: 'a\u0000b' })], ['/packages/0/packageArguments/1/value', argument({ type: 'positional', value: 'v'.repeat(5000) })], ['/packages/0/packageArguments/1/name', argument({ type: 'named', name: '--a b', value: '1' })], ['/packages/0/packageArguments/1/format', argument({ type: 'positional', valueHint: 'x', format: 'shell' })], ['/packages/0/packageArguments/1/choices/1', argument({ type: 'positional', valueHint: 'x', choices: ['a', 2] })], ['/packages/0/packageArguments/1/variables/a/default', argument({ type: 'positional', value: '{a}', variables: { a: { default: 4 } } })], ['/packages/0/packageArguments/1', argument('--flag')],
  ...['NODE_OPTIONS', 'node_options', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES', 'PYTHONPATH', 'PYTHONSTARTUP', 'npm_config_registry', 'NPM_CONFIG_SCRIPT_SHELL', 'UV_INDEX_URL', 'PIP_INDEX_URL', 'PATH', 'HOME', 'BASH_ENV', 'ENV', 'HTTPS_PROXY', 'all_proxy', 'GIT_SSH_COMMAND', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'JAVA_TOOL_OPTIONS', 'RUBYOPT', 'PERL5OPT', 'A=B', '1A', 'A B', 'A-B', '', 'A\u0000B'].map((name) => ['/packages/0/environmentVariables/1/name', variable(name)]),
  ['/remotes/0/type', remote({ type: 'stdio' })], ['/remotes/0/type', remote({ type: undefined })], ['/remotes/0/url', remote({ url: undefined })], ['/remotes/0/url', remote({ url: 'ws://made.example' })], ['/remotes/0/url', remote({ url: 'https://user@made.example/' })], ['/remotes/0/url', remote({ url: 'https://made.example/a b' })], ['/remotes/0/url', remote({ url: 'https:///mcp' })], ['/remotes/0/url', remote({ url: 'https://made.example/\r\nHost: evil' })],
  ['/remotes/0/headers/0/name', remote({ headers: [{ name: 'X: y\r\nZ', value: '1' }] })], ['/remotes/0/headers', remote({ headers: { a: 'b' } })], ['/remotes', set('remotes', 'https://made.example')], ['/remotes/0/variables/a', remote({ variables: { a: 'b' } })],
];

/** { answer, right: [names], wrong: [{ at, pointer }] }: an answer of `count` entries, every second one wrong. */
export function makeDump(count = 1000, seed = 1) {
  const next = random(seed);
  const rows = Array.from({ length: count }, (_, n) => n);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  const servers = [], right = [], wrong = [];
  rows.forEach((n, at) => {
    const server = { $schema: SCHEMA, name: `com.made-${n % 13}/server-${n}`, description: `Made server number ${n}`, version: `1.0.${n}` };
    const kind = Math.floor(n / 2);
    if (n % 2 === 0) {
      Object.assign(server, RIGHT[kind % RIGHT.length](n));
      right.push(server.name);
    } else {
      const [pointer, spoil] = WRONG[kind % WRONG.length];
      if (kind % 3 === 0) Object.assign(server, RIGHT[kind % RIGHT.length](n)); // wrong in one thing, right in others
      spoil(server, n);
      wrong.push({ at, pointer: `/servers/${at}/server${pointer}` });
    }
    servers.push({ server, _meta: { [OFFICIAL]: { status: 'active', publishedAt: '2026-01-01T00:00:00Z', isLatest: true } } });
  });
  return { answer: { servers, metadata: { count } }, right, wrong };
}

export const waysToBeWrong = WRONG.length;
