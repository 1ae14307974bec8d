// For script/scan-registry-servers: runs a command with the proxy of tests/lib/aws-reference.mjs in its environment.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Reference } from '../tests/lib/aws-reference.mjs';

const dir = mkdtempSync(join(tmpdir(), 'warder-reference-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const reference = await Reference.start(dir);
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { env: { ...process.env, ...reference.env }, stdio: 'inherit' });
child.on('error', (error) => console.error(error.message));
child.on('close', (code) => {
  reference.close();
  process.exitCode = code ?? 1;
});
