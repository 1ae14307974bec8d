// "retention": old segments of the ledger go, at a start and while it runs; what is left verifies and says why it begins
// where it does.
import assert from 'node:assert/strict';
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Gateway, until, warder } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const recorder = new Recorder({ tools: ['echo'] });
const servers = () => ({ a: recorder.entry({ policy: { version: '1', default: 'allow' } }) });
let gateway;
let token;
const segments = () => readdirSync(join(gateway.data, 'ledger')).filter((name) => /^[0-9a-f]{16}\.seg$/.test(name)).sort();
const verify = async () => {
  const { code, stdout } = await warder(['audit', 'verify', '--json', '--data', gateway.data]);
  return { code, ...JSON.parse(stdout) };
};

before(async () => {
  gateway = new Gateway({ servers: servers() });
  await gateway.start();
  ({ token } = await gateway.grant('one', 'a'));
});
after(() => gateway?.close());

/** Enough calls for the next stop to begin a new segment: each takes a block of the ledger. */
async function call(count) {
  const session = await Session.open(gateway.endpoint('a'), token);
  for (let i = 0; i < count; i++) await session.call('echo', { i });
  session.close();
}

test('everything is kept where nothing is said', { timeout: 60_000 }, async () => {
  await call(200);
  await gateway.stop();
  await gateway.start();
  assert.ok(segments().length > 1, segments().join());
  const status = await until(async () => {
    const found = JSON.parse(await gateway.command('status'));
    return found.ledger_segments > 0 && found;
  }, 'the first look');
  assert.equal(status.ledger_segments, segments().length);
  assert.ok(status.ledger_bytes >= 1 << 20);
});

test('a size: old segments go, the chain goes on from the record that says so', { timeout: 60_000 }, async () => {
  const [{ id }] = (await gateway.audit()).filter(({ kind }) => kind === 'decision');
  const [first] = segments();
  await gateway.stop();
  gateway.configure(servers(), { retention: '1MiB' });
  await gateway.start();
  await until(() => !segments().includes(first), 'the first segment to go', 20_000);
  assert.equal((await verify()).ok, true);
  const dropped = (await gateway.audit()).filter(({ kind }) => kind === 'dropped');
  assert.equal(dropped.length, 1);
  assert.ok(dropped[0].count > 100 && /^[0-9a-f]{64}$/.test(dropped[0].digest));
  const why = await until(async () => {
    const found = await warder(['why', id, '--data', gateway.data]);
    return found.code === 1 && found;
  }, 'the projection to let go');
  assert.match(why.stderr, /retention/);
  await call(5);
  await gateway.crash();
  await gateway.start();
  await call(5);
  assert.equal((await verify()).ok, true, 'after kill -9');
});

test('an age, taken up by a reload', { timeout: 60_000 }, async () => {
  await call(200);
  await gateway.stop();
  gateway.configure(servers(), { retention: '100d' });
  await gateway.start();
  const [first] = segments();
  assert.ok(segments().length > 1);
  gateway.configure(servers(), { retention: '1s' });
  await gateway.command('reload');
  await until(() => !segments().includes(first), 'the first segment to go', 20_000);
  assert.equal((await verify()).ok, true);
});

test('a segment that nobody let go of is missed', { timeout: 60_000 }, async () => {
  await call(200);
  await gateway.stop();
  gateway.configure(servers());
  await gateway.start();
  await gateway.stop();
  const all = segments();
  assert.ok(all.length > 1);
  unlinkSync(join(gateway.data, 'ledger', all[0]));
  const found = await verify();
  assert.deepEqual([found.ok, found.code], [false, 1]);
  assert.match(found.what, /retention/);
});

test('what is no retention is said with its place', async () => {
  for (const wrong of ['', '90', 'd', '90 d', '0d', '90d 10d', '1GiB 2GiB', '10GB', '-1d', '1d 1GiB 1h', '99999999999999999999d', 90, ['90d']]) {
    gateway.configure(servers(), { retention: wrong });
    const { code, stdout } = await warder(['check', gateway.config]);
    assert.equal(code, 1, JSON.stringify(wrong));
    assert.match(stdout, /warder\.json:\d+:\d+: error: must be an age .*\(\/retention\)/, JSON.stringify(wrong));
  }
  for (const good of ['90d', '10GiB', '10GiB 2w', '12h 1TiB']) {
    gateway.configure(servers(), { retention: good });
    assert.equal((await warder(['check', gateway.config])).code, 0, good);
  }
});
