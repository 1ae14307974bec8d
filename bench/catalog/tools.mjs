// Lines of made-up tools for `warder catalog add`, the same on every run: node bench/catalog/tools.mjs TOOLS [SERVERS] > tools.jsonl
const count = Number(process.argv[2] ?? 20_000);
const servers = Number(process.argv[3] ?? count / 19);
const verbs = 'get list search create update delete cancel start run send fetch read write add remove set query execute export import'.split(' ');
const nouns = 'job user campaign file record table page issue order payment event message folder report template key token list item query'.split(' ');

let state = 7;
const below = (bound) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 4294967296 * bound);
};
const one = (of) => of[below(of.length)];

let waiting = '';
for (let i = 0; i < count; i++) {
  const server = Math.floor(i * servers / count), verb = one(verbs), object = one(nouns), owner = one(nouns);
  const properties = {};
  for (let p = below(7); p > 0; p--) properties[`${one(nouns)}_${below(10) ? 'id' : 'url'}`] = { type: 'string', description: `The ${object} of the ${owner} that is wanted` };
  waiting += `${JSON.stringify({
    server: `io.github.maker${server % 977}/${nouns[server % nouns.length]}-server-${server}`,
    tool: `${verb}_${object}_${owner}_${i % 19}`,
    description: `${verb[0].toUpperCase()}${verb.slice(1)} the ${object} of a ${owner}. Number ${i}, with some more words, so that it is about as long as such texts are.`,
    inputSchema: { type: 'object', properties, required: Object.keys(properties).slice(0, 1), additionalProperties: false },
  })}\n`;
  if (waiting.length > 1 << 20 || i === count - 1) {
    await new Promise((done) => process.stdout.write(waiting, done));
    waiting = '';
  }
}
