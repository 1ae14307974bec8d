// Reads a profile as callgrind writes it: what each function takes itself, and with all that it calls.
import { readFileSync } from 'node:fs';

/** Names are given once, as "(7) name", and named by their number from then on. */
function names() {
  const known = new Map();
  return (text) => {
    const [, id, name] = /^(\(\d+\))(?: (.*))?$/.exec(text);
    if (name !== undefined) known.set(id, name);
    return { id, name: known.get(id) };
  };
}

/** A list of { name, object, files: Map of file to its own instructions, own, whole }: one for each function. */
export function readProfile(path) {
  const functions = new Map();
  const objectOf = names(), fileOf = names(), functionOf = names();
  let object = '', file = '', current, calls = false;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, key, value] = /^(c?(?:ob|fi|fl|fe|fn)|calls)=(.*)$/.exec(line) ?? [];
    if (key === 'ob') {
      object = objectOf(value).name;
    } else if (key === 'cob') {
      objectOf(value);
    } else if (key === 'fl' || key === 'fi' || key === 'fe') {
      file = fileOf(value).name;
    } else if (key === 'cfi' || key === 'cfl') {
      fileOf(value);
    } else if (key === 'cfn') {
      functionOf(value);
    } else if (key === 'fn') {
      const { id, name } = functionOf(value);
      if (!functions.has(id)) functions.set(id, { name, object, files: new Map(), own: 0, whole: 0 });
      current = functions.get(id);
    } else if (key === 'calls') {
      calls = true;
    } else if (/^[\d+*-]/.test(line) && current) {
      const cost = Number(line.split(' ')[1] ?? 0);
      current.whole += cost;
      if (!calls) {
        current.own += cost;
        current.files.set(file, (current.files.get(file) ?? 0) + cost);
      }
      calls = false;
    }
  }
  return [...functions.values()];
}

/** What was counted of each event, in the whole run. */
export function readTotals(path) {
  const text = readFileSync(path, 'utf8');
  const numbers = /^(?:totals|summary): (.*)$/m.exec(text)[1].split(' ').map(Number);
  return Object.fromEntries(/^events: (.*)$/m.exec(text)[1].split(' ').map((event, at) => [event, numbers[at] ?? 0]));
}
