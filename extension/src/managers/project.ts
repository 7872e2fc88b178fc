import { ISignal, Signal } from '@lumino/signaling';

import { Api, recordOf } from '../api';
import type { ErrorRecord, ProjectView } from '../schema';

/** Which project is open: that of the folder which the file browser shows. */
export class ProjectManager {
  private _view: ProjectView | null = null;
  private _problem: ErrorRecord | null = null;
  private _folder = '';
  private _asked = 0;
  private readonly _changed = new Signal<this, void>(this);

  constructor(private readonly api: Api) {}

  /** The project, null until the server has said. */
  get view(): ProjectView | null {
    return this._view;
  }

  get problem(): ErrorRecord | null {
    return this._problem;
  }

  /** The folder that the file browser shows, which may have no project. */
  get folder(): string {
    return this._folder;
  }

  /** Another project is open, or why there is none. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Look whether `folder` lies in a project. One that is open stays when it does not. */
  async enter(folder: string): Promise<void> {
    this._folder = folder;
    const asked = ++this._asked;
    try {
      const view = await this.api.get<ProjectView>('project', { folder });
      if (asked === this._asked) {
        this.take(view);
      }
    } catch (error) {
      if (asked === this._asked) {
        this._problem = recordOf(error);
        this._changed.emit();
      }
    }
  }

  /** Make the folder that the file browser shows a project. */
  async init(): Promise<void> {
    this.take(await this.api.post<ProjectView>('project', { folder: this._folder }));
  }

  private take(view: ProjectView): void {
    if (!view.found && this._view?.found) {
      return;
    }
    const same = this._view?.root === view.root && this._view.found === view.found;
    this._view = view;
    const recovered = this._problem !== null;
    this._problem = null;
    this.api.folder = view.folder;
    if (!same || recovered) {
      this._changed.emit();
    }
  }
}
