import type { ErrorRecord, RunEvent, StepView } from './schema';

/** What became of a step in one run; `waiting` is for a decision by people. */
export interface StepRun {
  state:
    'running' | 'retrying' | 'succeeded' | 'restored' | 'fresh' | 'failed' | 'blocked' | 'waiting';
  at: number;
  reason: string;
  seconds: number;
  cell: number;
  cells: number;
  executed: string;
  error: ErrorRecord | null;
  /** The index in the notebook of the cell that raised, -1 when none did. */
  failedCell: number;
}

/** A run as far as its events describe it. */
export interface Run {
  name: string;
  at: number;
  trigger: string;
  phase: 'asked' | 'running' | 'ended';
  /** succeeded, failed, waiting, cancelled or, when it could not begin or died, refused. */
  status: string;
  seconds: number;
  planned: string[];
  steps: Map<string, StepRun>;
  error: ErrorRecord | null;
  notice: string;
}

export type Runs = Map<string, Run>;

function blank(name: string, at: number): Run {
  return {
    name,
    at,
    trigger: '',
    phase: 'asked',
    status: '',
    seconds: 0,
    planned: [],
    steps: new Map(),
    error: null,
    notice: ''
  };
}

const NO_STEP: StepRun = {
  state: 'running',
  at: 0,
  reason: '',
  seconds: 0,
  cell: 0,
  cells: 0,
  executed: '',
  error: null,
  failedCell: -1
};

/** Apply one event to `runs`. Events of a run come in order; applying one twice changes nothing. */
export function applyEvent(runs: Runs, event: RunEvent): void {
  const known = event.kind === 'run-asked' ? undefined : runs.get(event.run);
  const run = known ?? blank(event.run, event.at);
  const step = (name: string, change: Partial<StepRun>): void => {
    run.steps.set(name, { ...(run.steps.get(name) ?? NO_STEP), at: event.at, ...change });
  };
  switch (event.kind) {
    case 'run-asked':
      run.trigger = event.trigger;
      break;
    case 'run-started':
      run.phase = 'running';
      run.planned = event.steps;
      break;
    case 'step-skipped':
      step(event.step, { state: event.blocked ? 'blocked' : 'fresh', reason: event.reason });
      break;
    case 'step-restored':
      step(event.step, { state: 'restored', reason: event.reason });
      break;
    case 'step-started':
      step(event.step, {
        ...NO_STEP,
        at: event.at,
        reason: event.reason,
        cells: event.cells,
        executed: event.executed
      });
      break;
    case 'cell-started':
    case 'cell-finished': {
      const began = run.steps.get(event.step)?.at ?? event.at;
      step(event.step, { at: began, cell: event.cell, cells: event.cells });
      break;
    }
    case 'step-succeeded':
      step(event.step, {
        state: 'succeeded',
        seconds: event.seconds,
        executed: event.executed
      });
      break;
    case 'step-retried':
    case 'step-failed':
      step(event.step, {
        state: event.kind === 'step-failed' ? 'failed' : 'retrying',
        seconds: event.seconds,
        executed: event.executed,
        failedCell: event.cell,
        error: event.error as unknown as ErrorRecord
      });
      break;
    case 'step-waiting':
      step(event.step, {
        ...NO_STEP,
        at: event.at,
        state: 'waiting',
        error: event.error as unknown as ErrorRecord
      });
      break;
    case 'notice':
      run.notice = event.message;
      break;
    case 'run-finished':
      run.phase = 'ended';
      run.status = event.status;
      run.seconds = event.seconds;
      break;
    case 'run-refused':
      run.phase = 'ended';
      run.status = event.error['code'] === 'run.cancelled' ? 'cancelled' : 'refused';
      run.error = event.error as unknown as ErrorRecord;
      break;
    default:
      return ignored(event);
  }
  runs.set(event.run, run);
}

/** A kind that this version does not know. The parameter's type makes the compiler name it. */
function ignored(event: never): void {
  console.debug('gristmill: an event of an unknown kind', event);
}

/** `queued` will begin in the run that goes on; `waiting` is for a decision by people. */
export type Status = 'fresh' | 'stale' | 'queued' | 'running' | 'waiting' | 'failed' | 'skipped';

/** What the pipeline shows of a step. */
export interface StepStatus {
  status: Status;
  reason: string;
  run: string;
  step: StepRun | null;
  /** Wall time in seconds of the last time that it succeeded, 0 when unknown. */
  expected: number;
}

/** The newest run that satisfies `wanted`. */
export function newest(runs: Runs, wanted: (run: Run) => boolean): Run | null {
  let latest: Run | null = null;
  for (const run of runs.values()) {
    if (wanted(run) && (latest === null || run.at > latest.at)) {
      latest = run;
    }
  }
  return latest;
}

/**
 * The status of a step: `live` is the run that goes on, or ended after the plan in `view` was made;
 * else the plan counts, and what the last run said of a step that is still stale.
 */
export function stepStatus(view: StepView, runs: Runs, live: Run | null): StepStatus {
  const done = newest(runs, run => run.steps.get(view.name)?.state === 'succeeded');
  const expected = done?.steps.get(view.name)?.seconds ?? 0;
  const make = (status: Status, reason: string, run: Run | null, step: StepRun | null) => ({
    status,
    reason,
    run: run?.name ?? '',
    step,
    expected
  });
  const now = live?.steps.get(view.name) ?? null;
  if (live !== null && now !== null) {
    return make(...statusInRun(now, live), live, now);
  }
  if (live?.phase === 'running' && view.stale && live.planned.includes(view.name)) {
    return make('queued', view.reasons.join('; '), live, null);
  }
  const last = newest(runs, run => {
    const state = run.steps.get(view.name)?.state;
    return run.phase === 'ended' && state !== undefined && state !== 'fresh';
  });
  const before = last?.steps.get(view.name) ?? null;
  if (!view.stale) {
    return make('fresh', '', last, before);
  }
  if (last !== null && before !== null) {
    const [status, reason] = statusInRun(before, last);
    if (last.status !== 'cancelled' && ['failed', 'skipped', 'waiting'].includes(status)) {
      return make(status, reason, last, before);
    }
  }
  return make('stale', view.reasons.join('; '), last, before);
}

/** The status that a run gave to a step, and why. */
function statusInRun(step: StepRun, run: Run): [Status, string] {
  const message = step.error?.message ?? '';
  switch (step.state) {
    case 'running':
      return ['running', step.reason];
    case 'retrying':
      return ['queued', message];
    case 'waiting':
      return ['waiting', message];
    case 'failed':
      return [run.status === 'cancelled' ? 'stale' : 'failed', message];
    case 'blocked':
      return ['skipped', step.reason];
    case 'succeeded':
    case 'restored':
    case 'fresh':
      return ['fresh', step.reason];
  }
}
