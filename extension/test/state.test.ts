import { expect, test } from 'vitest';

import type { RunEvent, StepView } from '../src/schema';
import { applyEvent, stepStatus, type Run, type Runs } from '../src/state';

const step = (name: string, reasons: string[]): StepView => ({
  name,
  notebook: `${name}.ipynb`,
  path: null,
  needs: [],
  inputs: [],
  outputs: [],
  params: {},
  cells: 4,
  stale: reasons.length > 0,
  reasons
});
let at = 0;
const event = (run: string, kind: string, more: object = {}): RunEvent =>
  ({ kind, run, at: at++, ...more }) as unknown as RunEvent;
const error = { code: 'step.error', message: 'worn stones', hint: '' };

function runsAfter(...events: RunEvent[]): Runs {
  const runs: Runs = new Map();
  events.forEach(one => applyEvent(runs, one));
  return runs;
}

const begin = (run: string): RunEvent[] => [
  event(run, 'run-asked', { trigger: 'user' }),
  event(run, 'run-started', { steps: ['grow', 'grind', 'bake'] })
];
const fail = (run: string): RunEvent[] => [
  event(run, 'step-started', { step: 'grow', cells: 4, reason: 'forced' }),
  event(run, 'step-succeeded', { step: 'grow', seconds: 3, executed: '/r/grow.ipynb' }),
  event(run, 'step-started', { step: 'grind', cells: 4, reason: 'grow runs first' }),
  event(run, 'cell-started', { step: 'grind', cell: 2, cells: 4 }),
  event(run, 'step-failed', { step: 'grind', seconds: 1, executed: '/r/x', cell: 2, error }),
  event(run, 'step-skipped', { step: 'bake', reason: 'grind did not succeed', blocked: true })
];
const statuses = (runs: Runs, live: Run | null): string[] =>
  ['grow', 'grind', 'bake'].map(
    name => stepStatus(step(name, ['its code changed']), runs, live).status
  );

test('a step goes from queued by running to what became of it', () => {
  const runs = runsAfter(...begin('a'));
  const live = runs.get('a')!;
  expect(statuses(runs, live)).toEqual(['queued', 'queued', 'queued']);
  const events = fail('a');
  events.slice(0, 4).forEach(one => applyEvent(runs, one));
  expect(statuses(runs, live)).toEqual(['fresh', 'running', 'queued']);
  const running = stepStatus(step('grind', ['x']), runs, live);
  expect([running.step?.cell, running.step?.cells]).toEqual([2, 4]);
  expect(running.step?.at).toBe(events[2].at);
  events.slice(4).forEach(one => applyEvent(runs, one));
  expect(statuses(runs, live)).toEqual(['fresh', 'failed', 'skipped']);
});

test('after the run the plan counts, and a failure is remembered while the step is stale', () => {
  const runs = runsAfter(
    ...begin('a'),
    ...fail('a'),
    event('a', 'run-finished', { status: 'failed' })
  );
  expect(statuses(runs, null)).toEqual(['stale', 'failed', 'skipped']);
  expect(stepStatus(step('grow', []), runs, null)).toMatchObject({ status: 'fresh', expected: 3 });
  expect(stepStatus(step('grind', []), runs, null).status).toBe('fresh');
  expect(stepStatus(step('grind', ['x']), runs, null).reason).toBe('worn stones');
});

test('a cancelled run leaves steps stale, not failed', () => {
  const finished = event('a', 'run-finished', { status: 'cancelled' });
  const runs = runsAfter(...begin('a'), ...fail('a'), finished);
  expect(statuses(runs, null)[1]).toBe('stale');
  expect(statuses(runs, runs.get('a')!)[1]).toBe('stale');
});

test('a history that is told twice says the same', () => {
  const events = [...begin('a'), ...fail('a'), event('a', 'run-finished', { status: 'failed' })];
  expect(runsAfter(...events, ...events)).toEqual(runsAfter(...events));
});

test('a newer run decides, whatever the order in which they are told', () => {
  const earlier = [...begin('a'), ...fail('a'), event('a', 'run-finished', { status: 'failed' })];
  const later = [
    ...begin('b'),
    event('b', 'step-succeeded', { step: 'grind', seconds: 9, executed: '/r/y' }),
    event('b', 'run-finished', { status: 'succeeded' })
  ];
  for (const events of [
    [...earlier, ...later],
    [...later, ...earlier]
  ]) {
    expect(stepStatus(step('grind', ['x']), runsAfter(...events), null)).toMatchObject({
      status: 'stale',
      run: 'b',
      expected: 9
    });
  }
});

const reasonOf = (runs: Runs, live: Run | null): string =>
  stepStatus(step('grind', ['grow ran']), runs, live).reason;

test('a step that waits for a decision says so, in the run and after it', () => {
  const waiting = { code: 'approval.waiting', message: 'nobody has decided', hint: '' };
  const runs = runsAfter(
    ...begin('a'),
    event('a', 'step-succeeded', { step: 'grow', seconds: 3, executed: '/r/grow.ipynb' }),
    event('a', 'step-waiting', { step: 'grind', error: waiting }),
    event('a', 'step-skipped', { step: 'bake', reason: 'grind waits', blocked: true })
  );
  const live = runs.get('a')!;
  expect(statuses(runs, live)).toEqual(['fresh', 'waiting', 'skipped']);
  expect(reasonOf(runs, live)).toBe('nobody has decided');
  applyEvent(runs, event('a', 'run-finished', { status: 'waiting', seconds: 4 }));
  expect(live.status).toBe('waiting');
  expect(statuses(runs, null)).toEqual(['stale', 'waiting', 'skipped']);
  expect(reasonOf(runs, null)).toBe('nobody has decided');
});

test('an event of a kind that is not known makes no run', () => {
  expect(runsAfter(event('a', 'run-paused')).size).toBe(0);
});
