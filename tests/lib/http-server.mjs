// An MCP server over HTTP that writes its answers byte by byte as a test says, and keeps what it was sent.
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const CRLF = '\r\n';

/** An answer's bytes: a head from lines, then a body. */
export const answer = (lines, body = '') => Buffer.concat([Buffer.from([...lines, '', ''].join(CRLF), 'latin1'), Buffer.from(body)]);
export const ok = (body, type = 'application/json') =>
  answer(['HTTP/1.1 200 OK', `Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`], body);

export class HttpServer {
  /** `tls`: key and cert, and whatever else a server of node:tls takes. */
  constructor(tools, tls) {
    this.tools = tools;
    this.tls = tls;
    this.requests = []; // { head, body, connection } in order of arrival
    this.answers = {};  // name -> (id, message) => bytes, or { bytes, end }
    this.connections = 0;
    this.sockets = new Set();
    this.server = tls ? createTlsServer(tls, (socket) => this.#accept(socket)) : createServer((socket) => this.#accept(socket));
    this.server.on('tlsClientError', () => {});
  }

  async listen(port = 0) {
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.port = this.server.address().port;
    this.url = `http${this.tls ? 's' : ''}://127.0.0.1:${this.server.address().port}/mcp`;
    return this;
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((done) => this.server.close(done));
  }

  #accept(socket) {
    const connection = ++this.connections;
    let pending = Buffer.alloc(0);
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const end = pending.indexOf(CRLF + CRLF);
        if (end < 0) return;
        const head = pending.subarray(0, end).toString('latin1');
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (pending.length < end + 4 + length) return;
        const body = pending.subarray(end + 4, end + 4 + length).toString('utf8');
        pending = pending.subarray(end + 4 + length);
        this.requests.push({ head, body, connection });
        this.#answer(socket, head, body);
      }
    });
  }

  #answer(socket, head, body) {
    const send = ({ bytes, end = false }) => (end ? socket.end(bytes) : socket.write(bytes));
    if (!head.startsWith('POST ')) return send({ bytes: answer(['HTTP/1.1 200 OK', 'Content-Length: 0']) });
    const message = JSON.parse(body);
    const { id, method, params } = message;
    if (id === undefined) return send({ bytes: answer(['HTTP/1.1 202 Accepted', 'Content-Length: 0']) });
    const result = (value) => ({ bytes: ok(JSON.stringify({ jsonrpc: '2.0', id, result: value })) });
    switch (method) {
      case 'initialize':
        return send(result({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'http-server', version: '1' } }));
      case 'tools/list':
        return send(result({ tools: this.tools.map((name) => ({ name, inputSchema: { type: 'object' } })) }));
      case 'tools/call': {
        const told = this.answers[params.arguments?.vector]?.(id, message);
        if (!told) return send(result({ content: [{ type: 'text', text: JSON.stringify(params.arguments) }] }));
        return send(Buffer.isBuffer(told) ? { bytes: told } : told);
      }
      default:
        return send({ bytes: ok(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } })) });
    }
  }
}
