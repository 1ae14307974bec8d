// A server that tells what it was given, to everybody who listens, by accident or not: on its standard error, in errors,
// in its last words. What its configuration took from elsewhere is in nothing that the gateway says or keeps.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Session } from '../lib/session.mjs';

const VALUES = {
  OF_ENV: 'sk-live-7Qw9/Zx+2"Lm', OF_ARGS: 'args-5f2d8a61c0', OF_FILE: 'file-93be77d41f', OF_LITERAL: 'literal-4c4c91aa', OF_INHERITED: 'inherited-77ab310e',
  SHORT: 'q7x!',
};
const PEM = Array.from({ length: 12 }, (_, line) => `${String(line).padStart(2, '0')}MIIEvQIBADANBgkqhkiG9w0BAQEFAASC${line * 7919}`).join('\n');
const server = `
  import { createInterface } from 'node:readline';
  import { writeSync } from 'node:fs';
  const all = { OF_ENV: process.env.OF_ENV, OF_ARGS: process.argv[1].slice(4), OF_FILE: process.env.OF_FILE, OF_LITERAL: process.env.LITERAL_TOKEN,
    OF_INHERITED: process.env.INHERITED_KEY, SHORT: process.env.SHORT, PEM: process.env.PEM };
  const tell = () => {
    for (const [name, value] of Object.entries(all)) {
      writeSync(2, name + ' plain ' + value + ' end\\n');
      writeSync(2, name + ' json ' + JSON.stringify({ value }) + ' end\\n');
      if (name === 'SHORT') continue;
      writeSync(2, name + ' url ' + encodeURIComponent(value) + ' end\\n');
      for (const user of ['', 'a', 'ab']) writeSync(2, name + ' base64 ' + Buffer.from(user + value).toString('base64') + ' end\\n');
      writeSync(2, 'x'.repeat(2040 - name.length) + value + ' end\\n');
    }
    writeSync(2, 'told all of it\\n');
  };
  tell();
  if (process.env.FAILS) { writeSync(2, 'cannot log in with ' + all.OF_ENV + '\\n'); process.exit(3); }
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    const say = (more) => id !== undefined && writeSync(1, JSON.stringify({ jsonrpc: '2.0', id, ...more }) + '\\n');
    if (method === 'initialize') say({ result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } });
    else if (method === 'tools/list') say({ result: { tools: ['use', 'nonsense', 'end'].map((name) => ({ name, inputSchema: { type: 'object' } })) } });
    else if (method === 'tools/call' && params.name === 'nonsense') writeSync(1, '{"jsonrpc":"2.0","id":' + id + ',"result":' + all.OF_ENV + '\\n');
    else if (method === 'tools/call' && params.name === 'end') { tell(); process.exit(4); }
    else if (method === 'tools/call') say({ result: { content: [{ type: 'text', text: 'used ' + all.OF_ENV.length }] } });
    else say({ error: { code: -32601, message: 'no' } });
  });
`;
const policy = { version: '1', default: 'allow' };
let gateway;
let seen = ''; // whatever the gateway has said to anyone

before(async () => {
  gateway = new Gateway({ servers: {}, env: { OF_ENV: VALUES.OF_ENV, OF_ARGS: VALUES.OF_ARGS, SHORT: VALUES.SHORT, INHERITED_KEY: VALUES.OF_INHERITED } });
  writeFileSync(join(gateway.dir, 'secret'), `${VALUES.OF_FILE}\n`, { mode: 0o600 });
  writeFileSync(join(gateway.dir, 'pem'), `${PEM}\n`, { mode: 0o600 });
  const entry = (env = {}) => ({
    command: process.execPath, args: ['--input-type=module', '-e', server, '--', 'key=${OF_ARGS}'],
    env: { OF_ENV: '${OF_ENV}', OF_FILE: '${file:secret}', PEM: '${file:pem}', SHORT: '${env:SHORT}', LITERAL_TOKEN: VALUES.OF_LITERAL, ...env },
    inherit: ['INHERITED_KEY'], timeout: '2s', policy,
  });
  gateway.configure({
    good: entry(), bad: entry({ FAILS: '1' }),
    far: { url: 'http://127.0.0.1:1/${OF_ARGS}/mcp?key=${OF_ARGS}', headers: { Authorization: 'Bearer ${OF_ENV}' }, policy },
  });
  await gateway.start();
});
after(() => gateway?.close());

