// The same vectors from a client without a session (MCP 2026-07-28): what must be said of a message by itself is put into
// its bytes and its fields, as a client would that means to get round something; the expectation changes with it.
import { MODERN, Modern, meta } from '../lib/modern.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { Session } from '../lib/session.mjs';

const OURS = `"io.modelcontextprotocol/protocolVersion":"${MODERN}","io.modelcontextprotocol/clientInfo":{"name":"warder","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{}`;
const THEIRS = JSON.stringify(meta()).slice(1, -1);

/** _meta into the first "params" of the bytes; what has none, or is no text, stays as it is. */
function withMeta(body) {
  const text = body.toString('latin1');
  if (/"_meta":\{/.test(text)) return Buffer.from(text.replace(/"_meta":\{(\}?)/, (_, end) => `"_meta":{${THEIRS}${end || ','}`), 'latin1');
  if (text.includes('"_meta"')) return body;
  return Buffer.from(text.replace(/"params":\{(\}?)/, (_, end) => `"params":{"_meta":{${THEIRS}}${end || ','}`), 'latin1');
}

/** The message as a reader that forgives everything sees it; null where there is none. */
function read(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
const isPlain = (text) => /^[\x21-\x7e]+$/.test(text);

/** Where the bytes say that they are of this era, as the strictest of readers sees them. */
const saysEra = (body) => read(body)?.params?._meta?.['io.modelcontextprotocol/protocolVersion'] === MODERN;

const modernWire = (wire) => (wire.includes(',"_meta":{"progressToken":ID}}}')
  ? wire.replace(',"_meta":{"progressToken":ID}}}', `,"_meta":{${OURS},"progressToken":ID}}}`)
  : wire.replace(/\}\}$/, `,"_meta":{${OURS}}}}`));

/** What HTTP and the parser refuse is refused before an era is known. */
const early = ['parse_error', 'invalid_request', 'batch', 'too_large', 'media_type', 'header_mismatch', 'not_acceptable', null];

function modernVector(vector) {
  const body = withMeta(vector.body);
  const expect = { ...vector.expect };
  if (expect.wire !== undefined) expect.wire = modernWire(expect.wire);
  if (!early.includes(expect.reason)) {
    const { method, params } = read(body) ?? {};
    if (params === null || typeof params !== 'object' && params !== undefined || Array.isArray(params)) return { ...vector, body };
    if (params?.name?.length > 8192) return { ...vector, body, expect: { reason: null, status: 431, code: -32600, record: null }, ends: true };
    if (!saysEra(body)) return { ...vector, body, expect: { reason: 'meta_invalid', status: 400, code: -32602, record: 'malformed' } };
    if (!isPlain(method)) return { ...vector, body, expect: { reason: 'mirror_mismatch', status: 400, code: -32020, record: 'malformed' } };
    if (method === 'subscriptions/listen') return { ...vector, body, expect: { reason: 'invalid_params', status: 200, code: -32602, record: 'malformed' } };
    if (expect.reason === 'method_not_found') expect.status = 404;
  }
  return { ...vector, body, expect };
}

/** The fields that go with a message, as far as it can be read. */
function fieldsOf(client, body) {
  const message = read(body);
  if (!message) return [...client.fields(), ['Mcp-Method', 'tools/call'], ['Mcp-Name', 'echo']];
  const { method, params } = message;
  return client.fieldsFor({ method: isPlain(String(method)) ? String(method) : 'tools/call', params });
}

export const eras = {
  legacy: {
    vectors: (all) => all,
    open: (endpoint, token, options) => Session.open(endpoint, token, options),
    fields: (client) => client.fields(),
    send: (client, message) => client.post(message),
  },
  modern: {
    // what asks about a session has no meaning without one
    vectors: (all) => all.filter((one) => one.z !== 'Z29' && !one.version && !one.session).map(modernVector),
    open: async (endpoint, token) => new Modern(endpoint, token),
    fields: fieldsOf,
    send: (client, message) => {
      const whole = { ...message, params: { ...message.params, _meta: { ...meta(), ...message.params?._meta } } };
      return client.post(whole, { headers: client.fieldsFor(whole) });
    },
  },
};

/** Each era to a server over each transport. `recorder` makes that server; it may have to be waited for. */
export const pairs = Object.keys(eras).flatMap((era) => ['stdio', 'http'].map((back) => ({
  name: `${era}-${back}`, era, back, ...eras[era],
  recorder: async (config) => {
    const recorder = new Recorder({ ...config, era });
    return back === 'http' ? recorder.listen() : recorder;
  },
})));
