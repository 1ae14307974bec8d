// The same over several threads, each with its own share of the cases and its own driver.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { run } from './run.mjs';

export async function runInParallel({ decisions, jobs, ...rest }) {
  const shares = await Promise.all(Array.from({ length: jobs }, (_, stream) => new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { ...rest, decisions: Math.ceil(decisions / jobs), stream, of: jobs } });
    worker.on('message', resolve).on('error', reject);
  })));
  const seen = {};
  for (const share of shares) {
    for (const [what, row] of Object.entries(share.seen)) {
      const sum = (seen[what] ??= {});
      for (const [which, count] of Object.entries(row)) sum[which] = (sum[which] ?? 0) + count;
    }
  }
  const total = (of) => shares.reduce((sum, share) => sum + share[of], 0);
  return { decisions: total('decisions'), cases: total('cases'), seen,
    failed: shares.flatMap((share) => share.failed).sort((a, b) => a.number - b.number) };
}

if (!isMainThread) parentPort.postMessage(await run(workerData));