const forms = (value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), Buffer.from(value).toString('base64').slice(0, -4),
  Buffer.from(`a${value}`).toString('base64').slice(3, -4), Buffer.from(`ab${value}`).toString('base64').slice(4, -4)];
function assertNone(text, where) {
  const values = Object.entries(VALUES).filter(([name]) => name !== 'SHORT').map(([name, value]) => [name, forms(value)]);
  for (const [name, texts] of [...values, ['PEM', PEM.split('\n')], ['SHORT', [` ${VALUES.SHORT} `, `"${VALUES.SHORT}"`]]]) {
    for (const form of texts) assert.ok(!text.includes(form), `${where}: ${name} as ${form}`);
  }
}

test('its standard error is logged without them, and stays readable', async () => {
  const { token } = await gateway.grant('one', 'good');
  const session = await Session.open(gateway.endpoint('good'), token);
  seen += JSON.stringify(await session.call('use', {}));
  await until(() => gateway.log.includes("server 'good': told all of it"), 'what it tells');
  assertNone(gateway.log, 'log');
  for (const shown of ['OF_ENV plain ${OF_ENV} end', 'OF_ARGS plain ${OF_ARGS} end', 'OF_FILE plain ${file:secret} end', 'OF_LITERAL plain *** end',
    'OF_INHERITED plain ${INHERITED_KEY} end', 'SHORT plain ${env:SHORT} end', 'OF_ENV json {"value":"${OF_ENV}"} end', 'OF_ENV url ${OF_ENV} end', 'OF_ENV base64 ${OF_ENV}']) {
    assert.ok(gateway.log.includes(shown), shown);
  }
  seen += JSON.stringify(await session.call('nonsense', {}));
  seen += JSON.stringify(await session.call('end', {}));
  session.close();
});

test('what is said of a server that does not start, or is not there, holds none', async () => {
  const { token } = await gateway.grant('two', 'bad', 'far');
  for (const name of ['bad', 'far']) {
    const session = new Session(gateway.endpoint(name), token);
    const { body } = await session.rpc('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } });
    seen += body + JSON.stringify((await session.post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'use', arguments: {} } })).body);
    session.close();
  }
  const status = JSON.parse(await gateway.command('status'));
  assert.equal(status.servers.find(({ name }) => name === 'bad').last_words, 'cannot log in with ${OF_ENV}');
  seen += JSON.stringify(status) + (await warder(['status', '--data', gateway.data])).stdout;
});

test('nor do answers, records, metrics, readiness, check, and anything in the data directory', async () => {
  for (const path of ['/metrics', '/readyz', '/healthz']) seen += await (await fetch(`${gateway.url}${path}`)).text();
  seen += JSON.stringify(await gateway.audit());
  const env = gateway.env;
  for (const args of [['check', '-c', gateway.config], ['check', '-c', gateway.config, '--json'], ['tools', 'good', '--data', gateway.data], ['pins', 'list', '--data', gateway.data]]) {
    const { stdout, stderr } = await warder(args, { env });
    seen += stdout + stderr;
  }
  assertNone(seen, 'said');
  assertNone(gateway.log, 'log');
  await gateway.stop();
  for (const name of readdirSync(gateway.data, { recursive: true })) {
    const file = join(gateway.data, name);
    if (statSync(file).isFile()) assertNone(readFileSync(file, 'latin1'), name);
  }
});

test('the list of servers that a start prints shows ${NAME} where a URL has one', async () => {
  const { spawn } = await import('node:child_process');
  const { binary } = await import('../lib/gateway.mjs');
  const child = spawn(binary, ['run', '-c', gateway.config], { env: { ...process.env, ...gateway.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { said += bytes; });
  await until(() => said.includes('far') && said.includes('policy'), 'the list').finally(() => child.kill('SIGTERM'));
  await new Promise((done) => child.once('exit', done));
  assertNone(said, 'start');
  assert.match(said, /127\.0\.0\.1:1\/\$\{OF_ARGS\}\/mcp/);
});
