// A small MCP client over raw HTTP: one connection, one session, any bytes as a message.
import { RawConnection, messages, request } from './raw-http.mjs';

export const VERSION = '2025-11-25';

export class Session {
  /** `endpoint`: URL of one server; `token`: of a grant; `tls`: options of https connections. */
  constructor(endpoint, token, tls) {
    this.tls = tls;
    this.url = new URL(endpoint);
    this.token = token;
    this.next = 1;
  }

  static async open(endpoint, token, { version = VERSION, clientInfo = { name: 'warder-tests', version: '1' }, tls, timeout } = {}) {
    const session = new Session(endpoint, token, tls);
    const answer = await session.rpc('initialize', { protocolVersion: version, capabilities: {}, clientInfo }, { timeout });
    if (!answer.message?.result) throw new Error(`no session: ${answer.status} ${answer.body}`);
    session.id = answer.headers['mcp-session-id'];
    session.initialized = answer.message.result;
    session.version = session.initialized.protocolVersion;
    await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  /** The fields of an ordinary POST, as a list that a test may change. */
  fields() {
    return [
      ['Host', this.url.host],
      ['Authorization', `Bearer ${this.token}`],
      ['Content-Type', 'application/json'],
      ['Accept', 'application/json, text/event-stream'],
      ...(this.version ? [['MCP-Protocol-Version', this.version]] : []),
      ...(this.id ? [['Mcp-Session-Id', this.id]] : []),
    ];
  }

  /** Sends a message (an object, text or bytes) and reads the answer: { status, headers, body, messages, message }. */
  async post(message, { headers = this.fields(), method = 'POST', timeout = 15_000 } = {}) {
    const body = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    return this.raw(request({ method, target: this.url.pathname, headers, body }), { timeout });
  }

  /** Sends the bytes of a whole request; a fresh connection where the last one has ended. */
  async raw(wire, { timeout = 15_000 } = {}) {
    if (!this.connection || this.connection.ended) this.connection = await RawConnection.open(this.url, this.tls);
    this.connection.send(wire);
    const answer = await this.connection.answer({ timeout });
    if (!answer) throw new Error(this.connection.ended ? 'the gateway closed without an answer' : `no answer within ${timeout} ms`);
    if (answer.headers.connection === 'close') this.connection.close();
    answer.messages = messages(answer);
    answer.message = answer.messages.at(-1);
    return answer;
  }

  async rpc(method, params, options) {
    const id = this.next++;
    const answer = await this.post({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }, options);
    if (answer.status === 200 && answer.message?.id !== id) throw new Error(`answer to ${answer.message?.id}, not to ${id}: ${answer.body}`);
    return answer;
  }

  /** A tool call: the JSON-RPC message that answers it. */
  async call(name, args = {}, options) {
    return (await this.rpc('tools/call', { name, arguments: args }, options)).message;
  }

  async tools() {
    return (await this.rpc('tools/list', {})).message.result.tools.map((tool) => tool.name);
  }

  /** Ends the session. */
  async end() {
    const answer = await this.post('', { method: 'DELETE' });
    this.close();
    return answer;
  }

  close() {
    this.connection?.close();
  }
}

/** What a denial says of itself: the decision in a result's _meta. */
export const decision = (message) => message.result?._meta?.['dev.warder/decision'];
/** The text of a result. */
export const text = (message) => message.result?.content?.map((block) => block.text).join('');
