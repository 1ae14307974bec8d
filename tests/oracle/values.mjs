// What conditions compare with, and arguments at their edges. OPS: operator -> (random, exact) -> { value, yes, no, odd,
// noWords }: functions that make an argument for which it holds, does not, or cannot be judged, as far as one can tell
// without judging. `exact`: the server takes numbers that a double cannot carry.
import { Decimal } from './decimal.mjs';

// Without the first, or the last character.
export const behead = (text) => [...text].slice(1).join('');
export const curtail = (text) => [...text].slice(0, -1).join('');
const number = (text) => new Decimal(String(text));
const TEXTS = ['', 'a', 'ab', 'abc', 'abcd', 'ABC', 'aBc', 'é', 'e\u0301', '日本', '日', '\u{1f600}', '\u{1f600}x', ' ', 'a b',
  'a*c', 'a\u0000b', 'x\ny', 'true', '1', '100', 'null', 'usd', 'eur', '\u00ff', '\uffff', '\u{10ffff}', '"', '\\'];
const NUMBERS = ['0', '1', '5', '100', '-5', '2.5', '0.1', '1e10', '-0.001', '1e400', '1e-400', '1e22', '255',
  '9007199254740992', '123456789.125'];
const EXACT_NUMBERS = ['9007199254740993', '102.0000000000000001', '12345678901234567890', '0.30000000000000004440892'];

export const anyText = (random) => random.pick(TEXTS);
// The shortest form of some double, or of none: its neighbour by one in the last digit.
function nearDouble(random, exact) {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setUint32(0, random.chance(0.3) ? random.pick([0, 1, 0x000fffff, 0x00100000, 0x7fefffff, 0x3ff00000, 0x43400000]) : random.next());
  bits.setUint32(4, random.pick([0, 1, 0xffffffff, random.next(), random.next()]));
  const double = bits.getFloat64(0);
  const text = String(Number.isFinite(double) ? double : 0.1).replace('e+', 'e');
  if (!exact && random.chance(0.9)) return number(text);
  const beside = text.replace(/\d(?=$|e)/, (digit) => random.pick([digit, digit, (Number(digit) + 1) % 10, (Number(digit) + 9) % 10,
    `${digit}0`, `${digit}1`]));
  return number(/^-?0\d/.test(beside) ? text : beside);
}
const decimals = (random, exact) =>
  number(random.pick(exact && random.chance(0.4) ? EXACT_NUMBERS : NUMBERS.filter((n) => exact || !n.endsWith('400'))));

export const anyNumber = (random, exact) => (random.chance(0.15) ? nearDouble : decimals)(random, exact);

// The same number, written otherwise.
function respelled(random, { text }) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e(-?\d+))?$/i.exec(text);
  const moved = Number(exponent);
  return number(random.pick([
    text,
    `${sign}${whole}.${fraction}0${exponent === '0' ? '' : `e${exponent}`}`,
    moved - 1 >= -400 ? `${sign}${whole}${fraction}0e${moved - fraction.length - 1 >= -400 ? moved - fraction.length - 1 : moved}` : text,
    `${sign}0.${whole}${fraction}E+${moved + whole.length}`.replace('+-', '-'),
  ].filter((spelling) => !/^-?0\d/.test(spelling) && new Decimal(spelling).compare(new Decimal(text)) === 0)));
}

// A little more or less.
function beside(random, value, direction, exact) {
  const { mantissa, exponent } = value;
  const finer = random.pick(exact ? [0, 0, 1, 5, 20, 30] : [0, 0, 1, 2]);
  const moved = mantissa * 10n ** BigInt(finer) + BigInt(direction);
  const at = exponent - finer;
  const near = Math.abs(at) <= 400 ? number(at === 0 ? `${moved}` : `${moved}e${at}`) : number(`${direction}e400`);
  return exact || near.fitsDouble() || random.chance(0.03) ? near : number(`${direction * random.pick([1, 7, 1000])}e9`);
}
const odd = (random, exact) => random.weighted([
  [6, () => anyText(random)], [6, () => anyNumber(random, exact)], [4, () => random.chance(0.5)],
  [2, () => []], [2, () => [anyText(random)]], [2, () => new Map()], [1, () => new Map([['a', number(1)]])],
  [1, () => number(exact || random.chance(0.2) ? random.pick(['1e401', '-1e401', '1e-401', '5e99999', '1E+9999999999999999999']) : '7')],
])();

