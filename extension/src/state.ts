import type { ErrorRecord, RunEvent, StepView } from './schema';

/** What became of a step in one run. */
export interface StepRun {
  state: 'running' | 'retrying' | 'succeeded' | 'restored' | 'fresh' | 'failed' | 'blocked';
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

/** A run as its events have told it so far. */
export interface Run {
  name: string;
  at: number;
  trigger: string;
  phase: 'asked' | 'running' | 'ended';
  /** succeeded, failed, cancelled or, when it could not begin or died, refused. */
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

/** Take one event into `runs`. Events of a run come in order; one that comes twice changes nothing. */
export function hear(runs: Runs, event: RunEvent): void {
  let run = runs.get(event.run);
  if (run === undefined || event.kind === 'run-asked') {
    run = blank(event.run, event.at);
    runs.set(event.run, run);
  }
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
  }
}

/** What is shown of a step. */
export type Word = 'fresh' | 'stale' | 'waiting' | 'running' | 'failed' | 'skipped';

export interface Shown {
  word: Word;
  why: string;
  run: string;
  step: StepRun | null;
  /** Wall time in seconds of the last time that it succeeded, 0 when unknown. */
  expected: number;
}

/** The newest run that satisfies `wanted`. */
export function newest(runs: Runs, wanted: (run: Run) => boolean): Run | null {
  let found: Run | null = null;
  for (const run of runs.values()) {
    if (wanted(run) && (found === null || run.at > found.at)) {
      found = run;
    }
  }
  return found;
}

/**
 * What to show of a step: `live` is the run that goes on, or ended after the plan in `view` was
 * made; else the plan counts, and what the last run said of a step that is still stale.
 */
export function shown(view: StepView, runs: Runs, live: Run | null): Shown {
  const done = newest(runs, run => run.steps.get(view.name)?.state === 'succeeded');
  const expected = done?.steps.get(view.name)?.seconds ?? 0;
  const now = live?.steps.get(view.name) ?? null;
  const make = (word: Word, why: string, run: Run | null = live, step = now): Shown => ({
    word,
    why,
    run: run?.name ?? '',
    step,
    expected
  });
  if (live !== null && now !== null) {
    switch (now.state) {
      case 'running':
        return make('running', now.reason);
      case 'retrying':
        return make('waiting', now.error?.message ?? '');
      case 'failed':
        return live.status === 'cancelled'
          ? make('stale', now.error?.message ?? '')
          : make('failed', now.error?.message ?? '');
      case 'blocked':
        return make('skipped', now.reason);
      default:
        return make('fresh', now.reason);
    }
  }
  if (live !== null && live.phase !== 'ended' && (live.phase === 'asked' || view.stale)) {
    if (live.phase === 'running' && live.planned.includes(view.name)) {
      return make('waiting', view.reasons.join('; '));
    }
  }
  const last = newest(runs, run => {
    const state = run.steps.get(view.name)?.state;
    return run.phase === 'ended' && state !== undefined && state !== 'fresh';
  });
  const before = last?.steps.get(view.name) ?? null;
  if (!view.stale) {
    return make('fresh', '', last, before);
  }
  if (last?.status !== 'cancelled' && before?.state === 'failed') {
    return make('failed', before.error?.message ?? '', last, before);
  }
  if (last?.status !== 'cancelled' && before?.state === 'blocked') {
    return make('skipped', before.reason, last, before);
  }
  return make('stale', view.reasons.join('; '), last, before);
}
