// Many cases through both. Used by the test, and by `tests/oracle/run`.
import { differs, judge } from './compare.mjs';
import { Driver } from './driver.mjs';
import { generate } from './generate.mjs';
import { Random } from './random.mjs';

const AT_ONCE = 64;

// Cases `stream`, `stream + of`, ... of the seed, until there were so many decisions. Answers { decisions, cases, seen,
// failed }: what was met how often, and the first case that differs.
export async function run({ seed, decisions, stream = 0, of = 1, most = 1, seconds = Infinity, onFailure }) {
  const driver = new Driver();
  const seen = {};
  const count = (what, which) => {
    const row = (seen[what] ??= {});
    row[which] = (row[which] ?? 0) + 1;
  };
  const failed = [];
  const started = Date.now();
  let done = 0, cases = 0;
  try {
    for (let number = stream; done < decisions && failed.length < most && Date.now() - started < seconds * 1000;) {
      const batch = [];
      for (let i = 0; i < AT_ONCE && done < decisions; i++, number += of) {
        const one = generate(new Random(seed, number));
        const answer = driver.ask(one).then((got) => ({ got }), (error) => ({ error }));
        batch.push({ one, number, answer });
        done += one.steps.filter((step) => step.do === 'call').length;
        cases++;
      }
      for (const { one, number: at, answer } of batch) {
        const expected = judge(one, count);
        const { got, error } = await answer;
        const fault = error ? { what: 'the driver ended', step: -1, why: error.message } : differs(expected, got);
        if (fault && failed.length < most) {
          failed.push({ one, number: at, fault });
          onFailure?.(failed.at(-1));
        }
        if (error) return { decisions: done, cases, seen, failed };
      }
    }
  } finally {
    driver.end();
  }
  return { decisions: done, cases, seen, failed };
}