function scalar(random, exact) {
  return random.weighted([[5, () => anyText(random)], [5, () => anyNumber(random, exact)], [2, () => random.chance(0.5)]])();
}
function other(random, value, exact) {
  if (typeof value === 'boolean') return !value;
  if (value instanceof Decimal) return beside(random, value, random.pick([-1, 1]), exact);
  return random.pick([`${value}a`, `a${value}`, value.toUpperCase(), curtail(value), anyText(random), `${value} `]);
}
const same = (random, value) => (value instanceof Decimal ? respelled(random, value) : value);

function equality(turned) {
  return (random, exact) => {
    if (random.chance(0.15)) {
      const nothing = () => null, something = () => scalar(random, exact);
      return { value: null, yes: turned ? something : nothing, no: turned ? nothing : something };
    }
    const value = scalar(random, exact);
    const is = () => same(random, value), isNot = () => other(random, value, exact);
    return { value, yes: turned ? isNot : is, no: turned ? is : isNot };
  };
}

function ordering(direction, withEqual) {
  return (random, exact) => {
    const value = anyNumber(random, exact);
    const equal = () => respelled(random, value);
    const towards = () => beside(random, value, direction, exact), away = () => beside(random, value, -direction, exact);
    const edge = (inside, there) => () => (inside && random.chance(0.5) ? equal() : there());
    return { value, yes: edge(withEqual, towards), no: edge(!withEqual, away) };
  };
}

function listOf(random, exact) {
  const make = random.weighted([[3, () => anyText(random)], [3, () => anyNumber(random, exact)], [1, () => true]]);
  const list = Array.from({ length: random.between(1, 4) }, make);
  return list.filter((one, i) => !list.slice(0, i).some((earlier) => String(earlier.text ?? earlier) === String(one.text ?? one)
    || (one instanceof Decimal && one.compare(earlier) === 0)));
}
function membership(turned) {
  return (random, exact) => {
    const value = listOf(random, exact);
    const is = () => same(random, random.pick(value)), isNot = () => other(random, random.pick(value), exact);
    return { value, list: true, yes: turned ? isNot : is, no: turned ? is : isNot };
  };
}

/* ---- Strings */
const PATTERNS = [
  ['^abc$', ['abc'], ['abcd', 'xabc', 'abc\n', 'ABC', '']],
  ['b+', ['abc', 'b', 'abbb'], ['', 'ac', 'B', 'é']],
  ['^(usd|eur)$', ['usd', 'eur'], ['usd\n', 'USD', 'usdeur', '\nusd']],
  ['^[a-z]{2,4}$', ['ab', 'abcd'], ['a', 'abcde', 'aé', 'AB']],
  ['\\d', ['1', 'a0'], ['', 'a', '\u0661', '\u00b2']],
  ['^\\w+$', ['a_1', 'Z'], ['é', 'a b', '', 'a-']],
  ['a.c', ['abc', 'aéc', 'a\u{1f600}c', 'a\u2028c', 'a\rc'], ['ac', 'a\nc', 'abbc']],
  ['^.{0,2}$', ['', 'a', '\u{1f600}\u{1f600}', 'éé'], ['abc', '\u{1f600}\u{1f600}\u{1f600}', '\n']],
  ['^(?:a|ab)(?:c|bcd)$', ['ac', 'abc', 'abcd', 'abbcd'], ['ab', 'abcdd', 'a']],
  ['[^x]', ['a', 'xa', '\n', 'é'], ['x', 'xx', '']],
  ['^\\p{L}+$', ['é', 'abc', '日本'], ['1', 'a1', '', 'e\u0301']],
  ['(a|b)\\1', ['aa', 'xbb'], ['ab', 'ba', '']],
  ['^a(?=b)', ['ab', 'abc'], ['a', 'ac', 'xab']],
  ['x*', ['', 'a', 'xx'], []],
  ['^[é日]+$', ['é', '日é'], ['e', '本', '']],
];
function regex(random) {
  const [value, yes, no] = random.pick(PATTERNS);
  return { value, yes: () => random.pick(yes), no: () => random.pick([...no, anyText(random)]),
    odd: () => (random.chance(0.02) ? 'b'.repeat(65535 + random.below(3)) : undefined) };
}

