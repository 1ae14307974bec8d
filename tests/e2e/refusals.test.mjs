// Refused tokens: the client hears one and the same 401, the operator reads why, and no log holds a secret.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';

describe('refused tokens', () => {
  let gateway;
  const bodies = new Set();
  before(async () => {
    gateway = new Gateway({ servers: { one: new Recorder({ tools: ['echo'] }).entry({ policy: { version: '1', default: 'allow' } }) } });
    await gateway.start();
  });
  after(() => gateway.close());

  async function refused(token, more = {}) {
    const answer = await fetch(gateway.endpoint('one'), { method: 'POST', body: '{}', headers: {
      'Content-Type': 'application/json', Accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...more } });
    assert.equal(answer.status, 401);
    bodies.add(await answer.text());
  }
  const logged = (pattern) => until(() => pattern.test(gateway.log), `${pattern} in the log`);
  const peer = 'refused: 127\\.0\\.0\\.1:\\d+: ';

  test('the operator reads why', async () => {
    const revoked = await gateway.grant('the "old" one', 'one');
    await gateway.revoke(revoked.id);
    const other = new Gateway({ servers: { one: { command: '/bin/true' } } });
    await other.start();
    const foreign = await other.grant('foreign', 'one');
    await other.close();
    const rotated = await gateway.grant('rotated', 'one');
    await gateway.command('grant', 'rotate', rotated.id);
    const expired = JSON.parse(await gateway.command('grant', 'create', '--label', 'short', '--server', 'one', '--expires', '1s'));
    await delay(1100);
    await refused(undefined);
    await refused('secretsecretsecret');
    await refused(foreign.token);
    await refused(revoked.token);
    await delay(1100); // five a second
    await refused(rotated.token);
    await refused(expired.token);
    await logged(new RegExp(`${peer}no bearer token`));
    await logged(new RegExp(`${peer}not a token of Warder's form`));
    await logged(new RegExp(`${peer}a token of no grant that is known here: ${foreign.id}`));
    await logged(new RegExp(`${peer}the token of a revoked grant: grant ${revoked.id} 'the "old" one'`));
    await logged(new RegExp(`${peer}a token with another secret than the grant's: grant ${rotated.id} 'rotated'`));
    await logged(new RegExp(`${peer}the token of an expired grant: grant ${expired.id} 'short'`));
    assert.equal(bodies.size, 1, 'clients are told one thing');
    for (const { token } of [foreign, revoked, rotated, expired]) {
      const secret = token.slice(token.indexOf('_', 4) + 1);
      for (let at = 0; at + 8 <= secret.length; at += 4) assert.ok(!gateway.log.includes(secret.slice(at, at + 8)));
    }
    assert.ok(!gateway.log.includes('secretsecret'));
  });

  test('a flood is counted, not logged line by line', async () => {
    await delay(1100);
    const before = gateway.log.split('refused: 127').length, begun = Date.now();
    for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 10 }, () => refused('nobody')));
    await delay(1100);
    await refused('nobody');
    await logged(/refused: \d+ more requests for want of a valid token/);
    const lines = gateway.log.split('refused: 127').length - before;
    assert.ok(lines <= 5 * (2 + (Date.now() - begun) / 1000), `${lines} lines`);
    const unsaid = [...gateway.log.matchAll(/refused: (\d+) more/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(lines + unsaid, 201);
  });
});
