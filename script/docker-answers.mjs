// For script/scan-registry-servers: runs a command beside what answers every request on 127.0.0.1:2375 as a Docker daemon says its version.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ApiVersion: '1.43', MinAPIVersion: '1.24', Version: '24.0.0' }));
});
await new Promise((done, failed) => server.once('error', failed).listen(2375, '127.0.0.1', done));
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: 'inherit' });
child.on('error', (error) => console.error(error.message));
child.on('close', (code) => {
  server.close();
  server.closeAllConnections();
  process.exitCode = code ?? 1;
});