function glob(random) {
  const value = random.pick(['a*c', 'abc', '*.txt', 'a*b*c', 'é*', '*é', 'a*a', '日*本', '*a*', 'a/*/b', ' *']);
  const fill = () => value.split('*').reduce((text, piece) => text + random.pick(['', 'x', 'b', 'é', '/', '\n', '*', piece]) + piece);
  return { value, yes: fill, no: () => random.pick([behead(fill()), `${fill()}x`, `x${fill()}`, curtail(fill()), anyText(random)]) };
}

function piece(where) {
  return (random) => {
    const value = random.pick(TEXTS.filter((text) => text !== ''));
    const more = random.pick(['', 'x', 'é', value]);
    const put = { contains: `${more}${value}${more}`, starts_with: `${value}${more}`, ends_with: `${more}${value}` }[where];
    return { value, yes: () => put, no: () => random.pick([behead(value), curtail(value), `x${value}y`, value.toUpperCase(),
      anyText(random)]) };
  };
}

function contains(random, exact) {
  if (random.chance(0.5)) return piece('contains')(random);
  const value = scalar(random, exact);
  if (value === '') return piece('contains')(random);
  const others = () => Array.from({ length: random.below(3) }, () => random.weighted([
    [8, () => other(random, value, exact)], [1, () => odd(random, exact)], [1, () => null]])());
  return { value, yes: () => [...others(), same(random, value), ...others()], no: others };
}

function subset(random, exact) {
  const value = listOf(random, exact);
  const inside = () => same(random, random.pick(value));
  const some = () => Array.from({ length: random.between(1, 3) }, inside);
  const strange = () => random.weighted([
    [6, () => other(random, random.pick(value), exact)], [1, () => odd(random, exact)], [1, () => null]])();
  return { value, list: true, yes: some, no: () => (random.chance(0.1) ? [] : [...some(), strange(),
    ...(random.chance(0.3) ? [strange()] : [])]) };
}

function measure(most) {
  return (random) => {
    const size = random.between(0, 4);
    const make = (length) => {
      if (random.chance(0.4)) return Array.from({ length }, () => random.pick([number(1), null, 'a', []]));
      return Array.from({ length }, () => random.pick(['a', 'é', '日', '\u{1f600}', '\u0301'])).join('');
    };
    const fewer = () => make(random.chance(0.6) ? size : random.between(0, size)), more = () => make(size + random.between(1, 2));
    if (most) return { value: number(size), yes: fewer, no: more };
    return { value: number(size + 1), yes: more, no: fewer };
  };
}

function type(random, exact) {
  const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object'];
  const value = random.chance(0.6) ? random.pick(TYPES) : random.some(TYPES, 3);
  const make = (of) => ({ string: () => anyText(random), number: () => anyNumber(random, exact), boolean: () => random.chance(0.5),
    integer: () => number(random.pick(['5', '5.0', '50e-1', '-0', '1e2', '0.0', '5.5', '5e-1', '1e400'].slice(0, exact ? 9 : 8))),
    array: () => (random.chance(0.5) ? [] : [null]), object: () => new Map() })[of]();
  const rest = TYPES.filter((one) => ![value].flat().includes(one));
  const beyond = () => number(random.pick(['1e401', '1.5e401', '1e-401', '0e500']));
  return { value, yes: () => make(random.pick([value].flat())),
    no: () => (exact && random.chance(0.3) ? beyond() : make(random.pick(rest))),
    odd: () => (exact || random.chance(0.1) ? beyond() : undefined) };
}

/* ---- What is read as something */
const assembled = (random, tokens, most) => Array.from({ length: random.between(1, most) }, () => random.pick(tokens)).join('');

