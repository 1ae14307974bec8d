// The one document that AWS's API server reads from the internet at its start: a proxy on loopback that CONNECTs to nowhere
// else, and speaks TLS as that one host.
import { createServer } from 'node:http';
import { TLSSocket } from 'node:tls';
import { authority, issue } from './certificates.mjs';

const REFERENCE = 'servicereference.us-east-1.amazonaws.com';

export class Reference {
  sockets = new Set();

  /** Its keys are made in `dir`, which the caller removes. */
  static async start(dir) {
    const reference = new Reference();
    const ca = authority(dir);
    const { key, cert } = issue(dir, ca, 'reference', `DNS:${REFERENCE}`);
    const documents = createServer((request, response) => {
      const body = request.url === '/' ? [{ service: 's3', url: `https://${REFERENCE}/v1/s3/s3.json` }] : { Actions: [] };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    reference.proxy = createServer((request, response) => response.writeHead(403).end());
    reference.proxy.on('connection', (socket) => reference.sockets.add(socket));
    reference.proxy.on('connect', (request, socket) => {
      socket.on('error', () => {});
      if (request.url !== `${REFERENCE}:443`) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      const inside = new TLSSocket(socket, { isServer: true, key, cert });
      inside.on('error', () => {});
      documents.emit('connection', inside);
    });
    await new Promise((done) => reference.proxy.listen(0, '127.0.0.1', done));
    reference.env = {
      HTTPS_PROXY: `http://127.0.0.1:${reference.proxy.address().port}`, NO_PROXY: '127.0.0.1', REQUESTS_CA_BUNDLE: ca.certFile,
    };
    return reference;
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.proxy.close();
  }
}
