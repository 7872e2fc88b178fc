import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import type { ReactNode } from 'react';

import type { Execute } from '../commands/command';
import type { ProjectManager } from '../managers/project';
import type { WatchedManager } from '../managers/watched';
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

/** A main-area panel about the open project. */
export class ProjectPanel extends ReactWidget {
  private watching: IDisposable[] = [];

  /** `draw` is asked when a project is open; `watches` are watched while the panel is in view. */
  constructor(
    private readonly project: ProjectManager,
    private readonly execute: Execute,
    private readonly trans: TranslationBundle,
    private readonly parts: { draw: () => JSX.Element; watches: readonly WatchedManager[] }
  ) {
    super();
    this.addClass('gm-Panel');
    this.node.setAttribute('role', 'region');
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.watch();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.watch();
  }

  protected onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.unwatch();
  }

  protected onBeforeDetach(message: Message): void {
    this.unwatch();
    super.onBeforeDetach(message);
  }

  protected render(): JSX.Element {
    const { project, execute, trans } = this;
    return (
      <UseSignal signal={project.changed}>
        {() => {
          const { state } = project;
          if (state.value?.found) {
            return (
              <>
                {state.value.trusted || <Untrusted execute={execute} trans={trans} />}
                {this.parts.draw()}
              </>
            );
          }
          switch (state.kind) {
            case 'loading':
              return <div />;
            case 'error':
              return <Problem record={state.error} />;
            case 'ready':
              return <NoProject folder={project.folder} execute={execute} trans={trans} />;
          }
        }}
      </UseSignal>
    );
  }

  private watch(): void {
    this.unwatch();
    this.watching = this.parts.watches.map(manager => manager.watch());
  }

  private unwatch(): void {
    this.watching.splice(0).forEach(watch => watch.dispose());
  }
}

function Untrusted({
  execute,
  trans
}: {
  execute: Execute;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <div className="gm-Problem" role="note">
      <p>{trans.__('You have not said that you trust this project, so nothing of it runs.')}</p>
      <button className="jp-Button jp-mod-styled" onClick={() => execute('gristmill:trust')}>
        {trans.__('Trust it…')}
      </button>
    </div>
  );
}

function NoProject(props: {
  folder: string;
  execute: Execute;
  trans: TranslationBundle;
}): JSX.Element {
  const { folder, execute, trans } = props;
  return (
    <Empty title={trans.__('No Gristmill project here')}>
      <p>
        {trans.__(
          'A project is a folder with gristmill.toml. Open one in the file browser, or make this one: %1',
          `/${folder}`
        )}
      </p>
      <button
        className="jp-Button jp-mod-styled jp-mod-accept"
        onClick={() => execute('gristmill:init')}
      >
        {trans.__('Make this folder a project')}
      </button>
    </Empty>
  );
}
