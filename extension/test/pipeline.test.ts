import { expect, test } from 'vitest';

import { PipelineManager } from '../src/managers/pipeline';
import { Server, asked, finished, held, started } from './server';

const PLAN = {
  project: 'flights',
  steps: ['grow', 'grind'].map(name => ({
    name,
    notebook: `${name}.ipynb`,
    path: null,
    needs: [],
    inputs: [],
    outputs: [],
    params: {},
    cells: 1,
    stale: true,
    reasons: ['never ran']
  })),
  not_steps: {},
  errors: {},
  missing: {},
  sets: [],
  parked: []
};

async function opened(): Promise<{ server: Server; pipeline: PipelineManager }> {
  const server = new Server();
  const pipeline = new PipelineManager(server.api, server.events);
  server.answer('GET pipeline', PLAN);
  expect(pipeline.activity.kind).toBe('connecting');
  await server.open();
  return { server, pipeline };
}

test('a run that somebody else began is followed from its beginning to the new plan', async () => {
  const { server, pipeline } = await opened();
  expect(pipeline.activity.kind).toBe('idle');
  expect(pipeline.plan.kind).toBe('ready');
  await server.tell(asked, started);
  expect(pipeline.activity).toMatchObject({ kind: 'running', run: { name: 'a' } });
  expect(pipeline.idle).toBe(false);
  await server.tell({ kind: 'step-succeeded', run: 'a', step: 'grow', seconds: 1, executed: '' });
  const plan = held();
  server.answer('GET pipeline', plan.answer);
  await server.tell(finished);
  expect(pipeline.activity).toMatchObject({ kind: 'settling', run: { name: 'a' } });
  expect(pipeline.statusOf('grow').status).toBe('fresh'); // as the run said, until the plan is new
  expect(pipeline.statusOf('grind').status).toBe('stale');
  await plan.give({ ...PLAN, steps: PLAN.steps.map(step => ({ ...step, stale: false })) });
  expect(pipeline.activity.kind).toBe('idle');
  expect(pipeline.statusOf('grind').status).toBe('fresh');
});

test('a run that ends as soon as it has begun does not stay at its start', async () => {
  const { server, pipeline } = await opened();
  server.answer('POST runs', { run: 'a' });
  await pipeline.run({});
  expect(pipeline.activity.kind).toBe('starting');
  await server.tell(asked, { kind: 'run-refused', run: 'a', error: { code: 'run.params' } });
  expect(pipeline.activity.kind).toBe('idle');
  expect(pipeline.last?.status).toBe('refused');
});

test('a run that is refused leaves nothing behind, and says why', async () => {
  const { server, pipeline } = await opened();
  server.refuse('POST runs', { code: 'run.busy' });
  const running = pipeline.run({});
  expect(pipeline.activity.kind).toBe('starting');
  await expect(running).rejects.toMatchObject({ record: { code: 'run.busy' } });
  expect(pipeline.activity.kind).toBe('idle');
});

test('a run is cancelled until it has ended, or is not when that is refused', async () => {
  const { server, pipeline } = await opened();
  await server.tell(asked, started);
  await pipeline.cancel();
  expect(server.requests).toContain('POST runs/a/cancel');
  await server.tell({ kind: 'notice', run: 'a', message: 'stopping' });
  expect(pipeline.activity.kind).toBe('cancelling');
  await server.tell({ ...finished, status: 'cancelled' });
  expect(pipeline.activity.kind).toBe('idle');

  await server.tell({ ...asked, run: 'b' }, { ...started, run: 'b' });
  server.refuse('POST runs/b/cancel', { code: 'run.ended' });
  await expect(pipeline.cancel()).rejects.toMatchObject({ record: { code: 'run.ended' } });
  expect(pipeline.activity.kind).toBe('running');
});

test('a change of the project is planned again, but not while a run makes it', async () => {
  const { server, pipeline } = await opened();
  const before = server.count('GET pipeline');
  await server.tell({ kind: 'project-changed' });
  expect(server.count('GET pipeline')).toBe(before + 1);
  await server.tell(asked, started, { kind: 'project-changed' });
  expect(server.count('GET pipeline')).toBe(before + 1);
  server.refuse('GET pipeline', { code: 'notebook.broken' });
  await server.tell(finished);
  expect(pipeline.plan).toMatchObject({ kind: 'error', error: { code: 'notebook.broken' } });
  expect(pipeline.view?.steps.length).toBe(2); // the last that is known is still shown
});

test('what happened before somebody looked is history and no change', async () => {
  const server = new Server();
  const pipeline = new PipelineManager(server.api, server.events);
  server.answer('GET pipeline', PLAN);
  await server.open('/flights', asked, started, finished);
  expect(pipeline.activity.kind).toBe('idle');
  expect(pipeline.last?.name).toBe('a');
  expect(server.count('GET pipeline')).toBe(1);
});
