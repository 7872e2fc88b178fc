import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { errorRecord } from '../errors';
import type { ProjectView } from '../schema';
import type { Loadable } from './resource';

/** Which project is open: that of the folder which the file browser shows. */
export class ProjectManager {
  private _state: Loadable<ProjectView> = { kind: 'loading', value: null };
  private _folder = '';
  private requests = 0;
  private readonly _changed = new Signal<this, void>(this);

  constructor(private readonly api: Api) {}

  get state(): Loadable<ProjectView> {
    return this._state;
  }

  /** The project, null until the server has answered. */
  get view(): ProjectView | null {
    return this._state.value;
  }

  /** Whether there is a project to work with. */
  get found(): boolean {
    return this._state.value?.found === true;
  }

  /** The folder that the file browser shows, which may have no project. */
  get folder(): string {
    return this._folder;
  }

  /** Another project is open, or the reason why there is none is another. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Look whether `folder` lies in a project. One that is open stays when it does not. */
  async enter(folder: string): Promise<void> {
    this._folder = folder;
    const request = ++this.requests;
    try {
      const view = await this.api.get<ProjectView>('project', { folder });
      if (request === this.requests) {
        this.take(view);
      }
    } catch (error) {
      if (request === this.requests) {
        this._state = { kind: 'error', error: errorRecord(error), value: this._state.value };
        this._changed.emit();
      }
    }
  }

  /** Make the folder that the file browser shows a project. */
  async init(): Promise<void> {
    this.take(await this.api.post<ProjectView>('project', { folder: this._folder }));
  }

  /** Let the open project run, and let the hosts that it names be asked. */
  async trust(): Promise<void> {
    this.take(await this.api.post<ProjectView>('trust'));
  }

  /** Trust the open project no longer. */
  async revokeTrust(): Promise<void> {
    this.take(await this.api.delete<ProjectView>('trust'));
  }

  private take(view: ProjectView): void {
    const before = this._state;
    if (!view.found && before.value?.found) {
      return;
    }
    this._state = { kind: 'ready', value: view };
    this.api.folder = view.folder;
    const same =
      before.value?.root === view.root &&
      before.value.found === view.found &&
      before.value.trusted === view.trusted;
    if (!same || before.kind !== 'ready') {
      this._changed.emit();
    }
  }
}
