// HTTP/1.1 spoken by hand: sends any bytes, and reads answers without forgiving anything.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const CRLF = '\r\n';

/** Bytes from text, one byte a character up to U+00FF, so that "\xff" is the byte 0xFF. */
export const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));

/** A request's bytes. `headers` is a list of [name, value], written as they are; Content-Length is added unless `bare`. */
export function request({ method = 'POST', target, version = 'HTTP/1.1', headers = [], body = '', bare = false }) {
  const payload = Buffer.isBuffer(body) ? body : Buffer.from(body);
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  if (!bare) lines.push(`Content-Length: ${payload.length}`);
  return bytes([`${method} ${target} ${version}`, ...lines, '', ''].join(CRLF), payload);
}

export class RawConnection {
  /** `tls`: further options of an https connection, such as `ca`. */
  static async open(url, tls = {}) {
    const { protocol, hostname, port } = new URL(url);
    const secure = protocol === 'https:';
    const to = { host: hostname, port: Number(port), noDelay: true };
    const socket = secure ? connectTls({ ...to, ...tls }) : connect(to);
    await new Promise((done, failed) => socket.once(secure ? 'secureConnect' : 'connect', done).once('error', failed));
    return new RawConnection(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.pending = Buffer.alloc(0);
    this.ended = false;
    this.wake = () => {};
    socket.on('data', (chunk) => { this.pending = Buffer.concat([this.pending, chunk]); this.wake(); });
    for (const end of ['end', 'close', 'error']) socket.on(end, () => { this.ended = true; this.wake(); });
  }

  send(...parts) {
    this.socket.write(bytes(...parts));
  }

  close() {
    this.ended = true;
    this.socket.destroy();
  }

  /** Waits for `look()` to be something; undefined when the connection ends or time is up before. */
  async #wait(look, timeout) {
    const end = Date.now() + timeout;
    for (;;) {
      const found = look();
      if (found !== undefined || this.ended) return found;
      const left = end - Date.now();
      if (left <= 0) return undefined;
      let timer;
      await new Promise((done) => { this.wake = done; timer = setTimeout(done, left); });
      clearTimeout(timer);
    }
  }

  #take(length) {
    const taken = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(length);
    return taken;
  }

  async #line(timeout) {
    const end = await this.#wait(() => { const at = this.pending.indexOf(CRLF); return at < 0 ? undefined : at; }, timeout);
    if (end === undefined) return undefined;
    const line = this.#take(end + 2);
    return line.subarray(0, end).toString('latin1');
  }

  async #exactly(length, timeout) {
    const there = await this.#wait(() => (this.pending.length >= length ? true : undefined), timeout);
    return there ? this.#take(length) : undefined;
  }

  async #chunked(timeout) {
    const parts = [];
    for (;;) {
      const head = await this.#line(timeout);
      if (head === undefined) return undefined;
      if (!/^[0-9a-fA-F]+$/.test(head)) throw new Error(`the answer has a chunk of size ${JSON.stringify(head)}`);
      const size = parseInt(head, 16);
      const data = await this.#exactly(size + 2, timeout);
      if (data === undefined) return undefined;
      if (size === 0) return Buffer.concat(parts);
      parts.push(data.subarray(0, size));
    }
  }

  /** One answer: { status, headers (lower-case names), body }; null when the connection ended without one.
   *  Interim answers (1xx) are counted in `interim`. */
  async answer({ timeout = 5000, method = 'POST' } = {}) {
    for (let interim = 0; ; interim++) {
      const start = await this.#line(timeout);
      if (start === undefined) return null;
      const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d) /.exec(start)?.[1]);
      if (!status) throw new Error(`not a status line: ${JSON.stringify(start)}`);
      const headers = {};
      for (;;) {
        const line = await this.#line(timeout);
        if (line === undefined) throw new Error('the answer ends in its head');
        if (line === '') break;
        const colon = line.indexOf(':');
        if (colon <= 0) throw new Error(`not a field: ${JSON.stringify(line)}`);
        const name = line.slice(0, colon).toLowerCase();
        if (name in headers) throw new Error(`the answer repeats ${name}`);
        headers[name] = line.slice(colon + 1).trim();
      }
      if (status < 200) continue;
      let body = Buffer.alloc(0);
      if (headers['transfer-encoding'] === 'chunked') body = await this.#chunked(timeout);
      else if (method !== 'HEAD' && status !== 204 && headers['content-length'] !== undefined) {
        body = await this.#exactly(Number(headers['content-length']), timeout);
      }
      if (!body) throw new Error('the answer ends in its body');
      return { status, headers, interim, body: body.toString('utf8') };
    }
  }

  /** Whether the other side closes within `timeout`, having sent nothing more. */
  async closes(timeout = 2000) {
    await this.#wait(() => (this.pending.length > 0 ? true : undefined), timeout);
    if (this.pending.length > 0) throw new Error(`surplus bytes: ${JSON.stringify(this.pending.toString('latin1').slice(0, 200))}`);
    return this.ended;
  }
}

/** The JSON-RPC messages of an answer, whether it is JSON or an event stream. */
export function messages({ headers, body }) {
  if (!headers['content-type']?.startsWith('text/event-stream')) return body === '' ? [] : [JSON.parse(body)];
  return body.split('\n\n').map((event) => event.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n'))
    .filter((data) => data !== '').map((data) => JSON.parse(data));
}
