// What is hidden cannot be told from what is not there: two gateways, of which one has hidden entries and the other has
// none, answer every question with the same bytes; in both eras, over both transports.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';
import { pairs } from './eras.mjs';

const many = (word, count) => Array.from({ length: count }, (_, i) => `${word}_${i}`);
const policy = {
  version: '1', default: 'allow', hide: ['secret*'],
  prompts: { default: 'allow', deny: ['secret*'] }, resources: { default: 'allow', deny: ['note://secret*'] },
};
const seen = { tools: ['a', 'b', 'c'], prompts: ['p', 'q'], resources: ['note://a', 'note://b'] };
const configs = {
  plain: seen,
  hiding: {
    tools: ['secret_1', 'a', 'secret_2', 'b', 'c', ...many('secret', 1200)], prompts: ['secret_p', 'p', 'secret_q', 'q', 'secret_r'],
    resources: ['note://secret_1', 'note://a', 'note://secret_2', 'note://b', 'note://secret_3'],
  },
};

for (const pair of pairs) {
  describe(pair.name, () => {
    let gateway;
    const sessions = {};
    before(async () => {
      const servers = {};
      for (const [name, config] of Object.entries(configs)) servers[name] = (await pair.recorder(config)).entry({ policy });
      gateway = new Gateway({ servers });
      await gateway.start();
      const { token } = await gateway.grant('oracle', '*');
      for (const name of Object.keys(configs)) sessions[name] = await pair.open(gateway.endpoint(name), token);
    });
    after(async () => {
      for (const session of Object.values(sessions)) session.close();
      await gateway?.close();
    });

    /** The same message to both: status, fields and body are equal. */
    async function alike(method, params) {
      const message = { jsonrpc: '2.0', id: 'same', method, ...(params ? { params } : {}) };
      const [plain, hiding] = await Promise.all([pair.send(sessions.plain, message), pair.send(sessions.hiding, message)]);
      const said = ({ status, headers, body }) => ({ status, headers, body });
      assert.deepEqual(said(hiding), said(plain));
      return plain;
    }

    for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
      test(`${method}, with every cursor`, async () => {
        const { message } = await alike(method);
        assert.equal(message.result.nextCursor, undefined);
        for (const cursor of ['0', '1', '2', '3', '4', '5', '6', '1200', '1204', '1205', '1206', '-1', '01', '', 'x', '9'.repeat(40)]) await alike(method, { cursor });
      });
    }

    test('a call, however it is put', async () => {
      for (const params of [
        { name: 'secret_1' }, { name: 'secret_1', arguments: { a: 9007199254740992000 } }, { name: 'secret_1', arguments: [] },
        { name: 'secret_1', arguments: {}, _meta: { progressToken: 't' } }, { name: 'secret_1', arguments: {}, task: {} },
      ]) await alike('tools/call', params);
      await alike('prompts/get', { name: 'secret_p' });
      await alike('resources/read', { uri: 'note://secret_1' });
    });
  });
}

test('pages of what is seen go on where the last one ended', async () => {
  const names = many('tool', 2100);
  const recorder = new Recorder({ tools: names.flatMap((name, i) => [name, `secret_${i}`]) });
  const paged = new Gateway({ servers: { recorder: recorder.entry({ policy }) } });
  try {
    await paged.start();
    const session = await Session.open(paged.endpoint('recorder'), (await paged.grant('pages', 'recorder')).token);
    const found = [];
    let cursor;
    let pages = 0;
    do {
      const { message } = await session.rpc('tools/list', cursor ? { cursor } : {});
      found.push(...message.result.tools.map((tool) => tool.name));
      cursor = message.result.nextCursor;
      pages++;
    } while (cursor);
    assert.deepEqual(found, names);
    assert.equal(pages, 3);
    session.close();
  } finally {
    await paged.close();
  }
});
