// Authorities and certificates for tests, made by openssl in a directory of the test's.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function identity(dir, name) {
  const certFile = join(dir, `${name}.pem`);
  const keyFile = join(dir, `${name}.key`);
  return { certFile, keyFile, get cert() { return readFileSync(certFile); }, get key() { return readFileSync(keyFile); } };
}

export function authority(dir, name = 'authority') {
  const made = identity(dir, name);
  openssl('req', '-x509', ...NEW_KEY, '-keyout', made.keyFile, '-out', made.certFile, '-subj', `/CN=${name}`, '-days', '30',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign'); // Python 3.13 wants it, and the issuer's key named below
  return made;
}

/** A certificate of `ca` for `names`, such as 'DNS:localhost,IP:127.0.0.1'; with days below 0 it has ended. */
export function issue(dir, ca, name, names, days = 30) {
  const made = identity(dir, name);
  const request = join(dir, `${name}.csr`);
  const extensions = join(dir, `${name}.ext`);
  writeFileSync(extensions, `subjectAltName=${names}\nauthorityKeyIdentifier=keyid\n`);
  openssl('req', ...NEW_KEY, '-keyout', made.keyFile, '-subj', `/CN=${name}`, '-out', request);
  openssl('x509', '-req', '-in', request, '-CA', ca.certFile, '-CAkey', ca.keyFile, '-CAcreateserial', '-days', String(days),
    '-extfile', extensions, '-out', made.certFile);
  return made;
}
