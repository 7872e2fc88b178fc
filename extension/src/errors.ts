import type { ErrorRecord } from './schema';

/** The server refused a request; `record` says why, in its words. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly record: ErrorRecord
  ) {
    super(record.message);
  }
}

/** Any error as a record: what is wrong, and what to do when somebody knows. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof RequestError) {
    return error.record;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'client.unexpected', message, hint: '' };
}
