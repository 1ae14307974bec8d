// AWS for a test, on loopback: moto answers for its services, and a proxy of ours for the one document that a server reads
// from the internet at its start (aws-reference.mjs). What came to moto is in its log.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Reference } from './aws-reference.mjs';
import { root, until } from './gateway.mjs';

const bin = join(root, 'build/aws/bin');
const packages = {
  healthomics: 'awslabs.aws-healthomics-mcp-server',
  timestream: 'awslabs.timestream-for-influxdb-mcp-server',
  'aws-api': 'awslabs.aws-api-mcp-server',
};

const running = new Set();
process.on('exit', () => {
  for (const one of running) one.killNow();
});

export class Aws {
  static async start() {
    if (!existsSync(join(bin, 'moto_server'))) throw new Error('build/aws is not there: script/setup --test installs it');
    const aws = new Aws();
    running.add(aws);
    aws.dir = mkdtempSync(join(tmpdir(), 'warder-aws-'));
    mkdirSync(join(aws.dir, 'work'));
    await Promise.all([aws.#moto(), Reference.start(aws.dir).then((reference) => { aws.reference = reference; })]);
    return aws;
  }

  /** `log`: "METHOD path" of each request that moto answered, in order. */
  async #moto() {
    this.log = [];
    this.asked = 0;
    this.child = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', '0'], { env: { PATH: process.env.PATH, HOME: this.dir, PYTHONUNBUFFERED: '1' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    this.url = await new Promise((found, failed) => {
      this.child.once('exit', (code) => failed(new Error(`moto_server ended with ${code}: ${said}`)));
      createInterface({ input: this.child.stderr }).on('line', (line) => {
        said += `${line}\n`;
        const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line);
        if (url) found(url[1]);
        const request = /"([A-Z]+ \S*) HTTP\/1\.[01]"/.exec(line.replace(/\x1b\[[0-9;]*m/g, ''));
        if (request) this.log.push(request[1]);
      });
    });
  }

  /** An entry of mcpServers that runs the server which examples/aws calls so; what it reads goes through tee. */
  entry(name, more) {
    return {
      command: '/bin/sh', args: ['-c', 'tee -a "$1" | "$0"', join(bin, packages[name]), this.#tap(name)], home: 'fresh', isolation: 'server', ...more,
      env: {
        AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true',
        AWS_ENDPOINT_URL: this.url, ...this.reference.env, AWS_API_MCP_WORKING_DIR: join(this.dir, 'work'), AWS_API_MCP_TELEMETRY: 'false',
      },
    };
  }

  #tap = (name) => join(this.dir, `${name}.in`);

  /** The params of every tools/call that this server was sent. */
  calls(name) {
    return readFileSync(this.#tap(name), 'utf8').split('\n').filter((line) => line.includes('"tools/call"'))
      .map((line) => JSON.parse(line)).filter((message) => message.method === 'tools/call').map((message) => message.params);
  }

  /** What `what` caused at AWS: { value, log }. */
  async reached(what) {
    await this.#logged();
    const mark = this.log.length;
    const value = await what();
    await this.#logged();
    return { value, log: this.log.slice(mark) };
  }

  /** moto's line about what it answered comes when it comes: a request of our own behind it tells. */
  async #logged() {
    const path = `/logged-${++this.asked}`;
    await fetch(this.url + path, { method: 'HEAD' });
    await until(() => this.log.includes(`HEAD ${path}`), 'moto\'s log');
    this.log.splice(this.log.indexOf(`HEAD ${path}`), 1);
  }

  killNow() {
    this.child?.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  close() {
    running.delete(this);
    this.reference.close();
    this.killNow();
  }
}
