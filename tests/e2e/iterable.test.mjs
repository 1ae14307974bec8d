// The main job, end to end: the real @iterable/mcp behind a policy, used by the official clients.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { IterableApi } from '../../examples/iterable/api.mjs';
import { officialClients } from '../lib/clients.mjs';
import { Gateway, warder } from '../lib/gateway.mjs';
import { Session, decision, text } from '../lib/session.mjs';
import { roomInWindow } from '../lib/windows.mjs';

const KEY = '0123456789abcdef0123456789abcdef';
const MINUTE = 60_000;
const program = fileURLToPath(new URL('../node_modules/@iterable/mcp/dist/index.js', import.meta.url));
const policy = (name) => JSON.parse(readFileSync(new URL(`policies/${name}.json`, import.meta.url)));
const JOB = { dataTypeName: 'user', outputFormat: 'text/csv' };

const api = new IterableApi(KEY);
let gateway;

const iterable = (document) => ({
  command: process.execPath, args: [program], home: 'fresh', policy: document,
  env: {
    ITERABLE_API_KEY: KEY, ITERABLE_BASE_URL: api.url,
    ITERABLE_USER_PII: 'true', ITERABLE_ENABLE_WRITES: 'true', ITERABLE_ENABLE_SENDS: 'true',
  },
});

before(async () => {
  await api.listen();
  gateway = new Gateway({
    servers: {
      long: iterable(policy('first-example')),
      short: iterable(policy('short-forms')),
      open: iterable({ version: '1', default: 'allow' }),
    },
  });
  await gateway.start();
});
after(async () => {
  await gateway?.close();
  await api.close();
});

/** What a call caused at the vendor's end. */
async function reached(what) {
  const mark = api.log.length;
  const value = await what();
  return { value, log: api.log.slice(mark) };
}