function path(random) {
  const value = random.pick([['/srv/data'], ['/'], ['/srv/data', '/tmp/é'], ['/srv'], ['/tmp/é', '/opt/x y'], ['/a.b/..c']]);
  const root = random.pick(value);
  const below = root === '/' ? '' : root;
  const TOKENS = ['/', '/', '/', '.', '..', 'srv', 'data', 'tmp', 'é', '...', '~', ' ', 'x', 'opt', '/srv', '/data', '/../', '/./',
    'file:'];
  return { value,
    yes: () => random.pick([root, `${root}/`, `${below}/x`, `${below}//./x`, `/x/..${root}`, `${below}/x/../y`, `/..${root}`,
      `${root}/...`, `${below}/~`, `${below}/ x`]),
    no: () => random.pick([`${below}x`, `${below}/..`, '/', '/srv', `${below}/../x`, '/srv/databases', '/tmp/e', root.toUpperCase(),
      `/${assembled(random, TOKENS, 8)}`]),
    odd: () => random.pick([`/${root}`, root.slice(1), '', `~${root}`, `file:${root}`, `${below}/%2e`, `${below}/\\x`, `${root} `,
      `${root}/ `,
      `${below}/\u0001`, `${below}/\u007f`, `${below}/\u0080`, `${root}\n`, `${below}/\u0000`, '~', 'file://x', assembled(random,
        [...TOKENS, '%', '\\'], 8),
      random.chance(0.05) ? `${below}/${'x'.repeat(4094 - Buffer.byteLength(below) + random.below(3))}` : `${below}/%`]) };
}

const LONG = `${'a'.repeat(62)}.`.repeat(5);
const HOSTS = ['example.com', 'a.example.com', 'a.b.example.com', 'EXAMPLE.com', 'A.Example.Com', 'xexample.com', 'example.org', '10.0.0.1',
  '[::1]', 'localhost', 'b.org'];
const ODD_HOSTS = ['example.com.', '.example.com', 'a..example.com', '127.1', '010.0.0.1', '256.1.1.1', '0x7f.0.0.1', '2130706433', '1.2.3',
  '[0:0:0:0:0:0:0:1]', '[::0.0.0.1]', '[::ffff:10.0.0.1]', '[::1%25eth0]', '[::1', '::1', '1.2.3.4.5', 'ex_ample', '-a', '0x', 'a.0x1',
    'a.0xg',
  '1.example.com', `${'a'.repeat(63)}.b.org`, `${'a'.repeat(64)}.b.org`, `a${LONG.slice(0, 240)}.b.org.b.org`, LONG.slice(0, 251),
    LONG.slice(0, 253), LONG.slice(0, 254), 'example.1a', 'é.com', '', '[1::2::3]', '[::10.0.0.01]', '[1:2:3:4:5:6:7::]',
      '[1:2:3:4:5:6:1.2.3.4]', '[::1.2.3.4:5]',
  '[]', '[::]', '[1:2:3:4:5:6:7:8:9]', '[00000::1]', '[0001::]', '[g::]', '[::FFFF:A00:1]', '10.0.0.1.', '10.0.0', 'a.1', '1a', '0',
    '10.0.0.256',
  'example.com%00', 'ex ample.com', 'example.com\u0000', '*.example.com', 'example,com', '[1.2.3.4::]', '[1:::2]', '[64:ff9b::1]',
    '[64:ff9a::1]', '[::1:0:1]', '[::2]', '[::fffe:1:1]', '[0:0:0:0:0:ffff:1:1]', '[1::ffff:1:1]', '[fe80::1]', '[:1]', '[1:]'];
function url(random, hosts) {
  const plain = random.chance(0.6);
  const scheme = plain ? random.pick(['http', 'https']) : random.pick(['http', 'https', 'HTTP', 'Https', 'ftp', '', 'httpx', ' http',
    'ws']);
  const slashes = plain ? '://' : random.pick(['://', '://', '://', ':/', ':', '//', ':///', ':\\\\']);
  const user = plain ? '' : random.pick(['', '', '', 'u@', 'u:p@', '@', '%40']);
  const port = plain ? random.pick(['', '', ':80']) : random.pick(['', ':80', ':', ':65535', ':65536', ':0', ':x', ':-1', ':00080',
    ':+80', ':8 0', ':443:1', ':000080']);
  const rest = plain ? random.pick(['', '/', '/x', '?q', '#f'])
    : random.pick(['', '/a@b', '/ x', '/\\', '/é', '/%20', '?@evil.com', '#@b', '\t', '\n', '/\u007f', '?a/b', '/http://b.org', '/:80',
      '\u0000']);
  return `${scheme}${slashes}${user}${random.pick(hosts)}${port}${rest}`;
}
function host(random) {
  const value = random.pick([['example.com'], ['*.example.com'], ['10.0.0.1'], ['[::1]'], ['EXAMPLE.com', 'b.org'],
    ['localhost', '*.b.org'],
    ['*.com'], ['[1:2:3:4:5:6:102:304]', '[FE80::1]']]);
  const own = value.map((one) => (one.startsWith('*.') ? random.pick([`a${one.slice(1)}`, `x.y${one.slice(1)}`, one.slice(2)]) : one));
  return { value, yes: () => url(random, own), no: () => url(random, HOSTS), odd: () => url(random, ODD_HOSTS) };
}

