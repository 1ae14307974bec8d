#!/usr/bin/env node
// A stand-in for Iterable's documented export API, on loopback and in memory. It keeps a log of what reached it.
// Run as a program it prints its URL: ITERABLE_API_KEY=KEY node api.mjs [PORT]
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

export class IterableApi {
  constructor(key) {
    this.key = key;
    this.jobs = [];
    this.log = []; // "METHOD path", in order of arrival
    this.server = createServer((request, response) => this.#handle(request, response));
  }

  async listen(port = 0) {
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  async #handle(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    this.log.push(`${request.method} ${request.url}`);
    const answer = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers['api-key'] !== this.key) return answer(401, { code: 'BadApiKey', msg: 'Invalid API key' });
    const url = new URL(request.url, this.url);
    if (request.method === 'GET' && url.pathname === '/api/export/jobs') {
      const state = url.searchParams.get('jobState');
      return answer(200, { jobs: this.jobs.filter((job) => state === null || job.jobState === state) });
    }
    if (request.method === 'POST' && url.pathname === '/api/export/start') {
      const { dataTypeName } = JSON.parse(Buffer.concat(parts).toString('utf8'));
      const job = { id: 1001 + this.jobs.length, dataTypeName, jobState: 'enqueued' };
      this.jobs.push(job);
      return answer(200, { jobId: job.id });
    }
    const [, id, files] = /^\/api\/export\/(\d+)(\/files)?$/.exec(url.pathname) ?? [];
    const job = this.jobs.find((one) => one.id === Number(id));
    if (job && files && request.method === 'GET') return answer(200, { exportTruncated: false, files: [], jobId: job.id, jobState: job.jobState });
    if (job && !files && request.method === 'DELETE') {
      job.jobState = 'cancelling';
      return answer(200, { code: 'Success', msg: 'cancelling' });
    }
    return answer(404, { code: 'NotFound', msg: 'no such export job' });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const api = await new IterableApi(process.env.ITERABLE_API_KEY).listen(Number(process.argv[2] ?? 0));
  console.log(api.url);
}