for (const [label, connect] of Object.entries(officialClients)) {
  for (const server of ['long', 'short']) {
    describe(`${label}, ${server} form of the policy`, () => {
      let client;
      before(async () => {
        const { token } = await gateway.grant(`${label} ${server}`, server);
        client = await connect(gateway.endpoint(server), token);
      });
      after(() => client?.close());

      test('only what the policy allows is listed', async () => {
        const { tools } = await client.listTools();
        const names = tools.map((tool) => tool.name).sort();
        assert.deepEqual(names, server === 'long' ? ['get_export_jobs', 'start_export_job'] : ['get_export_jobs', 'get_lists', 'start_export_job']);
        for (const tool of tools) assert.equal(tool.inputSchema.type, 'object');
      });

      test('get_export_jobs works', async () => {
        const { value, log } = await reached(() => client.callTool({ name: 'get_export_jobs', arguments: { jobState: 'running' } }));
        assert.notEqual(value.isError, true);
        assert.deepEqual(JSON.parse(text({ result: value })), { jobs: [] });
        assert.deepEqual(log, ['GET /api/export/jobs?jobState=running']);
      });

      test('start_export_job works ten times in a minute, and the eleventh is told why and how long to wait', async () => {
        await roomInWindow(MINUTE, 20_000);
        const { log } = await reached(async () => {
          for (let i = 0; i < 10; i++) {
            const result = await client.callTool({ name: 'start_export_job', arguments: JOB });
            assert.notEqual(result.isError, true, `call ${i + 1}: ${JSON.stringify(result)}`);
            assert.equal(typeof JSON.parse(text({ result })).jobId, 'number');
          }
        });
        assert.deepEqual(log, Array(10).fill('POST /api/export/start'));

        const { value, log: none } = await reached(() => client.callTool({ name: 'start_export_job', arguments: JOB }));
        assert.deepEqual(none, []);
        assert.equal(value.isError, true);
        assert.match(text({ result: value }), /^\[POLICY DENIED\] ./);
        const told = decision({ result: value });
        assert.equal(told.code, 'rate_limited');
        assert.equal(told.decision, 'deny');
        assert.equal(told.rule, server === 'long' ? '/tools/start_export_job/limits/0' : '/tools/start_export_job/rate_limit');
        assert.equal(told.limit, 10);
        assert.equal(told.remaining, 0);
        const left = MINUTE - (Date.now() % MINUTE);
        assert.ok(told.retry_after_ms > 0 && Math.abs(told.retry_after_ms - left) < 5000, `retry_after_ms ${told.retry_after_ms}, ${left} left`);
        assert.match(told.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

        const jobs = await client.callTool({ name: 'get_export_jobs', arguments: {} });
        assert.notEqual(jobs.isError, true, 'other tools still work');
      });

      test('cancel_export_job is unknown', async () => {
        const { log } = await reached(() =>
          assert.rejects(client.callTool({ name: 'cancel_export_job', arguments: { jobId: 1001 } }), (error) => {
            assert.equal(error.code, -32602);
            assert.match(error.message, /Unknown tool: cancel_export_job/);
            return true;
          }));
        assert.deepEqual(log, []);
      });

      if (server === 'short') {
        test('a denied tool says the policy\'s reason', async () => {
          const { value, log } = await reached(() => client.callTool({ name: 'get_lists', arguments: {} }));
          assert.deepEqual(log, []);
          assert.equal(value.isError, true);
          assert.equal(text({ result: value }), '[POLICY DENIED] Lists are not yours to read.');
          assert.equal(decision({ result: value }).code, 'denied');
          assert.equal(decision({ result: value }).rule, '/tools/get_lists');
        });

        test('prompts that drive denied or hidden tools are hidden with them', async () => {
          const { prompts } = await client.listPrompts();
          assert.deepEqual(prompts.map((prompt) => prompt.name), ['get-export-jobs']);
          const prompt = await client.getPrompt({ name: 'get-export-jobs', arguments: {} });
          assert.match(JSON.stringify(prompt.messages), /get_export_jobs/);
          for (const name of ['get-lists', 'get-campaigns', 'cancel-export-job', 'no-such-prompt']) {
            await assert.rejects(client.getPrompt({ name, arguments: {} }), (error) => error.code === -32602, name);
          }
        });
      }
    });
  }
}

test('every other of the 118 tools is denied, and none reaches the vendor', async () => {
  const wide = await Session.open(gateway.endpoint('open'), (await gateway.grant('wide', 'open')).token);
  const all = await wide.tools();
  wide.close();
  assert.equal(all.length, 118);

  // "calls" of all_tools must not deny what this test looks at: the short form has no such limit.
  const narrow = await Session.open(gateway.endpoint('short'), (await gateway.grant('narrow', 'short')).token);
  const { log } = await reached(async () => {
    for (const name of all) {
      if (['get_export_jobs', 'start_export_job', 'get_lists', 'cancel_export_job'].includes(name)) continue;
      const told = decision(await narrow.call(name, {}));
      assert.equal(told?.code, 'default_deny', name);
      assert.equal(told.rule, '/default', name);
    }
  });
  narrow.close();
  assert.deepEqual(log, []);
});

test('a hidden tool is answered byte for byte as an unknown one', async () => {
  const { token } = await gateway.grant('twins', 'long');
  const answer = async (name) => {
    const session = await Session.open(gateway.endpoint('long'), token);
    const { status, headers, body } = await session.rpc('tools/call', { name, arguments: { jobId: 1001 } });
    session.close();
    delete headers.date;
    return { status, headers, body: body.replaceAll(name, 'NAME') };
  };
  const { value, log } = await reached(async () => [await answer('cancel_export_job'), await answer('cancel_export_jox')]);
  assert.deepEqual(value[0], value[1]);
  assert.deepEqual(log, []);
});

test('the audit tells every decision', async () => {
  const records = await gateway.auditUntil((all) => all.some((one) => one.name === 'cancel_export_jox'));
  const decisions = records.filter((one) => one.kind === 'decision' && one.method === 'tools/call');
  const count = (reason, name) => decisions.filter((one) => one.reason === reason && one.name === name).length;
  assert.equal(count('allowed', 'start_export_job'), 40, 'ten for each of four grants');
  assert.equal(count('rate_limited', 'start_export_job'), 4);
  assert.equal(count('denied', 'get_lists'), 2);
  assert.equal(api.log.filter((line) => line.startsWith('POST')).length, 40);
  assert.equal(api.log.filter((line) => line.startsWith('DELETE')).length, 0);
  assert.equal(records.filter((one) => one.name === 'cancel_export_job' && one.reason === 'unknown_tool').length, 5);
});

test('the policies load as they are', async () => {
  for (const name of ['first-example', 'short-forms']) {
    const file = fileURLToPath(new URL(`policies/${name}.json`, import.meta.url));
    const { code, stdout, stderr } = await warder(['check', file], { cwd: join(gateway.dir) });
    assert.equal(code, 0, stdout + stderr);
  }
});