const WORDS = ['aws', 's3api', 'list-buckets', 'list-', 'x', 'a b', '', '--endpoint-url', '--endpoint-url=https://x', '--endpoint', '-x',
  '-x=', 'é',
  'FOO=1', 'get', '%', ']', '^', ',', ':'];
const SHELL = ['"a b"', "'a b'", 'a\\ b', '""', "''", '$x', '`', '!', '#', '~', '*', '?', '[', ']', '{', '}', '(', ')', ';', '&', '|',
  '<', '>', '\\n',
  '\\\\', '\\"', "\\'", '\n', '\r', '\t', '\u00a0', '\u0001', '\u007f', '\u0085', '\u009f', '\u200b', '\u2028', '\u3000', '\ufeff', '"',
    "'", '\\', "'\\'",
  "'\\a'", '"\\ "', "\"\\'\"", '"\\a"', '"\\\\"', '"\\""', '"$"', '"`"', "'$!`'", '"!"', '";"', "'a'\"b\"c", "'\\\\'", "'\\ '", '\u000b',
    '\u1680', '\u2009'];
function quoted(random, word) {
  const plain = /^[\w=:/.%,^\]é-]+$/.test(word);
  return random.pick([plain ? word : `'${word}'`, `'${word}'`, `"${word}"`, plain ? word : `"${word}"`,
    plain && word.length > 1 ? `${word[0]}"${word.slice(1)}"` : `"${word}"`]);
}
function command(random) {
  const value = random.pick([['aws', 's3api', 'list-*', '...'], ['aws', '...'], ['aws', 's3api'], ['x'], ['a b', '*'], ['x*', '*', 'x',
    '...'], ['é*']]);
  const noWords = random.chance(0.5) ? random.pick([['--endpoint-url'], ['--endpoint*'], ['-x', 'get'], ['*=*'], ['x*', '-*'], ['*url'],
    ['*x', 'é'], ['--endpoint-url=*']]) : undefined;
  const gap = () => random.pick([' ', ' ', ' ', '  ', '\t', ' \t']);
  const line = (words) => words.map((word) => quoted(random, word)).join(gap());
  const fitting = () => value.flatMap((word) => (word === '...' ? Array.from({ length: random.below(3) }, () => random.pick(WORDS))
    : [word.replace('*', random.pick(['', 'x', 'é', 'buckets']))]));
  return { value, noWords,
    yes: () => random.pick(['', '', ' ']) + line(fitting()) + random.pick(['', '', ' ', '\t']),
    no: () => line(random.pick([fitting().slice(1), [...fitting(), random.pick(WORDS)], [random.pick(WORDS), ...fitting()],
      random.some(WORDS, 3)])),
    odd: () => random.pick([line(fitting()) + gap() + random.pick(SHELL), line(fitting()) + random.pick(SHELL), assembled(random,
      [...SHELL, ...WORDS, ' ', ' '], 6), '', ' ',
      random.chance(0.02) ? `${line(fitting())} ${'x'.repeat(16384 - random.below(40))}` : `${line(fitting())} ;`]) };
}

export const OPS = {
  eq: equality(false), neq: equality(true), lt: ordering(-1, false), lte: ordering(-1, true), gt: ordering(1, false), gte: ordering(1,
    true),
  in: membership(false), not_in: membership(true), regex, contains, glob, type, subset_of: subset, path_within: path, host_in: host,
    command,
  starts_with: piece('starts_with'), ends_with: piece('ends_with'), length_lte: measure(true), length_gte: measure(false),
  exists: (random, exact) => {
    const value = random.chance(0.6);
    const there = () => odd(random, exact), gone = () => null;
    return { value, yes: value ? there : gone, no: value ? gone : there };
  },
};
// An argument that is of another kind, or not to be read.
export const oddFor = (made, random, exact) => (made.odd && random.chance(0.7) ? made.odd() : undefined) ?? odd(random, exact);
export { number };
