import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactNode } from 'react';

import type { Execute } from '../commands/command';
import type { Opener } from '../managers/opener';
import type { PipelineManager } from '../managers/pipeline';
import type { FileView, StepView } from '../schema';
import type { StepStatus } from '../state';
import { StatusIcon } from './icons';
import { duration, statusLabel } from './labels';

interface IStep {
  step: StepView;
  status: StepStatus;
  pipeline: PipelineManager;
  opener: Opener;
  execute: Execute;
  close: () => void;
  trans: TranslationBundle;
}

/** Everything about one step, and what can be done with it. */
export function StepDetails(props: IStep): JSX.Element {
  const { step, status: shown, pipeline, opener, execute, close, trans } = props;
  const parked = pipeline.view?.parked.find(kernel => kernel.step === step.name);
  const busy = !pipeline.idle;
  const executed = shown.step?.executed;
  const act = (command: string, label: string, off = false): JSX.Element => (
    <button
      className="jp-Button jp-mod-styled jp-mod-minimal gm-Action"
      disabled={off}
      onClick={() => execute(command, { step: step.name })}
    >
      {label}
    </button>
  );
  return (
    <aside className="gm-Step" aria-label={trans.__('Step %1', step.name)}>
      <header>
        <h3>{step.name}</h3>
        <button
          className="jp-Button jp-mod-minimal gm-Close"
          title={trans.__('Close')}
          aria-label={trans.__('Close')}
          onClick={close}
        >
          ×
        </button>
      </header>
      <p className={`gm-State gm-mod-${shown.status}`}>
        <StatusIcon status={shown.status} />
        <span className="gm-Word">{statusLabel(shown.status, trans)}</span>
        {shown.status === 'stale' && step.reasons.length ? null : <span>{shown.reason}</span>}
      </p>
      {shown.status === 'stale' ? (
        <ul className="gm-Reasons">
          {step.reasons.map(reason => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      ) : null}
      {shown.status === 'waiting' ? (
        <section className="gm-Parked gm-mod-waiting">
          <p>
            {trans.__(
              'Reviewers have to approve the model first. Once they have, run this step again.'
            )}
          </p>
          {act('gristmill:open-models', trans.__('Open the models'))}
        </section>
      ) : null}
      {parked ? (
        <section className="gm-Parked gm-mod-failed">
          <p>
            {trans.__(
              'Its kernel is still running at cell %1, with its variables.',
              parked.cell + 1
            )}
          </p>
          {act('gristmill:open-kernel', trans.__('Open its kernel'))}
          {act('gristmill:resume', trans.__('Resume'), busy)}
          {act('gristmill:end-kernel', trans.__('Shut it down'), busy)}
        </section>
      ) : null}
      <div className="gm-Actions">
        {act('gristmill:run-to-step', trans.__('Run to here'), busy)}
        {act('gristmill:run-only-step', trans.__('Run only this'), busy)}
        {act('gristmill:force-step', trans.__('Run again'), busy)}
      </div>
      <dl>
        <Row name={trans.__('Source')}>
          <Link
            text={step.notebook}
            open={step.path === null ? null : () => opener.open(step.path!)}
          />
        </Row>
        {executed ? (
          <Row name={trans.__('Executed')}>
            <Link text={trans.__('notebook')} open={() => opener.openRunFile(executed)} />
            {' · '}
            <Link
              text={trans.__('log')}
              open={() => opener.openRunFile(executed.replace(/\.ipynb$/, '.log'))}
            />
            {' · '}
            <span className="gm-quiet">{shown.run}</span>
          </Row>
        ) : null}
        {shown.step?.seconds ? (
          <Row name={trans.__('Took')}>{duration(shown.step.seconds)}</Row>
        ) : null}
        <Files name={trans.__('Inputs')} files={step.inputs} opener={opener} />
        <Files name={trans.__('Outputs')} files={step.outputs} opener={opener} />
        {Object.keys(step.params).length ? (
          <Row name={trans.__('Parameters')}>
            <ul className="gm-Params">
              {Object.entries(step.params).map(([name, value]) => (
                <li key={name}>
                  {name} = <code>{JSON.stringify(value)}</code>
                </li>
              ))}
            </ul>
          </Row>
        ) : null}
      </dl>
    </aside>
  );
}

function Row(props: { name: string; children: ReactNode }): JSX.Element {
  return (
    <>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </>
  );
}

function Link(props: { text: string; open: (() => void) | null }): JSX.Element {
  return props.open === null ? (
    <span>{props.text}</span>
  ) : (
    <button className="gm-Link" onClick={props.open}>
      {props.text}
    </button>
  );
}

function Files(props: { name: string; files: FileView[]; opener: Opener }): JSX.Element | null {
  const { opener } = props;
  if (!props.files.length) {
    return null;
  }
  const open = ({ path, exists, folder }: FileView): (() => void) | null =>
    !exists || !path ? null : () => (folder ? opener.point(path) : opener.open(path));
  return (
    <Row name={props.name}>
      <ul>
        {props.files.map(file => (
          <li key={file.name}>
            <Link text={file.name} open={open(file)} />
          </li>
        ))}
      </ul>
    </Row>
  );
}
