// HTTP/1.1 as it should not be, on the real socket. Each message carries an allowed call that names its vector, so that
// the server's own record tells what was let through. Vectors go to a gateway for each era, with the fields and the body of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Gateway } from '../lib/gateway.mjs';
import { CRLF, RawConnection, bytes } from '../lib/raw-http.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { meta } from '../lib/modern.mjs';
import { eras } from './eras.mjs';

const worlds = {};
let recorder;
let gateway;
let session;
let letThrough;
/** The era of the message whose wire is being made. */
let era;
const enter = (name) => {
  era = name;
  ({ recorder, gateway, session, letThrough } = worlds[name]);
};

const ready = (async () => {
  for (const name of Object.keys(eras)) {
    const world = { recorder: new Recorder({ tools: ['echo'], era: name }), letThrough: [] };
    worlds[name] = world;
    world.gateway = new Gateway({ servers: { recorder: world.recorder.entry({ policy: { version: '1', default: 'deny', tools: { echo: {} } } }) } });
    await world.gateway.start();
    world.session = await eras[name].open(world.gateway.endpoint('recorder'), (await world.gateway.grant('http', 'recorder')).token);
  }
  enter('legacy');
})();
before(() => ready);
after(async () => {
  for (const world of Object.values(worlds)) {
    world.session?.close();
    await world.gateway?.close();
  }
});

