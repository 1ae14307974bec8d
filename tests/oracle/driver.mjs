// The C side as a process: cases in, answers out, in order.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = process.env.WARDER_ORACLE ?? `${root}build/release/tests/oracle/oracle`;

export function checkProgram() {
  if (!existsSync(program)) throw new Error(`${program} is not there: script/build, or meson compile -C build/release`);
}

// One case, at once. An answer of null: it did not come to an end.
export function askNow(one) {
  const { stdout, stderr, status } = spawnSync(program, { input: `${JSON.stringify(one)}\n`, maxBuffer: 1 << 28 });
  return status === 0 ? { answer: JSON.parse(stdout) } : { answer: null, why: String(stderr).trim() };
}

export class Driver {
  constructor() {
    this.waiting = [];
    this.errors = '';
    this.tail = '';
    this.process = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdout.setEncoding('utf8').on('data', (text) => this.#read(text));
    this.process.stderr.setEncoding('utf8').on('data', (text) => { this.errors += text; });
    this.process.stdin.on('error', () => {}); // told by the end of the process
    this.process.on('close', () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`the driver ended: ${this.errors}`));
    });
  }

  #read(text) {
    const lines = (this.tail + text).split('\n');
    this.tail = lines.pop();
    for (const line of lines) this.waiting.shift().resolve(JSON.parse(line));
  }

  ask(one) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(`${JSON.stringify(one)}\n`);
    });
  }

  end() {
    this.process.stdin.end();
  }
}
