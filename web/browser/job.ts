/** The interface for the Python side: `node SCRIPT JOB.json`, which writes the answer. */
import { readFile, writeFile } from 'node:fs/promises';

/** Runs the work on the job that the command line names, and writes what it returns. */
export async function runJob<Job extends { answer: string }>(
  work: (job: Job) => Promise<unknown>,
): Promise<void> {
  const job = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Job;
  let answer: unknown;
  try {
    answer = await work(job);
  } catch (error) {
    answer = { error: reason(error) };
  }
  await writeFile(job.answer, JSON.stringify(answer));
}

/** Returns the first line of an error's message, without the name of the driver's call. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]!.replace(/^(page|browser)\.\w+: (\w*Error: )?/, '');
}