const call = (title) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"vector":"${title}"}${era === 'modern' ? `,"_meta":${JSON.stringify(meta())}` : ''}}}`;
/** The fields of an ordinary request, without those of framing. */
const fields = (...without) => eras[era].fields(session, Buffer.from(call(''))).filter(([name]) => !without.includes(name)).map(([name, value]) => `${name}: ${value}`);
const START = 'POST /mcp/recorder HTTP/1.1';
/** A head from lines; CR LF after each, and an empty line. */
const head = (...lines) => [...lines.flat(), '', ''].join(CRLF);
const length = (title) => `Content-Length: ${Buffer.byteLength(call(title))}`;
const chunked = (title) => `${call(title).length.toString(16)}${CRLF}${call(title)}${CRLF}0${CRLF}${CRLF}`;

/** `wire(title)` gives the bytes; `status` one or more that are right; `closes`: must, must not (false), may (null);
 *  `passes`: the call is let through. */
function vector(h, title, wire, status, { closes = true, passes = false, timeout = 5000 } = {}) {
  const name = `${h} ${title}`;
  for (const each of Object.keys(eras)) test(`${name}, ${each}`, { timeout: 30_000 }, async () => {
    enter(each);
    const connection = await RawConnection.open(gateway.url);
    try {
      const parts = wire(name);
      connection.send(...(Array.isArray(parts) ? parts : [parts]));
      const answer = await connection.answer({ timeout });
      const statuses = [status].flat();
      if (answer === null) assert.ok(statuses.includes(null), 'the connection ended without an answer');
      else assert.ok(statuses.includes(answer.status), `status ${answer.status}, expected ${statuses}: ${answer.body}`);
      if (closes) assert.ok(await connection.closes(), 'the connection stays open');
      if (closes === false) assert.ok(!connection.ended, 'the connection was closed');
      if (passes) letThrough.push(name);
    } finally {
      connection.close();
      enter('legacy');
    }
  });
}

/** What waits for the gateway's ten seconds begins with the first test, and fails or passes as its own. */
function slowly(name, begin) {
  const begun = ready.then(begin);
  begun.catch(() => {});
  test(name, { timeout: 20_000 }, () => begun);
}

// What is right goes through: else the refusals below would prove nothing.
vector('H00', 'by length', (t) => [head(START, fields(), length(t)), call(t)], 200, { closes: false, passes: true });
vector('H00', 'by chunks', (t) => [head(START, fields(), 'Transfer-Encoding: chunked'), chunked(t)], 200, { closes: false, passes: true });
vector('H00', 'sizes in capitals and with a zero before', (t) => [head(START, fields(), 'transfer-encoding: chunked'),
  `0${call(t).length.toString(16).toUpperCase()}${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`], 200, { closes: false, passes: true });
vector('H00', 'byte by byte', (t) => [...`${head(START, fields(), length(t))}${call(t)}`], 200, { closes: false, passes: true });

vector('H01', 'length and chunks', (t) => [head(START, fields(), length(t), 'Transfer-Encoding: chunked'), chunked(t)], 400);
vector('H01', 'chunks and length', (t) => [head(START, fields(), 'Transfer-Encoding: chunked', length(t)), chunked(t)], 400);
vector('H01', 'chunks in HTTP/1.0', (t) => [head('POST /mcp/recorder HTTP/1.0', fields(), 'Transfer-Encoding: chunked'), chunked(t)], 400);

for (const [title, ...lines] of [
  ['two equal lengths', 'Content-Length: 5', 'Content-Length: 5'], ['two lengths', 'Content-Length: 5', 'Content-Length: 6'], ['a list', 'Content-Length: 5,5'], ['empty', 'Content-Length: '], ['+5', 'Content-Length: +5'],
  ['-5', 'Content-Length: -5'], ['0x5', 'Content-Length: 0x5'], ['5_0', 'Content-Length: 5_0'], ['20 digits', 'Content-Length: 18446744073709551617'], ['a letter after', 'Content-Length: 5a'], ['5 5', 'Content-Length: 5 5'], ['5.0', 'Content-Length: 5.0'],
]) vector('H02', `Content-Length ${title}`, (t) => [head(START, fields(), ...lines), call(t)], [400, 413]);
vector('H02', 'no length at all is an empty body', (t) => [head(START, fields()), call(t)], 400, { closes: null });

for (const value of ['chunked,identity', 'identity,chunked', ',chunked', 'chunked,', 'xchunked', 'chunkedx', 'chunked;q=1', 'gzip, chunked', 'identity', '"chunked"', 'chunked chunked', 'Chunked', '\x0bchunked', '']) {
  vector('H03', `Transfer-Encoding ${JSON.stringify(value)}`, (t) => [head(START, fields(), `Transfer-Encoding: ${value}`), chunked(t)], [400, 501]);
}
vector('H03', 'Transfer-Encoding twice', (t) => [head(START, fields(), 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), chunked(t)], [400, 501]);

const body = (...parts) => (t) => [head(START, fields(), 'Transfer-Encoding: chunked'), ...parts.map((part) => (typeof part === 'function' ? part(t) : part))];
const size = (t) => call(t).length.toString(16);
for (const [title, line] of [
  ['empty', () => ''], ['+', (t) => `+${size(t)}`], ['-', (t) => `-${size(t)}`], ['0x', (t) => `0x${size(t)}`], ['_', (t) => `${size(t)[0]}_${size(t)[1]}`], ['space before', (t) => ` ${size(t)}`], ['tab after', (t) => `${size(t)}\t`],
  ['17 digits', (t) => `${'0'.repeat(15)}${size(t)}`], ['over 64 bits', (t) => `1${'0'.repeat(14)}${size(t)}`], ['x after', (t) => `${size(t)}x`], ['space inside', (t) => `${size(t)[0]} ${size(t)[1]}`],
]) vector('H04', `chunk size with ${title}`, body((t) => `${line(t)}${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`), 400);

vector('H05', 'a carriage return in an extension', body((t) => `${size(t)};a=b\rc${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`), 400);
vector('H05', 'a carriage return in the space before one', body((t) => `${size(t)} \r;a${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`), 400);
vector('H05', 'a quoted line feed in an extension', body((t) => `${size(t)};a="b\nc"${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`), 400);
vector('H05', 'an extension of 300 bytes', body((t) => `${size(t)};${'a'.repeat(300)}${CRLF}${call(t)}${CRLF}0${CRLF}${CRLF}`), [400, 431]);

vector('H06', 'a bare line feed after the start line', (t) => [`${START}\n${head(fields(), length(t))}`, call(t)], 400);
vector('H06', 'a bare line feed after a field', (t) => [head(START, `X-A: b\nX-C: d`, fields(), length(t)), call(t)], 400);
vector('H06', 'a bare line feed as the empty line', (t) => [[START, ...fields(), length(t), '\n'].join(CRLF), call(t)], 400);
vector('H06', 'a bare carriage return after a field', (t) => [head(START, `X-A: b\rX-C: d`, fields(), length(t)), call(t)], 400);
vector('H06', 'a bare line feed after a chunk size', body((t) => `${size(t)}\n${call(t)}${CRLF}0${CRLF}${CRLF}`), 400);
vector('H06', 'a bare line feed after a chunk', body((t) => `${size(t)}${CRLF}${call(t)}\n0${CRLF}${CRLF}`), 400);
vector('H06', 'a bare line feed in the trailer', body((t) => `${size(t)}${CRLF}${call(t)}${CRLF}0${CRLF}X-T: y\n${CRLF}`), 400);
vector('H06', 'a trailer, which nobody needs', body((t) => `${size(t)}${CRLF}${call(t)}${CRLF}0${CRLF}X-T: y${CRLF}${CRLF}`), 400);
vector('H06', 'all line feeds bare', (t) => [head(START, fields(), length(t)).replaceAll(CRLF, '\n'), call(t)], 400);

for (const [title, line] of [
  ['a folded line', 'X-A: b\r\n c'], ['a space before the colon', 'X-A : b'], ['an empty name', ': b'], ['no colon', 'X-A'], ['NUL in a name', 'X-\0A: b'], ['NUL in a value', 'X-A: b\0c'], ['0x80 in a name', 'X-\x80: b'], ['0x01 in a value', 'X-A: \x01'],
  ['DEL in a value', 'X-A: \x7f'], ['a tab in a name', 'X\tA: b'], ['brackets in a name', 'X[A]: b'], ['a quote in a name', 'X"A: b'],
]) vector('H07', title, (t) => [head(START, fields(), line, length(t)), call(t)], 400);
vector('H07', 'space before the first field', (t) => [head(START, ` ${fields()[0]}`, fields().slice(1), length(t)), call(t)], 400);

vector('H08', 'no line end after a chunk', body((t) => `${size(t)}${CRLF}${call(t)}0${CRLF}${CRLF}`), 400);
vector('H08', 'two bytes that are none after a chunk', body((t) => `${size(t)}${CRLF}${call(t)}XX0${CRLF}${CRLF}`), 400);
vector('H08', 'X after the last chunk\'s carriage return', body((t) => `${size(t)}${CRLF}${call(t)}${CRLF}0${CRLF}\rX`), 400);
test('H08 bytes after a refused request are not read as a second one', async () => {
  const connection = await RawConnection.open(gateway.url);
  const inner = 'H08 smuggled';
  connection.send(head(START, fields(), 'Content-Length: 5', 'Content-Length: 6'), 'aaaaa', head(START, fields(), length(inner)), call(inner));
  assert.equal((await connection.answer()).status, 400);
  assert.ok(await connection.closes());
});
test('H08 a second request on the line is answered after the first', async () => {
  const connection = await RawConnection.open(gateway.url);
  const names = ['H08 first', 'H08 second'];
  connection.send(...names.flatMap((name) => [head(START, fields(), length(name)), call(name)]));
  for (const name of names) {
    const answer = await connection.answer();
    assert.equal(answer.status, 200);
    assert.ok(answer.body.includes(name));
    letThrough.push(name);
  }
  connection.close();
});

vector('H09', 'no Host', (t) => [head(START, fields('Host'), length(t)), call(t)], 400);
vector('H09', 'Host twice', (t) => [head(START, fields(), fields()[0], length(t)), call(t)], 400);
for (const host of ['', 'a b', 'evil.example\\@localhost', 'localhost:99999', 'localhost:x', 'user@localhost', '[::1', 'a/b']) {
  vector('H09', `Host ${JSON.stringify(host)}`, (t) => [head(START, `Host: ${host}`, fields('Host'), length(t)), call(t)], [400, 403]);
}
vector('H09', 'a foreign Host', (t) => [head(START, 'Host: evil.example.com', fields('Host'), length(t)), call(t)], [400, 403, 421], { closes: null });
vector('H09', 'a foreign Origin', (t) => [head(START, fields(), 'Origin: http://evil.example.com', length(t)), call(t)], 403, { closes: null });
vector('H09', 'Origin null', (t) => [head(START, fields(), 'Origin: null', length(t)), call(t)], 403, { closes: null });
vector('H09', 'an absolute target with another authority', (t) => [head('POST http://evil.example.com/mcp/recorder HTTP/1.1', fields(), length(t)), call(t)], [400, 403, 404]);

for (const method of ['PUT', 'PATCH', 'HEAD', 'TRACE', 'CONNECT', 'PRI', 'post', 'Post', 'POSTX', 'POS', 'GETX', 'M-SEARCH', 'PROPFIND']) {
  vector('H10', `method ${method}`, (t) => [head(`${method} /mcp/recorder HTTP/1.1`, fields(), length(t)), call(t)], [400, 405, 501, ...(method === 'PRI' ? [505] : [])], { closes: null });
}
for (const version of ['HTTP/1.32', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'HTTP/1.', 'HTTP/1', 'http/1.1', 'HTTP/01.1', 'HTTP/1.1x', 'HTTP 1.1', 'HTTPS/1.1', 'ICE/1.0', '']) {
  vector('H11', `version ${JSON.stringify(version)}`, (t) => [head(`POST /mcp/recorder ${version}`.trim(), fields(), length(t)), call(t)], [400, 505]);
}
vector('H11', 'the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]);
vector('H11', 'HTTP/0.9', () => `GET /mcp/recorder${CRLF}`, [400, 505]);
for (const each of Object.keys(eras)) slowly(`H11 TLS, ${each}`, async () => {
  const connection = await RawConnection.open(worlds[each].gateway.url);
  try {
    connection.send(bytes('\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', Buffer.alloc(160)));
    const answer = await connection.answer({ timeout: 12_000 });
    assert.ok([400, 408].includes(answer?.status), `status ${answer?.status}`);
    assert.ok(await connection.closes(), 'the connection stays open');
  } finally {
    connection.close();
  }
});

const crowd = Array.from({ length: 101 }, (_, i) => `X-${i}: y`);
vector('H12', '101 more fields', (t) => [head(START, fields(), crowd, length(t)), call(t)], 431);
vector('H12', 'a line of 9 KiB', (t) => [head(START, fields(), `X-A: ${'b'.repeat(9 << 10)}`, length(t)), call(t)], 431);
vector('H12', 'a head of 40 KiB', (t) => [head(START, fields(), Array.from({ length: 40 }, (_, i) => `X-${i}: ${'b'.repeat(1 << 10)}`), length(t)), call(t)], 431);
vector('H12', 'a target of 9 KiB', (t) => [head(`POST /mcp/recorder?${'a'.repeat(9 << 10)} HTTP/1.1`, fields(), length(t)), call(t)], [404, 414, 431]);
vector('H12', 'a trailer of 40 KiB', body((t) => `${size(t)}${CRLF}${call(t)}${CRLF}0${CRLF}${Array.from({ length: 40 }, (_, i) => `X-${i}: ${'b'.repeat(1 << 10)}${CRLF}`).join('')}${CRLF}`), [400, 431]);
slowly('H12 one byte a second: the head has ten', async () => {
  const connection = await RawConnection.open(worlds.legacy.gateway.url);
  const slow = head(START, fields(), 'Content-Length: 0');
  const started = Date.now();
  let at = 0;
  const drip = setInterval(() => { if (!connection.ended) connection.send(slow[at++]); }, 1000);
  connection.send(slow[at++]);
  const answer = await connection.answer({ timeout: 13_000 });
  clearInterval(drip);
  assert.ok(answer === null || answer.status === 408, `status ${answer?.status}`);
  assert.ok(await connection.closes());
  const took = Date.now() - started;
  assert.ok(took > 8000 && took < 12_500, `${took} ms`);
});

test('H13 Expect: 100-continue is answered, then the call', async () => {
  const name = 'H13 continue';
  const connection = await RawConnection.open(gateway.url);
  connection.send(head(START, fields(), 'Expect: 100-continue', length(name)));
  const answer = connection.answer();
  await delay(200);
  connection.send(call(name));
  assert.equal((await answer).status, 200);
  assert.equal((await answer).interim, 1);
  letThrough.push(name);
  connection.close();
});
test('H13 Expect: 100-continue of a refused request gets the refusal, and a close', async () => {
  const connection = await RawConnection.open(gateway.url);
  connection.send(head(START, fields('Content-Type'), 'Content-Type: text/plain', 'Expect: 100-continue', length('H13 refused')));
  const answer = await connection.answer();
  assert.equal(answer.status, 415);
  assert.equal(answer.interim, 0);
  assert.ok(await connection.closes());
});
vector('H13', 'the body without waiting', (t) => [head(START, fields(), 'Expect: 100-continue', length(t)), call(t)], 200, { closes: false, passes: true });
vector('H13', 'another expectation', (t) => [head(START, fields(), 'Expect: 200-ok', length(t)), call(t)], [400, 417]);

for (const target of ['//mcp/recorder', '/mcp//recorder', '/mcp/../mcp/recorder', '/./mcp/recorder', '/%6dcp/recorder', '/mcp%2frecorder', '/mcp/recorder/', '/mcp/recorder;x', '/mcp/recorder/..', '/mcp\\recorder', '/MCP/recorder', '/mcp/Recorder', '/mcp/recorde%72x', '/mcp/recorder%00', '/mcp/', '/mcp/recorder%2f..%2frecorder', '*']) {
  vector('H14', `target ${target}`, (t) => [head(`POST ${target} HTTP/1.1`, fields(), length(t)), call(t)], [400, 404], { closes: null });
}
for (const target of ['/mcp/reco\0rder', '/mcp/recorder\x7f', '/mcp/reco rder', '/mcp/recorder#x', 'mcp/recorder', '']) {
  vector('H14', `target ${JSON.stringify(target)}`, (t) => [head(`POST ${target} HTTP/1.1`, fields(), length(t)), call(t)], [400, 404, 505]);
}

test('H15 what the gateway writes of our input cannot break its own head', async () => {
  for (const id of ['\\r\\nX-Evil: 1', '\\u000d\\u000a']) {
    const answer = await session.post(`{"jsonrpc":"2.0","id":"${id}","method":"ping"}`);
    assert.equal(answer.status, 400);
    assert.ok(!('x-evil' in answer.headers));
  }
});

test('H16 fields of the client go no further', async () => {
  // stdio has no fields at all: what arrives is the message alone, and no variable of the environment is new.
  const name = 'H16 hops';
  const answer = await session.raw(bytes(head(START, fields(), 'Connection: authorization, keep-alive', 'TE: trailers', 'Forwarded: for=1.2.3.4', 'X-Forwarded-For: 1.2.3.4', 'Upgrade: websocket', 'traceparent: 00-x', length(name)), call(name)));
  assert.ok([200, 400].includes(answer.status));
  if (answer.status === 200) letThrough.push(name);
  assert.notEqual(answer.status, 101);
});

test('H18 a connection is not used again after an error', async () => {
  const connection = await RawConnection.open(gateway.url);
  connection.send(head(START, fields(), 'Content-Length: 5', 'Transfer-Encoding: chunked'), 'aaaaa');
  assert.equal((await connection.answer()).status, 400);
  connection.send(head(START, fields(), length('H18 again')), call('H18 again'));
  assert.ok(await connection.closes());
});

for (const each of Object.keys(eras)) {
  test(`the server got the calls that were right, and no other, ${each}`, async () => {
    enter(each);
    const got = recorder.calls().map((params) => params.arguments.vector);
    assert.deepEqual([...new Set(got)].sort(), letThrough.sort());
    assert.equal(new Set(got).size, got.length, 'none twice');
    assert.equal((await session.call('echo', { vector: 'last' })).result.isError ?? false, false);
  });
}
