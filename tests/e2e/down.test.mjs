// Servers that do not come up: a client hears of it soon, the operator reads why, and they are tried again.
import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { HttpServer } from '../lib/http-server.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, VERSION } from '../lib/session.mjs';

const policy = { version: '1', default: 'allow' };
const shell = (line) => ({ command: '/bin/sh', args: ['-c', line], policy });

describe('servers that do not come up', () => {
  const program = join(tmpdir(), `warder-vanishes-${process.pid}`);
  let gateway, grant;
  before(async () => {
    writeFileSync(program, '#!/no/such/interpreter\n');
    chmodSync(program, 0o755);
    gateway = new Gateway({ servers: {
      exits: shell('echo "no \\033[31mkey\\033[0m" >&2; exit 1'),
      garbage: shell('while read line; do echo garbage; done'),
      wrong: shell('n=0; while read line; do n=$((n + 1)); echo "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":$n,\\"result\\":{}}"; done'),
      vanished: { command: program, policy },
    } });
    await gateway.start();
    grant = await gateway.grant('all', '*');
  });
  after(async () => {
    rmSync(program);
    await gateway.close();
  });

  for (const name of ['exits', 'garbage', 'wrong', 'vanished']) {
    test(`${name}: a client is told soon, and at once when it asks again`, async () => {
      const session = new Session(gateway.endpoint(name), grant.token);
      const ask = () => session.rpc('initialize', { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 't', version: '1' } });
      for (const most of [8000, 8000]) {
        const begun = Date.now();
        const { message } = await ask();
        assert.equal(message.error.data.reason, 'upstream_unavailable');
        assert.ok(Date.now() - begun < most, `${Date.now() - begun} ms`);
      }
      session.close();
    });
  }
});

test('what it said last is its error, not the trace and the version that runtimes write behind it', async () => {
  const trace = "process.stderr.write('Error: no key\\n' + '    at start (main.js:1)\\n'.repeat(9) + 'Node.js v24\\n'); process.exit(1)";
  const old = 'echo "error: once" >&2; i=0; while [ $i -lt 70 ]; do echo "working $i" >&2; i=$((i+1)); done; exit 1';
  const gateway = new Gateway({ servers: { fails: { command: process.execPath, args: ['-e', trace] }, later: shell(old) } });
  await gateway.start();
  const said = await until(async () => {
    const { servers } = JSON.parse(await gateway.command('status'));
    return servers.every((server) => server.state === 'down' && server.last_words) && servers.map((server) => server.last_words);
  }, 'both ended');
  assert.deepEqual(said, ['Error: no key', 'working 69']);
  await gateway.close();
});

test('status says why, what it said last, and when it is tried again', async () => {
  const gateway = new Gateway({ servers: { exits: shell('echo first >&2; printf "no \\033[31mkey\\n" >&2; exit 3') } });
  await gateway.start();
  const one = await until(async () => {
    const [server] = JSON.parse(await gateway.command('status')).servers;
    return server.state === 'down' && server.last_words && server.next_try_ms > 1000 && server;
  }, 'the reason');
  assert.equal(one.why, 'it ended with status 3');
  assert.equal(one.last_words, 'no \u001b[31mkey');
  const { stdout } = await warder(['status', '-d', gateway.data]);
  assert.match(stdout, /exits +down\n +it ended with status 3; it is (tried again in \d+ s|being tried again)\n +its last words: no \\x1b\[31mkey\n/);
  assert.ok(stdout.includes(`warder tools -d ${gateway.data}`), stdout);
  assert.match(stdout, /NAME -d \S+\n {50}a token for a client\n/, 'what does not fit stands below');
  assert.match((await warder(['tools', '-d', gateway.data])).stdout, /^exits down\nIt lists no tools now: warder status/);
  assert.ok(stdout.includes(`warder audit tail -d ${gateway.data}\n`));
  await gateway.close();
});

test('a server that comes up after some failures is served', async () => {
  const recorder = new Recorder({ mode: 'stillborn', tools: ['echo'] });
  const gateway = new Gateway({ servers: { late: recorder.entry({ policy }) } });
  await gateway.start();
  const grant = await gateway.grant('one', 'late');
  await assert.rejects(Session.open(gateway.endpoint('late'), grant.token));
  recorder.configure({ tools: ['echo'] });
  const session = await until(() => Session.open(gateway.endpoint('late'), grant.token).catch(() => undefined), 'the server', 30_000);
  assert.deepEqual(await session.tools(), ['echo']);
  session.close();
  await gateway.close();
});

test('an HTTP server that is back up serves who asks next: its long rest ends with that', async () => {
  const first = await new HttpServer(['echo']).listen();
  const { port, url } = first;
  await first.close();
  const gateway = new Gateway({ servers: { back: { url, policy } } });
  await gateway.start();
  const grant = await gateway.grant('one', 'back');
  const trouble = async () => JSON.parse(await gateway.command('status')).servers[0];
  const due = await until(async () => { // its rest is 8 s or more
    const { state, next_try_ms: next } = await trouble();
    return state === 'down' && next > 4500 && performance.now() + next;
  }, 'a long rest', 30_000);
  const server = await new HttpServer(['echo']).listen(port);
  const session = await until(() => Session.open(gateway.endpoint('back'), grant.token).catch(() => undefined), 'the server', 30_000);
  const early = due - performance.now();
  assert.deepEqual(await session.tools(), ['echo']);
  assert.ok(early > 0 || (await trouble()).state === 'ready', `${early} ms before its next try`);
  session.close();
  await gateway.close();
  await server.close();
});
