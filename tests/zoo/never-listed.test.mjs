// Servers whose list of tools never comes, each in its own way. The longest wait of all suites, so it has a file of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session, VERSION, text } from '../lib/session.mjs';

const allow = { version: '1', default: 'allow', hide: ['secret'] };

describe('Z37 lists that never come', () => {
  const modes = ['million', 'endless', 'bom', 'mute', 'stillborn'];
  const bad = Object.fromEntries(modes.map((mode) => [mode, new Recorder({ mode, tools: ['echo'] })]));
  const good = new Recorder({ tools: ['echo'] });
  const answers = {};
  let gateway;
  let session;
  before(async () => {
    const servers = Object.fromEntries(Object.entries({ ...bad, good }).map(([name, recorder]) => [name, recorder.entry({ policy: allow })]));
    gateway = new Gateway({ servers });
    await gateway.start();
    const { token } = await gateway.grant('all', '*');
    for (const mode of modes) {
      const lone = new Session(gateway.endpoint(mode), token);
      answers[mode] = lone.rpc('initialize', { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 't', version: '1' } }, { timeout: 60_000 })
        .finally(() => lone.close());
    }
    session = await Session.open(gateway.endpoint('good'), token);
  });
  after(async () => {
    session?.close();
    await gateway?.close();
  });

  test('do not keep the others from being served', async () => {
    for (let n = 0; n < 50; n++) {
      const started = performance.now();
      assert.equal(text(await session.call('echo', { n })), `{"n":${n}}`);
      assert.ok(performance.now() - started < 2000, 'without waiting for another server');
    }
  });
  for (const mode of modes) {
    test(`a list that is ${mode}: the client is told, and the server gets no call`, async () => {
      const { message } = await answers[mode];
      assert.equal(message.error?.data?.reason, 'upstream_unavailable', JSON.stringify(message).slice(0, 200));
      assert.deepEqual(bad[mode].calls(), []);
    });
  }
});
