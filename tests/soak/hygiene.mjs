// Connections opened and left in every way leave no descriptor, process or memory behind: tests/soak/run hygiene, and
// with fewer connections a test of the e2e suite.
import assert from 'node:assert/strict';
import { Gateway, until } from '../lib/gateway.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';
import { holds, leave } from './leavers.mjs';

const GROWTH = 4096; // KiB that the second half may take more than the first: pools fill up to their ceilings
const PER_GRANT = 1500; // connections: the sessions that they leave behind are fewer than one grant may have

async function batch(gateway, count) {
  const { id, token } = await gateway.grant(`leavers`, 'recorder');
  await leave({ url: gateway.endpoint('recorder'), token, tool: 'echo' }, count);
  await gateway.revoke(id); // and with it the sessions that nobody deleted
}

export async function hygiene(connections, say = () => {}) {
  const recorder = new Recorder({ tools: ['echo'] });
  const policy = { version: '1', default: 'allow' };
  const gateway = new Gateway({
    servers: { recorder: recorder.entry({ policy, isolation: 'server' }) }, settings: { audit: 'process', log: 'error' },
  });
  await gateway.start();
  const { token } = await gateway.grant('witness', 'recorder');
  const witness = await Session.open(gateway.endpoint('recorder'), token);
  const settled = async (like) => {
    try {
      await until(() => {
        const now = holds(gateway.pid);
        return !like || (now.descriptors <= like.descriptors && now.children <= like.children);
      }, 'descriptors and processes to be given back', 30_000);
    } catch (error) {
      throw new Error(`${error.message}: ${JSON.stringify({ like, now: holds(gateway.pid) })}`);
    }
    return holds(gateway.pid);
  };

  await witness.call('echo');
  const first = await settled();
  say('at rest', first);
  let middle;
  for (let done = 0; done < connections;) {
    const count = Math.min(PER_GRANT, Math.ceil(connections / 4), connections - done);
    await batch(gateway, count);
    done += count;
    const now = await settled(first);
    say(`after ${done}`, now);
    if (!middle && done >= connections / 2) middle = now;
    assert.equal((await witness.call('echo')).result.isError ?? false, false);
  }
  const last = await settled(first);
  assert.ok(last.kilobytes - middle.kilobytes < GROWTH,
    `the second half of ${connections} connections took ${last.kilobytes - middle.kilobytes} KiB`);
  witness.close();
  await gateway.close();
  recorder.remove();
  return { first, middle, last };
}
