// What is known to get round gateways, as messages: each row is sent through a real gateway to a recording server.
// The policy: echo and mark_* are allowed, danger is denied by default, secret is hidden.
import { gzipSync } from 'node:zlib';

const utf8 = (text) => Buffer.from(text, 'utf8');
const join = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : part)));
const hex = (digits) => Buffer.from(digits, 'hex');

/** A tools/call as text, from texts. */
const call = (name = '"echo"', args = '{}', id = '1') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":${name},"arguments":${args}}}`;
const params = (text) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${text}}`;
const method = (text, more = ',"params":{"name":"danger","arguments":{}}') => `{"jsonrpc":"2.0","id":1,"method":${text}${more}}`;

// What must come of it: the answer, the record, and what the server got.
const refused = (reason, status, code) => ({ reason, status, code, record: 'malformed' });
/** Refused before anyone looks at the message: nothing of it is worth a record of its own. */
const turnedAway = (reason, status, code) => ({ reason, status, code, record: null });
const MALFORMED = refused('parse_error', 400, -32700);
const INVALID = refused('invalid_request', 400, -32600);
const PARAMS = refused('invalid_params', 200, -32602);
const METHOD = refused('method_not_found', 200, -32601);
const MEDIA = turnedAway('media_type', 415, -32600);
const HEADER = turnedAway('header_mismatch', 400, -32600);
const UNKNOWN = { reason: 'unknown_tool', status: 200, code: -32602, record: 'decision' };
const denied = (code, name = 'danger') => ({ reason: code, status: 200, decision: code, record: 'decision', name });
const DENIED = denied('default_deny');
/** Allowed, with these bytes as "arguments" (and "_meta") at the server. */
const sent = (args, meta = '') => ({
  reason: 'allowed', status: 200, record: 'decision',
  wire: utf8(`"method":"tools/call","params":{"name":"echo","arguments":${args}${meta}}}`).toString('latin1'),
});

const rows = [];
const add = (z, title, body, expect, more = {}) => rows.push({ z, title, body: Buffer.isBuffer(body) ? body : utf8(body), expect, ...more });
/** The same row for several bodies. */
const each = (z, title, bodies, expect, more) => {
  for (const [what, body] of Object.entries(bodies)) add(z, `${title}: ${what}`, body, expect, more);
};

each('Z01', '"name" twice', {
  'allowed, then denied': params('{"name":"echo","name":"danger","arguments":{}}'),
  'denied, then allowed': params('{"name":"danger","name":"echo","arguments":{}}'),
  'both allowed': params('{"name":"echo","name":"echo","arguments":{}}'),
}, MALFORMED);

each('Z02', 'a member twice', {
  method: '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"danger","arguments":{}}}',
  params: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}},"params":{"name":"danger","arguments":{}}}',
  arguments: params('{"name":"echo","arguments":{"a":1},"arguments":{"a":2}}'),
  id: '{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
  jsonrpc: '{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
}, MALFORMED);

each('Z03', 'a key twice inside "arguments"', {
  'at depth 1': call('"echo"', '{"a":1,"b":2,"a":1}'),
  'at depth 5': call('"echo"', '{"a":{"b":{"c":{"d":{"e":1,"e":2}}}}}'),
  'in an array': call('"echo"', '{"a":[1,{"x":1,"y":2,"x":3}]}'),
  'one of them escaped': call('"echo"', '{"a":{"key":1,"k\\u0065y":2}}'),
  'both empty': call('"echo"', '{"":1,"":2}'),
  'after 5,000 others': call('"echo"', `{${Array.from({ length: 5000 }, (_, i) => `"k${i}":0`).join(',')},"k17":1}`),
}, MALFORMED);

each('Z04', 'another case of a known member', {
  '"Name" beside "name"': params('{"name":"echo","Name":"danger","arguments":{}}'),
  '"NAME" alone': params('{"NAME":"echo","arguments":{}}'),
  '"Arguments" beside': params('{"name":"echo","arguments":{},"Arguments":{"a":1}}'),
  'an unknown member of "params"': params('{"name":"echo","arguments":{},"tool":"danger"}'),
}, PARAMS);
each('Z04', 'another case of a known member', {
  '"Method" beside "method"': '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"danger","arguments":{}}}',
  '"Method" alone': '{"jsonrpc":"2.0","id":1,"Method":"tools/call","params":{"name":"echo","arguments":{}}}',
  '"Params" beside': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}},"Params":{"name":"danger"}}',
  '"ID"': '{"jsonrpc":"2.0","id":1,"ID":2,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
  'an unknown member': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}},"extra":1}',
  '"result" in a request': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}},"result":{}}',
}, INVALID);

each('Z05', 'a letter that folds to ASCII', {
  'long s in "params"': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}},"param\u017f":{"name":"danger","arguments":{}}}',
  'long s alone': '{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"echo","arguments":{}}}',
  'the same, escaped': '{"jsonrpc":"2.0","id":1,"method":"tools/call","param\\u017f":{"name":"echo","arguments":{}}}',
}, INVALID);
add('Z05', 'Kelvin sign in "arguments" is a key of its own', call('"echo"', '{"k":1,"\u212a":2,"K":3}'), sent('{"k":1,"\u212a":2,"K":3}'));
add('Z05', 'long s in "arguments" of params', params('{"name":"echo","argument\u017f":{}}'), PARAMS);

each('Z06', 'U+0000 in a key', {
  'of params': params('{"name\\u0000":"danger","name":"echo","arguments":{}}'),
  'of the envelope': '{"jsonrpc":"2.0","id":1,"method\\u0000":"x","method":"tools/call","params":{"name":"echo","arguments":{}}}',
  'of arguments': call('"echo"', '{"a\\u0000":1,"a":2}'),
  'alone': call('"echo"', '{"\\u0000":1}'),
}, MALFORMED);
add('Z06', 'U+0000 in a value is a character', call('"echo"', '{"a":"\\u0000"}'), sent('{"a":"\\u0000"}'));

add('Z07', 'an escaped key equals the plain one', params('{"na\\u006de":"echo","arguments":{}}'), sent('{}'));
add('Z07', 'an escaped key equals the plain one, denied', params('{"\\u006e\\u0061me":"danger","arguments":{}}'), DENIED);
add('Z07', 'an escaped value equals the plain one', call('"\\u0064anger"'), DENIED);
add('Z07', 'an escaped value equals the plain one, hidden', call('"s\\u0065cret"'), { ...UNKNOWN, name: 'secret' });
each('Z07', 'the escaped key beside the plain one', {
  'plain first': params('{"name":"echo","na\\u006de":"danger","arguments":{}}'),
  'escaped first': params('{"na\\u006de":"danger","name":"echo","arguments":{}}'),
}, MALFORMED);

each('Z08', 'a lone surrogate', {
  'high in a key': call('"echo"', '{"a\\ud800":1}'),
  'low in a key': call('"echo"', '{"\\udc00":1}'),
  'high in a value': call('"echo"', '{"a":"\\ud83d"}'),
  'high before a letter': call('"echo"', '{"a":"\\ud83dx"}'),
  'low first': call('"echo"', '{"a":"\\ude00\\ud83d"}'),
  'in the name': call('"echo\\ud800"'),
  'in the id': call('"echo"', '{}', '"\\ud800"'),
}, MALFORMED);
add('Z08', 'a pair is one character', call('"echo"', '{"a":"\\ud83d\\ude00"}'), sent('{"a":"\u{1f600}"}'));

for (const byte of [0x00, 0x01, 0x08, 0x09, 0x0a, 0x0d, 0x1f]) {
  const raw = Buffer.from([byte]);
  const shown = `0x${byte.toString(16).padStart(2, '0')}`;
  add('Z09', `raw ${shown} in a string`, join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"x', raw, 'y"}}}'), MALFORMED);
  add('Z09', `raw ${shown} in a key`, join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a', raw, '":1}}}'), MALFORMED);
}
add('Z09', 'raw 0x00 after the name', join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger', hex('00'), '","arguments":{}}}'), MALFORMED);
add('Z09', '0x7f is a character', call('"echo"', '{"a":"\u007f"}'), sent('{"a":"\u007f"}'));

for (const [what, digits] of Object.entries({
  'overlong /, two bytes': 'c0af', 'overlong /, three bytes': 'e080af', 'overlong /, four bytes': 'f08080af', 'overlong NUL': 'c080',
  'surrogate': 'eda080', 'surrogate pair (CESU-8)': 'eda0bdedb880', 'above U+10FFFF': 'f4908080', 'five bytes': 'f888808080', 'six bytes': 'fc8480808080',
  'lone continuation': '80', 'cut after one of two': 'c3', 'cut after two of three': 'e282', 'cut after three of four': 'f09f98', 'never used: fe': 'fe', 'never used: ff': 'ff',
})) {
  add('Z10', `invalid UTF-8 in a value: ${what}`, join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"', hex(digits), '"}}}'), MALFORMED);
}
add('Z10', 'invalid UTF-8 in a key', join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"', hex('c3'), '":1}}}'), MALFORMED);
add('Z10', 'invalid UTF-8 in the name', join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ech', hex('ef'), 'o","arguments":{}}}'), MALFORMED);
add('Z10', 'invalid UTF-8 between tokens', join('{"jsonrpc":"2.0",', hex('a0'), '"id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}'), MALFORMED);

add('Z11', 'a byte order mark before the request', join(hex('efbbbf'), call()), MALFORMED);
add('Z11', 'a byte order mark twice', join(hex('efbbbfefbbbf'), call()), MALFORMED);
add('Z11', 'a byte order mark inside a string is a character', call('"echo"', '{"a":"\ufeff"}'), sent('{"a":"\ufeff"}'));

const utf16le = Buffer.from(call(), 'utf16le');
const utf16be = Buffer.from(utf16le).swap16();
const utf32le = Buffer.concat([...call()].map((c) => { const b = Buffer.alloc(4); b.writeUInt32LE(c.codePointAt(0)); return b; }));
each('Z12', 'not UTF-8', {
  'UTF-16LE': utf16le, 'UTF-16BE': utf16be, 'UTF-16LE with mark': join(hex('fffe'), utf16le), 'UTF-16BE with mark': join(hex('feff'), utf16be),
  'UTF-32LE': utf32le, 'UTF-32LE with mark': join(hex('fffe0000'), utf32le), 'Latin-1': join('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"', hex('e9'), '"}}}'),
}, MALFORMED);

each('Z13', 'JSON with liberties', {
  'line comment': call('"echo"', '{"a":1 // x\n}'), 'block comment': call('"echo"', '{/* x */}'), 'hash comment': call('"echo"', '{} # x'),
  'single quotes': call("'echo'"), 'trailing comma in an object': call('"echo"', '{"a":1,}'), 'trailing comma in an array': call('"echo"', '{"a":[1,]}'),
  'leading comma': call('"echo"', '{,"a":1}'), 'two commas': call('"echo"', '{"a":[1,,2]}'), NaN: call('"echo"', '{"a":NaN}'), Infinity: call('"echo"', '{"a":Infinity}'),
  '-Infinity': call('"echo"', '{"a":-Infinity}'), undefined: call('"echo"', '{"a":undefined}'), 'a key without quotes': call('"echo"', '{a:1}'), True: call('"echo"', '{"a":True}'),
  'escaped quote \\\'': call('"echo"', '{"a":"\\\'"}'), 'escape \\x41': call('"echo"', '{"a":"\\x41"}'), 'escape \\u 41': call('"echo"', '{"a":"\\u 041"}'), 'escape \\U': call('"echo"', '{"a":"\\U0041"}'),
}, MALFORMED);

each('Z14', 'a number that is none', Object.fromEntries(
  ['01', '-01', '2.', '.5', '-.5', '+1', '0x10', '1e', '1e+', '-', '--1', '1_000', '1.e1', '0b1', '1,5', '0e', '1.2.3', '\uff11'].map((n) => [n, call('"echo"', `{"a":${n}}`)])), MALFORMED);
for (const n of ['0', '-0', '1.0', '1e2', '1E+2', '0.10', '123456789012345', '1.5e-3']) {
  add('Z14', `${n} keeps its digits`, call('"echo"', `{"a":${n}}`), sent(`{"a":${n}}`));
}
for (const n of ['9007199254740993', '1e400', '0.1000000000000000055', '123456789012345678901234567890']) {
  add('Z14', `${n}: servers would read it differently`, call('"echo"', `{"a":${n}}`), denied('invalid_arguments', 'echo'));
}

each('Z15', 'more than one value', {
  'two objects': call() + call('"danger"'), 'two lines': `${call()}\n${call('"danger"')}`, 'a closing brace': `${call()}}`, 'a letter': `${call()}x`,
  'NUL at the end': `${call()}\u0000`, 'form feed at the end': `${call()}\f`, 'form feed before': `\f${call()}`, 'NBSP before': `\u00a0${call()}`, 'a comma': `${call()},`,
  'record separator': `\u001e${call()}`,
}, MALFORMED);
add('Z15', 'white space around is none of that', ` \t\r\n${call()}\r\n `, sent('{}'));

each('Z16', 'a batch', {
  'of one': `[${call()}]`, 'of two': `[${call()},${call('"danger"', '{}', '2')}]`, empty: '[]', nested: `[[${call()}]]`, 'with white space before': ` \n[${call()}]`,
  'of notifications': '[{"jsonrpc":"2.0","method":"notifications/initialized"}]',
}, refused('batch', 400, -32600));

each('Z17', 'the form of a call', {
  'params an array': params('["echo",{}]'), 'params a string': params('"echo"'), 'params null': params('null'), 'params a number': params('1'), 'params empty': params('{}'), 'arguments an array': call('"echo"', '[1]'), 'arguments a string': call('"echo"', '"{}"'),
  'arguments a number': call('"echo"', '1'), 'arguments null': call('"echo"', 'null'), 'name a number': call('1'), 'name null': call('null'), 'name an array': call('["echo"]'), 'name an object': call('{"name":"echo"}'),
  'name missing': params('{"arguments":{}}'), 'params missing': '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
}, PARAMS);
each('Z17', 'the form of a message', {
  'method a number': method('1'), 'method null': method('null'), 'method an array': method('["tools/call"]'), 'method missing': '{"jsonrpc":"2.0","id":1,"params":{"name":"echo","arguments":{}}}',
  'jsonrpc 1.0': '{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}', 'jsonrpc a number': '{"jsonrpc":2.0,"id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
  'jsonrpc missing': '{"id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}', 'a string': '"tools/call"', 'a number': '1', null: 'null', true: 'true',
}, INVALID);
add('Z17', 'arguments left out stay out', params('{"name":"echo"}'), { ...sent('{}'), wire: '"method":"tools/call","params":{"name":"echo"}}' });

each('Z18', 'not JSON at all', {
  empty: '', 'white space': '  \n', words: 'tools/call echo', 'a cut message': call().slice(0, -1), 'a cut string': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger',
  'XML': '<methodCall><methodName>tools/call</methodName></methodCall>', 'form data': 'name=danger&arguments=', 'an event': `data: ${call()}\n\n`, 'a Content-Length frame': `Content-Length: ${call().length}\r\n\r\n${call()}`,
}, MALFORMED);

for (const [what, escaped, wire = escaped] of [
  ['line feed', '\\n'], ['carriage return', '\\r'], ['CR LF and a message', '\\r\\n{\\"jsonrpc\\":\\"2.0\\"}'], ['form feed', '\\f'],
  ['line feed as \\u', '\\u000a', '\\n'], ['U+2028', '\u2028'], ['U+2028 escaped', '\\u2028', '\u2028'], ['U+2029', '\u2029'], ['U+0085', '\u0085'], ['vertical tab', '\\u000b'],
]) {
  add('Z19', `one line for one message: ${what} in a value`, call('"echo"', `{"a":"${escaped}"}`), sent(`{"a":"${wire}"}`));
}
add('Z19', 'one line for one message: line breaks between tokens', call('"echo"', '{\r\n  "a" : [ 1 ,\n 2 ] }').replace('{"jsonrpc"', '{\n"jsonrpc"'), sent('{"a":[1,2]}'));
add('Z19', 'one line for one message: a line feed in a key', call('"echo"', '{"a\\n{\\"jsonrpc\\":":1}'), sent('{"a\\n{\\"jsonrpc\\":":1}'));

each('Z20', 'an id that is none', {
  null: call('"echo"', '{}', 'null'), true: call('"echo"', '{}', 'true'), '1.0': call('"echo"', '{}', '1.0'), '1e2': call('"echo"', '{}', '1e2'), '1.5': call('"echo"', '{}', '1.5'), '-0': call('"echo"', '{}', '-0'),
  '2^53': call('"echo"', '{}', '9007199254740992'), '30 digits': call('"echo"', '{}', '1'.repeat(30)), object: call('"echo"', '{}', '{}'), array: call('"echo"', '{}', '[1]'),
  '257 bytes': call('"echo"', '{}', `"${'i'.repeat(257)}"`), '1 MiB': call('"echo"', '{}', `"${'i'.repeat(1 << 20)}"`), 'a control byte': call('"echo"', '{}', '"a\\u0000"'), 'a line feed': call('"echo"', '{}', '"a\\n"'),
}, INVALID);
for (const [what, id] of [['0', '0'], ['-1', '-1'], ['2^53-1', '9007199254740991'], ['empty string', '""'], ['256 bytes', `"${'i'.repeat(256)}"`], ['the string "1"', '"1"'], ['not ASCII', '"\u00e9"']]) {
  add('Z20', `an id that is one, echoed as it was: ${what}`, call('"echo"', '{}', id), { ...sent('{}'), echo: id });
}

each('Z21', 'a call without an id', {
  'of an allowed tool': '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{}}}',
  'of a denied tool': '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"danger","arguments":{}}}',
  'tools/list': '{"jsonrpc":"2.0","method":"tools/list"}',
}, INVALID);

add('Z22', 'tools\\/call is tools/call, and decided', method('"tools\\/call"'), DENIED);
add('Z22', '\\u0074ools/call is tools/call, and decided', method('"\\u0074ools/call"'), DENIED);
each('Z22', 'a method that only looks like it', {
  'Tools/Call': method('"Tools/Call"'), 'TOOLS/CALL': method('"TOOLS/CALL"'), 'a space after': method('"tools/call "'), 'a space before': method('" tools/call"'), 'NUL after': method('"tools/call\\u0000"'),
  'a slash after': method('"tools/call/"'), 'two slashes': method('"tools//call"'), 'a dot': method('"tools.call"'), 'full width solidus': method('"tools\uff0fcall"'), empty: method('""'),
}, METHOD);

each('Z23', 'a method without a row', {
  unknown: method('"tools/run"'), 'tasks/get': method('"tasks/get"', ',"params":{"taskId":"x"}'), 'tasks/list': method('"tasks/list"', ''), 'tasks/cancel': method('"tasks/cancel"', ',"params":{"taskId":"x"}'),
  'sampling/createMessage from a client': method('"sampling/createMessage"', ',"params":{"messages":[]}'), 'elicitation/create from a client': method('"elicitation/create"', ',"params":{}'), 'roots/list from a client': method('"roots/list"', ''),
  'x/vendor': method('"x/vendor"'), 'rpc.discover': method('"rpc.discover"', ''),
}, METHOD);
each('Z23', 'a method of another revision', {
  'server/discover': method('"server/discover"', ''), 'subscriptions/listen': method('"subscriptions/listen"', ',"params":{}'),
}, METHOD);
add('Z23', 'completion/complete is denied by default', method('"completion/complete"', ',"params":{"ref":{"type":"ref/prompt","name":"guide"},"argument":{"name":"a","value":"b"}}'), METHOD);
add('Z23', 'resources/read is denied by default', method('"resources/read"', ',"params":{"uri":"file:///etc/passwd"}'), { reason: 'unknown_resource', status: 200, code: -32602, record: 'decision' });
add('Z23', 'a resource that the server has is denied as one that it has not', method('"resources/read"', ',"params":{"uri":"note://one"}'), { reason: 'unknown_resource', status: 200, code: -32602, record: 'decision' });
add('Z23', 'prompts/get is denied by default', method('"prompts/get"', ',"params":{"name":"guide"}'), { reason: 'unknown_prompt', status: 200, code: -32602, record: 'decision' });
add('Z23', 'an unknown notification goes nowhere', '{"jsonrpc":"2.0","method":"notifications/unheard-of","params":{"name":"danger"}}', { reason: null, status: 202, record: null });

each('Z24', 'a response that nobody asked for', {
  result: '{"jsonrpc":"2.0","id":1,"result":{}}', error: '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"x"}}', 'both': '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}',
  'with a method': '{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{}}',
}, INVALID);

for (const [what, name] of Object.entries({
  'a space after': 'echo ', 'a space before': ' echo', 'a tab': 'echo\\t', NUL: 'echo\\u0000', 'NUL and more': 'echo\\u0000danger', 'upper case': 'ECHO', 'NFC': '\u00e9cho', 'NFD': 'e\u0301cho', 'Cyrillic e': '\u0435cho', 'zero width joiner': 'e\u200dcho',
  'full width': '\uff45\uff43\uff48\uff4f', '../': '../echo', './': './echo', '*': '*', 'a pattern': 'ec*', 'mark_*': 'mark_*', 'a prefix': 'recorder__echo', 'another prefix': 'recorder/echo', 'a class': '@read', 'ends early': 'ech', 'goes on': 'echoo', empty: '',
  '200 bytes': 'e'.repeat(200), '1 MiB': 'e'.repeat(1 << 20), ['__proto__']: '__proto__', constructor: 'constructor', 'a quote': 'echo\\"', 'a newline': 'echo\\n',
})) {
  add('Z25', `a name is compared byte for byte: ${what}`, call(`"${name}"`), UNKNOWN);
}

for (const name of ['secret', 'secret_', 'Secret', 'secre', 'not_there_at_all']) {
  add('Z26', `hidden and unknown are one: ${name}`, call(`"${name}"`, '{"a":1}'), { ...UNKNOWN, name });
}

const header = (name, ...values) => (fields) => [...fields.filter(([other]) => other.toLowerCase() !== name.toLowerCase()), ...values.map((value) => [name, value])];
const VERSION = refused('version_unsupported', 400, -32602);
add('Z29', 'MCP-Protocol-Version of a revision without sessions', call(), refused('meta_invalid', 400, -32602), { headers: header('MCP-Protocol-Version', '2026-07-28') });
for (const version of ['2099-01-01', '2024-11-05', 'nonsense', '2025-11-25x']) {
  add('Z29', `MCP-Protocol-Version ${JSON.stringify(version)}`, call(), VERSION, { headers: header('MCP-Protocol-Version', version) });
}
for (const version of ['', '2025-11-25, 2025-11-25', '2025-11-25 x']) {
  add('Z29', `MCP-Protocol-Version ${JSON.stringify(version)}`, call(), HEADER, { headers: header('MCP-Protocol-Version', version) });
}
add('Z29', 'MCP-Protocol-Version twice', call(), HEADER, { headers: header('MCP-Protocol-Version', '2025-11-25', '2025-11-25') });
add('Z29', 'MCP-Protocol-Version not the session\'s', call(), turnedAway('version_unsupported', 400, -32602), { headers: header('MCP-Protocol-Version', '2025-03-26') });
add('Z29', 'MCP-Protocol-Version left out', call(), sent('{}'), { headers: header('MCP-Protocol-Version') });
const MIRROR = refused('mirror_mismatch', 400, -32020);
add('Z29', 'another version in _meta than in the field', params('{"name":"echo","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}'), MIRROR);
add('Z29', 'another version in _meta opens nothing', params('{"name":"danger","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}'), MIRROR);
add('Z29', 'a batch under 2025-03-26, which had them', `[${call()}]`, refused('batch', 400, -32600), { version: '2025-03-26' });
add('Z29', 'Mcp-Session-Id twice', call(), HEADER, { headers: (fields) => [...fields, fields.find(([name]) => name === 'Mcp-Session-Id')] });
add('Z29', 'Authorization twice', call(), HEADER, { headers: (fields) => [...fields, fields.find(([name]) => name === 'Authorization')] });

for (const type of ['text/plain', 'application/json;charset=utf-16', 'application/json; charset=latin1', 'application/jsonp', 'application/json-patch+json', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/json, text/plain', '', 'json', 'application/json;charset=utf-8;charset=utf-16', 'application /json']) {
  add('Z30', `Content-Type ${JSON.stringify(type)}`, call(), MEDIA, { headers: header('Content-Type', type) });
}
add('Z30', 'no Content-Type', call(), MEDIA, { headers: header('Content-Type') });
add('Z30', 'Content-Type twice', call(), HEADER, { headers: header('Content-Type', 'application/json', 'text/plain') });
for (const type of ['application/JSON', 'APPLICATION/json', 'application/json;charset=utf-8', 'application/json; charset=UTF-8', 'application/json ; charset="utf-8"']) {
  add('Z30', `Content-Type ${JSON.stringify(type)} is the same type`, call(), sent('{}'), { headers: header('Content-Type', type) });
  add('Z30', `Content-Type ${JSON.stringify(type)} does not open what is denied`, call('"danger"'), DENIED, { headers: header('Content-Type', type) });
}

add('Z31', 'Content-Encoding: gzip', gzipSync(call('"danger"')), MEDIA, { headers: (fields) => [...fields, ['Content-Encoding', 'gzip']] });
add('Z31', 'Content-Encoding: gzip, and plain bytes', call(), MEDIA, { headers: (fields) => [...fields, ['Content-Encoding', 'gzip']] });
add('Z31', 'Content-Encoding: br', call(), MEDIA, { headers: (fields) => [...fields, ['content-encoding', 'br']] });
add('Z31', 'gzip without saying so', gzipSync(call()), MALFORMED);

const nest = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
each('Z38', 'more than the ceilings', {
  '100,000 times [': '['.repeat(100_000), 'depth 100,000, closed': call('"echo"', `{"a":${nest(100_000)}}`), 'depth 65': call('"echo"', `{"a":${nest(62)}}`),
  '100,000 members': call('"echo"', `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')}}`), '100,000 elements': call('"echo"', `{"a":[${Array(100_000).fill(0).join(',')}]}`),
}, MALFORMED);
add('Z38', 'depth 64 is a call', call('"echo"', `{"a":${nest(61)}}`), sent(`{"a":${nest(61)}}`));
add('Z38', 'a body of 4 MiB and a byte', call('"echo"', `{"a":"${'x'.repeat((4 << 20) + 1 - call('"echo"', '{"a":""}').length)}"}`), turnedAway('too_large', 413, -32600), { ends: true });
add('Z38', 'a string of 64 MiB', call('"echo"', `{"a":"${'x'.repeat(64 << 20)}"}`), turnedAway('too_large', 413, -32600), { ends: true });
{
  // Keys that collide under a hash of 31 * h + c, and a thousand others.
  const flood = Array.from({ length: 4096 }, (_, i) => i.toString(2).padStart(12, '0').replaceAll('0', 'Aa').replaceAll('1', 'BB'));
  const args = `{${flood.map((key) => `"${key}":0`).join(',')}}`;
  add('Z38', 'keys that flood a hash are only keys', call('"echo"', args), sent(args), { within: 5000 });
}

