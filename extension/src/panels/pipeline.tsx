import type { TranslationBundle } from '@jupyterlab/translation';
import { useCallback, useState } from 'react';

import type { PipelineManager } from '../managers/pipeline';
import type { Status } from '../state';
import type { IGristmill } from '../tokens';
import { Empty, Problem } from './frame';
import { PipelineGraph } from './graph';
import { useChanges, useNow } from './hooks';
import { StepDetails } from './step';
import { duration, statusLabel } from './words';

interface IPipeline {
  gristmill: IGristmill;
  /** Run a command of the application, about a step when one is named. */
  execute: (command: string, step?: string) => void;
  trans: TranslationBundle;
}

export function Pipeline(props: IPipeline): JSX.Element {
  const { gristmill, execute, trans } = props;
  const { pipeline, opener } = gristmill;
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
  const step = view?.steps.find(found => found.name === selected);
  return (
    <>
      <Toolbar pipeline={pipeline} execute={execute} trans={trans} />
      {pipeline.problem ? <Problem record={pipeline.problem} /> : null}
      {pipeline.last?.error && !pipeline.active && pipeline.last.status === 'refused' ? (
        <Problem record={pipeline.last.error} />
      ) : null}
      {view === null ? (
        <div className="gm-Loading" role="status">
          {pipeline.problem ? '' : trans.__('Reading the notebooks…')}
        </div>
      ) : view.steps.length === 0 ? (
        <Empty title={trans.__('No steps yet')}>
          <p>
            {trans.__(
              'Open a notebook and make it a step: one of its cells then says what it reads, writes and takes.'
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
              gristmill={gristmill}
              execute={execute}
              close={() => select(null)}
              trans={trans}
            />
          ) : null}
        </div>
      )}
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
  execute: IPipeline['execute'];
  trans: TranslationBundle;
}): JSX.Element {
  const { pipeline, execute, trans } = props;
  const busy = pipeline.active !== null || pipeline.starting || !pipeline.view?.steps.length;
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

export function summary(pipeline: PipelineManager, now: number, trans: TranslationBundle): string {
  const { active, view } = pipeline;
  if (pipeline.starting) {
    return trans.__('starting…');
  }
  if (active !== null) {
    if (pipeline.cancelling) {
      return trans.__('cancelling…');
    }
    if (active.phase === 'asked') {
      return active.notice || trans.__('starting…');
    }
    const steps = [...active.steps.values()];
    const done = steps.filter(step => !['running', 'retrying'].includes(step.state)).length;
    return trans.__(
      'running: %1 of %2 steps done, %3',
      done,
      active.planned.length,
      duration(Math.max(0, now - active.at))
    );
  }
  const counts = new Map<Status, number>();
  for (const step of view?.steps ?? []) {
    const { status } = pipeline.statusOf(step.name);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts].map(([status, count]) => `${count} ${statusLabel(status, trans)}`).join(', ');
}
