import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { useState, type ReactNode } from 'react';

import { recordOf } from '../api';
import type { ProjectManager } from '../managers/project';
import type { ErrorRecord } from '../schema';

/** An error in the server's words. */
export function Problem(props: { record: ErrorRecord }): JSX.Element {
  const { message, hint, code } = props.record;
  return (
    <div className="gm-Problem" role="alert">
      <p>
        {message} <code>{code}</code>
      </p>
      {hint ? <p className="gm-hint">{hint}</p> : null}
    </div>
  );
}

/** What to show where there is nothing yet, and what to do about it. */
export function Empty(props: { title: string; children?: ReactNode }): JSX.Element {
  return (
    <div className="gm-Empty">
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

/** A main-area panel about the open project; `draw` is asked when there is one. */
export class ProjectPanel extends ReactWidget {
  constructor(
    private readonly project: ProjectManager,
    private readonly trans: TranslationBundle,
    private readonly draw: () => JSX.Element
  ) {
    super();
    this.addClass('gm-Panel');
    this.node.setAttribute('role', 'region');
  }

  protected render(): JSX.Element {
    return (
      <UseSignal signal={this.project.changed}>
        {() => {
          const view = this.project.view;
          if (view?.found) {
            return this.draw();
          }
          if (this.project.problem) {
            return <Problem record={this.project.problem} />;
          }
          return view ? <NoProject project={this.project} trans={this.trans} /> : <div />;
        }}
      </UseSignal>
    );
  }
}

function NoProject(props: { project: ProjectManager; trans: TranslationBundle }): JSX.Element {
  const { project, trans } = props;
  const [problem, setProblem] = useState<ErrorRecord | null>(null);
  const init = (): void => {
    setProblem(null);
    project.init().catch((error: unknown) => setProblem(recordOf(error)));
  };
  return (
    <Empty title={trans.__('No Gristmill project here')}>
      <p>
        {trans.__(
          'A project is a folder with gristmill.toml. Open one in the file browser, or make this one: %1',
          `/${project.folder}`
        )}
      </p>
      <button className="jp-Button jp-mod-styled jp-mod-accept" onClick={init}>
        {trans.__('Make this folder a project')}
      </button>
      {problem ? <Problem record={problem} /> : null}
    </Empty>
  );
}
