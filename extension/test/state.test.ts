import { expect, test } from 'vitest';

import type { RunEvent, StepView } from '../src/schema';
import { hear, shown, type Run, type Runs } from '../src/state';

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

function told(...events: RunEvent[]): Runs {
  const runs: Runs = new Map();
  events.forEach(one => hear(runs, one));
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
const words = (runs: Runs, live: Run | null): string[] =>
  ['grow', 'grind', 'bake'].map(name => shown(step(name, ['its code changed']), runs, live).word);

test('a run goes from waiting by running to what became of each step', () => {
  const runs = told(...begin('a'));
  const live = runs.get('a')!;
  expect(words(runs, live)).toEqual(['waiting', 'waiting', 'waiting']);
  const events = fail('a');
  events.slice(0, 4).forEach(one => hear(runs, one));
  expect(words(runs, live)).toEqual(['fresh', 'running', 'waiting']);
  const running = shown(step('grind', ['x']), runs, live);
  expect([running.step?.cell, running.step?.cells]).toEqual([2, 4]);
  expect(running.step?.at).toBe(events[2].at);
  events.slice(4).forEach(one => hear(runs, one));
  expect(words(runs, live)).toEqual(['fresh', 'failed', 'skipped']);
});

test('after the run the plan counts, and a failure is remembered while the step is stale', () => {
  const runs = told(...begin('a'), ...fail('a'), event('a', 'run-finished', { status: 'failed' }));
  expect(words(runs, null)).toEqual(['stale', 'failed', 'skipped']);
  expect(shown(step('grow', []), runs, null)).toMatchObject({ word: 'fresh', expected: 3 });
  expect(shown(step('grind', []), runs, null).word).toBe('fresh');
  expect(shown(step('grind', ['x']), runs, null).why).toBe('worn stones');
});

test('a cancelled run leaves steps stale, not failed', () => {
  const finished = event('a', 'run-finished', { status: 'cancelled' });
  const runs = told(...begin('a'), ...fail('a'), finished);
  expect(words(runs, null)[1]).toBe('stale');
  expect(words(runs, runs.get('a')!)[1]).toBe('stale');
});

test('a history that is told twice says the same', () => {
  const events = [...begin('a'), ...fail('a'), event('a', 'run-finished', { status: 'failed' })];
  expect(told(...events, ...events)).toEqual(told(...events));
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
    expect(shown(step('grind', ['x']), told(...events), null)).toMatchObject({
      word: 'stale',
      run: 'b',
      expected: 9
    });
  }
});
