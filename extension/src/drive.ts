import { Contents, ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, segment } from './api';

export const DRIVE = 'Gristmill';

/** Executed notebooks and logs of runs as files that Jupyter opens; nothing is ever written. */
export class RunFilesDrive implements Contents.IDrive {
  readonly name = DRIVE;
  private _disposed = false;
  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);

  /** `ready` resolves when it is known which project is open. */
  constructor(
    private readonly api: Api,
    readonly serverSettings: ServerConnection.ISettings,
    private readonly ready: Promise<void>
  ) {}

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    Signal.clearData(this);
  }

  async get(path: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const [run, file] = path.split('/');
    if (!file) {
      return directory(path);
    }
    await this.ready;
    const model = await this.api.get<Contents.IModel>(`kept/${segment(run)}/${segment(file)}`);
    return options?.content === false ? { ...model, content: null, format: null } : model;
  }

  /** Saving keeps nothing: what a run left is as it was. */
  async save(path: string): Promise<Contents.IModel> {
    return this.get(path, { content: false });
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  async getDownloadUrl(): Promise<string> {
    throw readOnly();
  }

  async newUntitled(): Promise<Contents.IModel> {
    throw readOnly();
  }

  async delete(): Promise<void> {
    throw readOnly();
  }

  async rename(): Promise<Contents.IModel> {
    throw readOnly();
  }

  async copy(): Promise<Contents.IModel> {
    throw readOnly();
  }

  async createCheckpoint(): Promise<Contents.ICheckpointModel> {
    throw readOnly();
  }

  async restoreCheckpoint(): Promise<void> {
    throw readOnly();
  }

  async deleteCheckpoint(): Promise<void> {
    throw readOnly();
  }
}

function readOnly(): Error {
  return new Error('What a run left is only read.');
}

function directory(path: string): Contents.IModel {
  return {
    name: path,
    path,
    type: 'directory',
    created: '',
    last_modified: '',
    writable: false,
    mimetype: '',
    content: [],
    format: 'json'
  };
}
