// Published clients through the gateway to published servers, each with each. What passed is written down as
// build/compatibility.md, and docs/compatibility.md must say the same.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, root } from '../lib/gateway.mjs';
import { MODERN } from '../lib/modern.mjs';
import { realClients } from '../lib/real-clients.mjs';
import { realServers, versionOf } from '../lib/real-servers.mjs';
import { decision, text } from '../lib/session.mjs';

const real = await realServers();
const cells = new Map(); // "server client" -> text
const at = (server, client) => `${server.id} ${client.label}`;
const grants = new Map();
let gateway;

before(async () => {
  gateway = await new Gateway({ servers: Object.fromEntries(real.servers.map((server) => [server.id, server.entry])) }).start();
  for (const client of realClients) grants.set(client, await gateway.grant(client.label, '*'));
});
after(async () => {
  await gateway?.close();
  await real.close();
});

const matches = (value, wanted) => (wanted instanceof RegExp ? assert.match(value, wanted) : assert.equal(value, wanted));

/** All that a client does with a server; what it sees is what the policy leaves. */
async function use(connection, client, server) {
  const { allowed, denied, hidden, prompt, resource, reason } = server;
  assert.deepEqual(await connection.tools(), [allowed.tool, denied.tool].sort());

  const result = await connection.call(allowed.tool, allowed.args);
  assert.ok(!result.isError, JSON.stringify(result));
  matches(text({ result }), allowed.text);

  const no = await connection.call(denied.tool, denied.args);
  assert.equal(no.isError, true);
  assert.equal(text({ result: no }), `[POLICY DENIED] ${reason}`);
  assert.deepEqual([decision({ result: no }).code, decision({ result: no }).rule], ['denied', `/tools/${denied.tool}`]);

  const unknown = client.careful ? /not found on server/ : new RegExp(`Unknown tool: ${hidden.tool}`);
  await assert.rejects(connection.call(hidden.tool, hidden.args), (error) => unknown.test(error.message));

  if (prompt) {
    if (connection.prompts) assert.deepEqual(await connection.prompts(), [prompt.name]);
    matches((await connection.prompt(prompt.name)).messages[0].content.text, prompt.text);
  }
  if (resource) {
    if (connection.resources) assert.deepEqual(await connection.resources(), [resource.uri]);
    matches((await connection.read(resource.uri)).contents[0].text, resource.text);
  }
}

/** The era in which they met, by the ledger's word; which also has each call once. */
async function era(client, server) {
  const wanted = [[server.allowed.tool, 'allowed'], [server.denied.tool, 'denied'], ...(client.careful ? [] : [[server.hidden.tool, 'unknown_tool']])];
  const mine = (records) => records.filter((one) => one.kind === 'decision' && one.server === server.id && one.grant === grants.get(client).id && one.method === 'tools/call');
  const records = mine(await gateway.auditUntil((all) => mine(all).length >= wanted.length));
  assert.deepEqual(records.map((one) => [one.name, one.reason]), wanted);
  const sessions = new Set(records.map((one) => one.session !== undefined));
  assert.equal(sessions.size, 1);
  return sessions.has(true) ? 'sessions' : MODERN;
}

describe('clients and servers', { concurrency: 2 }, () => {
  for (const client of realClients) {
    describe(client.label, () => {
      for (const server of real.servers) {
        const common = client.eras.filter((one) => server.eras.includes(one));
        test(server.label, async () => {
          const connecting = client.connect(gateway.endpoint(server.id), grants.get(client).token);
          if (!common.length) {
            await assert.rejects(connecting, client.refusal);
            cells.set(at(server, client), 'refused');
            return;
          }
          const connection = await connecting;
          try {
            await use(connection, client, server);
          } finally {
            await connection.close();
          }
          const met = await era(client, server);
          assert.equal(met, common.includes('modern') ? MODERN : 'sessions');
          cells.set(at(server, client), met);
        });
      }
    });
  }
});

test('docs/compatibility.md says what was seen', () => {
  const row = (columns) => `| ${columns.join(' | ')} |\n`;
  const page = `# Which clients work with which servers

Each client of the first line, through Warder's HTTP, with each server of the first column, over the transport that is named.
\`tests/e2e/compatibility.test.mjs\` does it, writes this page as \`build/compatibility.md\`, and fails where the two differ.

${row(['server', ...realClients.map((client) => client.label)])}${row(['---', ...realClients.map(() => '---')])}${
  real.servers.map((server) => row([server.label, ...realClients.map((client) => cells.get(at(server, client)) ?? 'fails')])).join('')}
\`sessions\`, \`${MODERN}\`: they met in that era, and all of this passed: connecting; the list of tools, as the policy leaves it;
an allowed call with its right answer; a denied one with the policy's text; a hidden tool, which is unknown; where the server has
them, the lists of prompts and resources, as the policy leaves them, and one of each got. The Inspector says from the list that a
tool is unknown, without asking, and is not asked for the other lists. What starts \`mcp-remote\` is the client of sdk ${versionOf('@modelcontextprotocol/sdk')}.

\`refused\`: by design, for nothing is translated between the eras ([protocol.md](protocol.md)). A client with sessions gets
\`-32602\`, "the server opens no sessions", one of ${MODERN} gets \`-32022\`; both with the revisions that would do. For a
desktop client that opens sessions, \`mcp-remote --protocol auto\` in between is the way to a server of ${MODERN}.

The three servers of AWS in [examples/aws](../examples/aws/README.md) have a test of their own, \`tests/e2e/aws.test.mjs\`.
`;
  writeFileSync(join(root, 'build/compatibility.md'), page);
  assert.equal(readFileSync(join(root, 'docs/compatibility.md'), 'utf8'), page, 'build/compatibility.md is what was seen');
});
