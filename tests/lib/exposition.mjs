// A strict reader of metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0. It throws at the first line that is not
// as both say, at a family that comes twice, a sample that belongs to none, a counter that is no count, a histogram that
// is not cumulative.
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function labelsOf(text, line) {
  const labels = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/.exec(rest);
    if (!match || match[1] in labels || (match[3] === ',' && match[0].length === rest.length)) throw new Error(`labels: ${line}`);
    labels[match[1]] = match[2].replace(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

/** family name -> { type, help, unit, samples: [{ name, labels, value }] } */
export function parse(text, { openmetrics = false } = {}) {
  const families = new Map();
  let family, ended = false;
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.slice(0, -1).split('\n')) {
    if (ended) throw new Error(`behind the end: ${line}`);
    if (line === '# EOF' && openmetrics) {
      ended = true;
    } else if (line.startsWith('#')) {
      const match = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/.exec(line);
      if (!match || !NAME.test(match[2]) || (match[1] === 'UNIT' && !openmetrics)) throw new Error(`not a line: ${line}`);
      const [, what, name, value] = match;
      if (what === 'HELP') {
        if (families.has(name)) throw new Error(`twice: ${name}`);
        families.set(name, family = { name, help: value, samples: [], seen: new Set() });
      } else if (family?.name !== name || family[what.toLowerCase()] || family.samples.length) {
        throw new Error(`out of place: ${line}`);
      } else {
        family[what.toLowerCase()] = value;
      }
      if (what === 'TYPE' && !['counter', 'gauge', 'histogram'].includes(value)) throw new Error(`type: ${line}`);
      if (what === 'UNIT' && !name.endsWith(`_${value}`)) throw new Error(`unit: ${line}`);
    } else {
      const match = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\d+(?:\.\d+)?)$/.exec(line);
      if (!match || !family?.type) throw new Error(`no sample: ${line}`);
      const [, name, labels = '', value] = match;
      const base = openmetrics && family.type === 'counter' ? `${family.name}_total` : family.name;
      const fits = family.type === 'histogram' ? ['_bucket', '_sum', '_count'].some((end) => name === base + end) : name === base;
      if (!fits) throw new Error(`${name} is not of ${family.name}`);
      if (family.type === 'counter' && (!base.endsWith('_total') || value.includes('.'))) throw new Error(`counter: ${line}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      if (family.seen.has(key)) throw new Error(`twice: ${key}`);
      family.seen.add(key);
      family.samples.push({ name, labels: labelsOf(labels, line), value: Number(value) });
    }
  }
  if (openmetrics && !ended) throw new Error('no # EOF');
  for (const one of families.values()) if (one.type === 'histogram') checkHistogram(one);
  return families;
}

function checkHistogram({ name, samples }) {
  const series = new Map();
  for (const sample of samples) {
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (sample.name.endsWith('_bucket')) one.buckets.push([le === '+Inf' ? Infinity : Number(le), sample.value]);
    else one[sample.name.slice(name.length + 1)] = sample.value;
  }
  for (const { buckets, count, sum } of series.values()) {
    buckets.forEach(([le, value], at) => {
      if (Number.isNaN(le) || (at > 0 && (le <= buckets[at - 1][0] || value < buckets[at - 1][1]))) throw new Error(`buckets of ${name}`);
    });
    if (buckets.at(-1)[0] !== Infinity || buckets.at(-1)[1] !== count || sum === undefined) throw new Error(`count of ${name}`);
  }
}

/** The sum of the samples of a family that have these labels. */
export const total = (families, name, labels = {}) => families.get(name).samples
  .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
  .reduce((sum, sample) => sum + sample.value, 0);