add('Z45', '_meta does not carry arguments', params('{"name":"echo","arguments":{},"_meta":{"arguments":{"a":1},"name":"danger"}}'), sent('{}'));
add('Z45', '_meta keeps only what is known', params('{"name":"echo","arguments":{},"_meta":{"progressToken":7,"com.example/x":{"deep":[1]}}}'), sent('{}', ',"_meta":{"progressToken":ID}'));
add('Z45', '_meta of a denied call changes nothing', params('{"name":"danger","arguments":{},"_meta":{"progressToken":"echo"}}'), DENIED);
each('Z45', '_meta that is none', {
  'a string': params('{"name":"echo","arguments":{},"_meta":"x"}'), null: params('{"name":"echo","arguments":{},"_meta":null}'), 'an array': params('{"name":"echo","arguments":{},"_meta":[]}'),
  'a progressToken that is an object': params('{"name":"echo","arguments":{},"_meta":{"progressToken":{}}}'), 'a progressToken that is null': params('{"name":"echo","arguments":{},"_meta":{"progressToken":null}}'),
}, PARAMS);
add('Z45', '__proto__ is a key as others are', call('"echo"', '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'), sent('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'));
add('Z45', '__proto__ does not name a tool', params('{"__proto__":{"name":"echo"},"name":"danger","arguments":{}}'), PARAMS);

export const vectors = rows;
