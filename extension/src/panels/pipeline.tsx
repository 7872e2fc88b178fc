import type { TranslationBundle } from '@jupyterlab/translation';
import { useCallback, useState } from 'react';

import type { Execute } from '../commands/command';
import type { Opener } from '../managers/opener';
import type { PipelineManager } from '../managers/pipeline';
import type { Run, Status } from '../state';
import { Empty, Problem } from './frame';
import { PipelineGraph } from './graph';
import { useChanges, useNow } from './hooks';
import { StepDetails } from './step';
import { duration, statusLabel } from './labels';

interface IPipeline {
  pipeline: PipelineManager;
  opener: Opener;
  execute: Execute;
  trans: TranslationBundle;
}

export function Pipeline(props: IPipeline): JSX.Element {
  const { pipeline, opener, execute, trans } = props;
  useChanges(pipeline.changed);
  const [selected, select] = useState<string | null>(null);
  const view = pipeline.view;
  const open = useCallback(
    (name: string) => {
      const path = pipeline.view?.steps.find(step => step.name === name)?.path;
      if (path) {
        opener.open(path);
      }
    },
    [pipeline, opener]
  );
  const step = view?.steps.find(({ name }) => name === selected);
  return (
    <>
      <Toolbar pipeline={pipeline} execute={execute} trans={trans} />
      {pipeline.plan.kind === 'error' ? <Problem record={pipeline.plan.error} /> : null}
      {pipeline.last?.error && pipeline.idle && pipeline.last.status === 'refused' ? (
        <Problem record={pipeline.last.error} />
      ) : null}
      {view === null ? (
        <div className="gm-Loading" role="status">
          {pipeline.plan.kind === 'loading' ? trans.__('Reading the notebooks…') : ''}
        </div>
      ) : view.steps.length === 0 ? (
        <Empty title={trans.__('No steps yet')}>
          <p>
            {trans.__(
              'Open a notebook and make it a step: one of its cells then declares what it reads, writes and takes.'
            )}
          </p>
          <button
            className="jp-Button jp-mod-styled jp-mod-accept"
            onClick={() => execute('gristmill:open-step')}
          >
            {trans.__('Open the step editor')}
          </button>
        </Empty>
      ) : (
        <div className="gm-Body">
          <PipelineGraph
            steps={view.steps}
            statusOf={name => pipeline.statusOf(name)}
            selected={selected}
            select={select}
            open={open}
            trans={trans}
          />
          {step ? (
            <StepDetails
              step={step}
              status={pipeline.statusOf(step.name)}
              pipeline={pipeline}
              opener={opener}
              execute={execute}
              close={() => select(null)}
              trans={trans}
            />
          ) : null}
        </div>
      )}
      {Object.entries(view?.errors ?? {}).map(([path, error]) => (
        <p key={path} className="gm-Missing" role="alert" title={error.hint}>
          {trans.__('%1 cannot be read: %2', path, error.message)}
        </p>
      ))}
      {view && Object.keys(view.missing).length ? (
        <p className="gm-Missing">
          {Object.entries(view.missing)
            .map(([path, readers]) =>
              trans.__('Missing: %1, read by %2, written by no step.', path, readers.join(', '))
            )
            .join(' ')}
        </p>
      ) : null}
    </>
  );
}

function Toolbar(props: {
  pipeline: PipelineManager;
  execute: Execute;
  trans: TranslationBundle;
}): JSX.Element {
  const { pipeline, execute, trans } = props;
  const busy = !pipeline.idle || !pipeline.view?.steps.length;
  const parked = pipeline.view?.parked ?? [];
  const button = (command: string, label: string, off: boolean, main = false): JSX.Element => (
    <button
      className={`jp-Button jp-mod-styled ${main ? 'jp-mod-accept' : 'jp-mod-reject'}`}
      disabled={off}
      onClick={() => execute(command)}
    >
      {label}
    </button>
  );
  return (
    <div className="gm-Toolbar" role="toolbar" aria-label={trans.__('Pipeline')}>
      {button('gristmill:run', trans.__('Run'), busy, true)}
      {button('gristmill:cancel', trans.__('Cancel'), pipeline.active === null)}
      {button('gristmill:resume', trans.__('Resume'), busy || parked.length === 0)}
      {button('gristmill:force', trans.__('Run all again'), busy)}
      <span className="gm-Spring" />
      <Summary pipeline={pipeline} trans={trans} />
    </div>
  );
}

/** One line on how things stand. */
export function Summary(props: {
  pipeline: PipelineManager;
  trans: TranslationBundle;
}): JSX.Element {
  const { pipeline, trans } = props;
  const active = pipeline.active;
  const now = useNow(active !== null);
  return (
    <span className="gm-Summary" role="status">
      {pipeline.connected || pipeline.view === null ? null : (
        <span className="gm-Lost">{trans.__('connecting…')} </span>
      )}
      {summary(pipeline, now, trans)}
    </span>
  );
}

function summary(pipeline: PipelineManager, now: number, trans: TranslationBundle): string {
  const { activity, view } = pipeline;
  switch (activity.kind) {
    case 'starting':
      return trans.__('starting…');
    case 'cancelling':
      return trans.__('cancelling…');
    case 'running':
      return progress(activity.run, now, trans);
    case 'connecting':
    case 'idle':
    case 'settling': {
      const counts = new Map<Status, number>();
      for (const step of view?.steps ?? []) {
        const { status } = pipeline.statusOf(step.name);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
      return [...counts]
        .map(([status, count]) => `${count} ${statusLabel(status, trans)}`)
        .join(', ');
    }
  }
}

function progress(run: Run, now: number, trans: TranslationBundle): string {
  if (run.phase === 'asked') {
    return run.notice || trans.__('starting…');
  }
  const steps = [...run.steps.values()];
  const done = steps.filter(step => !['running', 'retrying'].includes(step.state)).length;
  return trans.__(
    'running: %1 of %2 steps done, %3',
    done,
    run.planned.length,
    duration(Math.max(0, now - run.at))
  );
}
