import { segment, type Api } from '../api';
import { RequestError } from '../errors';
import type { ErrorRecord, JobView } from '../schema';

const PAUSE_MS = 500;
const UNKNOWN: ErrorRecord = { code: 'job.failed', message: 'The job failed.', hint: '' };

/** Hears how far a long verb is, in words. */
export type Report = (progress: string) => void;

/**
 * Start a long verb and wait for its end. Returns its result; throws its error as a `RequestError`.
 */
export async function runJob<T>(api: Api, path: string, body: object, report: Report): Promise<T> {
  const { folder } = api; // of the job, whichever project is open when it ends
  let job = await api.post<JobView>(path, body);
  while (job.state === 'running') {
    if (job.progress) {
      report(job.progress);
    }
    await new Promise(done => setTimeout(done, PAUSE_MS));
    job = await api.get<JobView>(`jobs/${segment(job.job)}`, { folder });
  }
  if (job.state === 'failed') {
    throw new RequestError(0, { ...UNKNOWN, ...job.error });
  }
  return job.result as T;
}
