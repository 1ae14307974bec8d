// What clients leave behind when they go in any way: nothing. tests/soak/run hygiene does the same ten thousand times.
import { test } from 'node:test';
import { hygiene } from '../soak/hygiene.mjs';

test('clients that leave in every way leave nothing', { timeout: 120_000 }, async () => {
  await hygiene(900);
});
