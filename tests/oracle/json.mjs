// JSON that keeps what JSON.parse loses: the digits of a number, and the order of members.
// null, true and false are themselves, a string is a string, an array an array, an object a Map, a number a Decimal.
import { Decimal } from './decimal.mjs';

export function parse(text) {
  let at = 0;
  const fail = (why) => { throw new SyntaxError(`${why} at ${at} of ${text.slice(0, 200)}`); };
  const space = () => { while (at < text.length && ' \t\n\r'.includes(text[at])) at++; };
  const expect = (char) => { if (text[at] !== char) fail(`no ${char}`); at++; };

  function string() {
    const from = at;
    expect('"');
    while (text[at] !== '"') {
      if (at >= text.length) fail('open string');
      at += text[at] === '\\' ? 2 : 1;
    }
    at++;
    return JSON.parse(text.slice(from, at));
  }
  function number() {
    const found = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    found.lastIndex = at;
    const match = found.exec(text);
    if (!match) fail('no value');
    at += match[0].length;
    return new Decimal(match[0]);
  }
  function items(open, close, one) {
    expect(open);
    for (space(); text[at] !== close; space()) {
      one();
      space();
      if (text[at] !== close) {
        expect(',');
        space();
        if (text[at] === close) fail('comma');
      }
    }
    at++;
  }
  function value() {
    space();
    if (text[at] === '{') {
      const object = new Map();
      items('{', '}', () => {
        const key = string();
        space();
        expect(':');
        if (object.has(key)) fail('member stands twice');
        object.set(key, value());
      });
      return object;
    }
    if (text[at] === '[') {
      const array = [];
      items('[', ']', () => array.push(value()));
      return array;
    }
    if (text[at] === '"') return string();
    for (const [word, meaning] of [['null', null], ['true', true], ['false', false]]) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    return number();
  }

  const root = value();
  space();
  if (at !== text.length) fail('something follows');
  return root;
}

export function write(value) {
  if (value instanceof Decimal) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (value instanceof Map) return `{${[...value].map(([key, v]) => `${JSON.stringify(key)}:${write(v)}`).join(',')}}`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).filter(([, v]) => v !== undefined);
    return `{${members.map(([key, v]) => `${JSON.stringify(key)}:${write(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
