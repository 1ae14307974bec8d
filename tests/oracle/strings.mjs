// Operators that read a string as something: globs, paths of files, hosts of URLs, command lines.
// Each reader returns undefined for a string that is unusable.
export const bytes = (text) => Buffer.byteLength(text);

// `*` is any run of bytes. Pieces between stars are whole characters, so characters do as well as bytes.
export function globMatch(pattern, text) {
  const pieces = pattern.split('*');
  if (pieces.length === 1) return pattern === text;
  const first = pieces.shift(), last = pieces.pop();
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/* ---- path_within */
const PATH_BYTES_MOST = 4096;

export function resolvePath(path) {
  if (bytes(path) > PATH_BYTES_MOST || !/^\/(?!\/)/.test(path)) return undefined;
  if (/[\\%\u0000-\u001f\u007f]/.test(path)) return undefined;
  const kept = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept.at(-1)?.endsWith(' ') ? undefined : kept; // some readers trim
}

export function isWithin(parts, root) {
  const rootParts = resolvePath(root);
  return rootParts.every((part, i) => parts[i] === part);
}

/* ---- host_in */
const LABEL_MOST = 63, NAME_MOST = 253; // RFC 1035 §2.3.4
function ipv4(text) {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

// Eight groups as one number, or undefined: RFC 4291 §2.2, but no form that has an IPv4 address inside.
function ipv6(text) {
  const groupsOf = (half) => (half === '' ? [] : half.split(':'));
  const halves = text.split('::').map(groupsOf);
  if (halves.length > 2 || !halves.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const count = halves.flat().length;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = halves.length === 1 ? halves[0] : [...halves[0], ...Array(8 - count).fill('0'), ...halves[1]];
  const value = all.reduce((sum, group) => sum * 65536n + BigInt(parseInt(group, 16)), 0n);
  const compatible = value >> 32n === 0n && value > 1n, mapped = value >> 32n === 0xffffn;
  return compatible || mapped || value >> 96n === 0x64ff9bn ? undefined : value;
}

// A host as it is compared: "6:<number>" of an IPv6 address, else the name or the four decimals in lower case.
function host(text) {
  if (text.startsWith('[')) {
    const value = text.endsWith(']') ? ipv6(text.slice(1, -1)) : undefined;
    return value === undefined ? undefined : `6:${value}`;
  }
  if (!/^[A-Za-z0-9._-]+$/.test(text) || text.endsWith('.') || text.length > NAME_MOST) return undefined;
  const labels = text.split('.');
  if (labels.some((label) => label === '' || label.length > LABEL_MOST)) return undefined;
  if (/^(\d+|0[xX][0-9a-fA-F]*)$/.test(labels.at(-1)) && !ipv4(text)) return undefined;
  return text.toLowerCase();
}

export function hostOfUrl(url) {
  // eslint-disable-next-line no-control-regex
  if (/[^\u0021-\u007e]|\\/.test(url)) return undefined;
  const parts = /^https?:\/\/([^/?#]*)/i.exec(url);
  if (!parts || parts[1].includes('@')) return undefined;
  const authority = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(parts[1]);
  if (!authority) return undefined;
  const [, name, port] = authority;
  if (port !== undefined && !(/^(0|[1-9]\d{0,4})$/.test(port) && Number(port) <= 65535)) return undefined;
  return host(name);
}

export function hostIsOneOf(found, patterns) {
  return patterns.some((pattern) => {
    if (pattern.startsWith('*.')) {
      return !found.startsWith('6:') && !ipv4(found) && found.endsWith(pattern.slice(1).toLowerCase());
    }
    return found === host(pattern);
  });
}

/* ---- command */
const COMMAND_BYTES_MOST = 16384;
const PLAIN_FORBIDDEN = ';&|<>$(){}~*?[#!`';
const QUOTED_FORBIDDEN = '$`!';

// Words as a POSIX shell splits them (XCU 2.2), where nothing is expanded.
export function shellWords(line) {
  if (bytes(line) > COMMAND_BYTES_MOST) return undefined;
  if (/[^\t\P{Cc}]/u.test(line) || /[^ \t\S]/u.test(line)) return undefined;
  const words = [];
  let word, quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (char === '\\') {
      const next = line[i + 1];
      if (next === undefined || !'\\"\' '.includes(next)) return undefined;
      if (quote === "'") {
        word += '\\'; // nothing is special between single quotes
      } else {
        // Between double quotes a backslash quotes only what would be special there.
        word = (word ?? '') + (quote === '"' && !'\\"'.includes(next) ? '\\' : '') + next;
        i++;
      }
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else if (quote === '"' && QUOTED_FORBIDDEN.includes(char)) return undefined;
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (PLAIN_FORBIDDEN.includes(char)) {
      return undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

export function commandMatches(words, patterns, noWords) {
  const rest = patterns.at(-1) === '...';
  const fixed = rest ? patterns.slice(0, -1) : patterns;
  if (rest ? words.length < fixed.length : words.length !== fixed.length) return false;
  if (!fixed.every((pattern, i) => globMatch(pattern, words[i]))) return false;
  const option = (word) => (word.startsWith('-') ? word.split('=')[0] : word);
  return !noWords.some((pattern) => words.some((word) => globMatch(pattern, word) || globMatch(pattern, option(word))));
}
