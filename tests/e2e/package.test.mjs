// The Debian package: made, installed into a root of its own, used from there, removed, purged. And the manual pages:
// they hold every subcommand, option, setting, member and operator that the program knows.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { root as project, warder } from '../lib/gateway.mjs';

function run(command, args, options = {}) {
  return new Promise((done) => {
    execFile(command, args, { maxBuffer: 1 << 26, timeout: 120_000, ...options }, (error, stdout, stderr) =>
      done({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }));
  });
}

let dir, rootfs, deb;
const dpkg = (...args) => run('dpkg', [`--instdir=${rootfs}`, `--admindir=${rootfs}/var/lib/dpkg`, '--log=/dev/null',
  '--force-script-chrootless', '--force-not-root', '--force-depends', ...args], { env: { ...process.env, DPKG_MAINTSCRIPT_DEBUG: '' } });

before(async () => {
  const made = await run(join(project, 'script/package'), [], { cwd: project });
  assert.equal(made.code, 0, made.stdout + made.stderr);
  deb = join(project, 'build', readdirSync(join(project, 'build')).find((name) => /^warder_.*\.deb$/.test(name)));
  dir = mkdtempSync(join(tmpdir(), 'warder-package-'));
  rootfs = join(dir, 'root');
  for (const part of ['etc', 'var/lib/dpkg/info', 'var/lib/dpkg/updates', 'var/lib/dpkg/triggers'])
    mkdirSync(join(rootfs, part), { recursive: true });
  for (const file of ['status', 'available']) writeFileSync(join(rootfs, 'var/lib/dpkg', file), '');
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\n');
});
after(() => rmSync(dir, { recursive: true, force: true }));

test('it installs, runs from where it lies, and goes', { timeout: 180_000 }, async () => {
  const installed = await dpkg('-i', deb);
  assert.equal(installed.code, 0, installed.stderr);
  assert.match(readFileSync(join(rootfs, 'etc/passwd'), 'utf8'), /^warder:.*:\/var\/lib\/warder:\/usr\/sbin\/nologin$/m);
  assert.equal(statSync(join(rootfs, 'etc/warder/warder.json')).mode & 0o777, 0o640);

  const program = join(rootfs, 'usr/bin/warder');
  const version = await run(program, ['version']);
  assert.equal(version.code, 0, version.stderr);
  const bundled = await run(program, ['catalog', 'add', '--bundled', '--index', join(dir, 'catalog.db'), '--json']);
  assert.equal(bundled.code, 0, bundled.stderr);
  assert.ok(JSON.parse(bundled.stdout).tools >= 2000, bundled.stdout);
  const rpath = await run('readelf', ['-d', program]);
  assert.doesNotMatch(rpath.stdout, /RUNPATH.*\/(build|tmp|home)\//);
  const checked = await run(program, ['check', join(rootfs, 'etc/warder/warder.json')]);
  assert.match(checked.stdout, /no server is configured[^]*write "mcpServers"[^]*1 error\n/);

  const again = await dpkg('-i', deb);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(readFileSync(join(rootfs, 'etc/passwd'), 'utf8').match(/^warder:/gm).length, 1);

  writeFileSync(join(rootfs, 'etc/warder/warder.json'), '{"mcpServers": {}}');
  const removed = await dpkg('-r', 'warder');
  assert.equal(removed.code, 0, removed.stderr);
  assert.ok(!existsSync(program));
  assert.equal(readFileSync(join(rootfs, 'etc/warder/warder.json'), 'utf8'), '{"mcpServers": {}}');
  const purged = await dpkg('-P', 'warder');
  assert.equal(purged.code, 0, purged.stderr);
  assert.ok(!existsSync(join(rootfs, 'etc/warder/warder.json')));
});

test('the unit is confined', async () => {
  const unpacked = join(dir, 'unpacked');
  assert.equal((await run('dpkg-deb', ['-x', deb, unpacked])).code, 0);
  const unit = readFileSync(join(unpacked, 'lib/systemd/system/warder.service'), 'utf8');
  for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'ProtectHome=yes', 'PrivateTmp=yes', 'PrivateDevices=yes',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6', 'SystemCallFilter=@system-service', 'User=warder', 'CapabilityBoundingSet=', 'KillMode=mixed'])
    assert.ok(unit.split('\n').includes(line), line);
  const start = /^ExecStart=(\S+) (.*)$/m.exec(unit);
  assert.ok(existsSync(join(unpacked, start[1])));
  assert.match(start[2], /^run --config \/etc\/warder\/warder\.json$/);
  for (const [section, page] of [['1', 'warder.1'], ['5', 'warder.json.5'], ['5', 'warder-policy.5']])
    assert.match(gunzipSync(readFileSync(join(unpacked, `usr/share/man/man${section}/${page}.gz`))).toString(), /^\.TH /);
});

/** The words of a table in the sources: what the manual must not forget. */
const rows = (file, pattern) => [...readFileSync(join(project, file), 'utf8').matchAll(pattern)].map((match) => match[1]);

test('the manual holds what the tables hold', async () => {
  const pages = {};
  for (const page of ['warder', 'warder.json', 'warder-policy']) {
    const { code, stdout, stderr } = await warder(['help', '--man', page]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^\\.TH ${page.toUpperCase().replace('.', '\\.')} [15] `));
    for (const line of stdout.split('\n')) assert.doesNotMatch(line, /^'|^\.(?!TH|nh|ad|SH|SS|PP|TP|B|BR|I|nf|fi)/, `a request: ${line}`);
    pages[page] = stdout.replaceAll('\\-', '-').replaceAll('\\(dq', '"').replaceAll('\\&', '');
  }
  for (const words of rows('src/cli/subcommands.def', /SUBCOMMAND\("([^"]+)"/g)) assert.ok(pages.warder.includes(`.SS "warder ${words}`), words);
  for (const name of rows('src/config/settings.def', /^SETTING\(\w+, (\w+)/gm)) assert.match(pages['warder.json'], new RegExp(`^\\.B ${name}\\b`, 'm'), name);
  for (const name of rows('src/policy/schema.def', /^MEMBER\(\w+,\s+"([^"]+)"/gm)) assert.ok(pages['warder-policy'].includes(`\n.B ${name}\n`), name);
  for (const name of rows('src/policy/ops.def', /^OP\((\w+)/gm)) assert.ok(pages['warder-policy'].includes(`\n.B ${name}\n`), name);
  const wrong = await warder(['help', '--man', 'nothing']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /warder, warder\.json, warder-policy/);
});
