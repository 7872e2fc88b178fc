import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { RequestError, errorRecord } from '../errors';
import type {
  Completion,
  EditReply,
  ErrorRecord,
  PathsReply,
  StepChange,
  StepForm
} from '../schema';
import { applyEdits, documentOf, tagsOf } from './document';

const TAG = 'parameters';
const PAUSE_MS = 300;

/** What there is to edit. */
export type EditorState =
  /** No notebook is in front. */
  | { readonly kind: 'closed' }
  /** The notebook in front is no file of the server: what a run executed, say. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'error'; readonly error: ErrorRecord }
  | { readonly kind: 'ready'; readonly form: StepForm };

/** The form of the notebook in front, kept up with its cells; changes go into the open document. */
export class StepEditor implements IDisposable {
  private _panel: NotebookPanel | null = null;
  private _state: EditorState = { kind: 'closed' };
  private requests = 0;
  private timer = 0;
  private lastChange: Promise<unknown> = Promise.resolve();
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    private readonly api: Api,
    tracker: INotebookTracker,
    private readonly local: (path: string) => string | null
  ) {
    this.follow(tracker.currentWidget);
    tracker.currentChanged.connect((_, panel) => this.follow(panel), this);
  }

  get panel(): NotebookPanel | null {
    return this._panel;
  }

  get state(): EditorState {
    return this._state;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this.timer);
    Signal.clearData(this);
  }

  /** Read the notebook again. Only the last answer counts; what is shown stays until then. */
  async refresh(): Promise<void> {
    const request = ++this.requests;
    const state = await this.read();
    if (request === this.requests && !this._disposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  /**
   * Change the form, after the changes that were asked for before: each is worked out on what those
   * have made. Throws what the server refused, and then nothing has changed.
   */
  change(change: Partial<StepChange>): Promise<void> {
    const done = this.lastChange.then(() => this.apply(change));
    this.lastChange = done.catch(() => undefined);
    return done;
  }

  private async apply(change: Partial<StepChange>): Promise<void> {
    const shared = this._panel?.content.model?.sharedModel;
    for (let again = true; ; again = false) {
      const place = this.place();
      if (!place || !shared) {
        return;
      }
      const reply = await this.api.post<EditReply>('steps/edits', { ...place, change });
      if (applyEdits(shared, reply.edits)) {
        break;
      }
      if (!again) {
        const message = 'The notebook was changed meanwhile.';
        throw new RequestError(409, { code: 'step.changed', message, hint: 'Try again.' });
      }
    }
    await this.refresh();
  }

  async complete(typed: string, kind: string): Promise<Completion[]> {
    const folder = this.place()?.notebook.split('/').slice(0, -1).join('/') ?? '';
    return (await this.api.get<PathsReply>('steps/paths', { folder, word: typed, kind })).paths;
  }

  /** Make the active cell the parameters cell, or no longer so; there is one at most. */
  toggle(): void {
    const notebook = this._panel?.content;
    const model = notebook?.model;
    if (!notebook || !model || notebook.activeCell?.model.type !== 'code') {
      return;
    }
    const chosen = notebook.activeCellIndex;
    model.sharedModel.transact(() => {
      model.sharedModel.cells.forEach((cell, index) => {
        const tags = tagsOf(cell.getMetadata());
        const tagged = tags.includes(TAG);
        const wanted = index === chosen && !tagged;
        if (tagged !== wanted) {
          cell.setMetadata('tags', wanted ? [...tags, TAG] : tags.filter(tag => tag !== TAG));
        }
      });
    });
    this.refreshSoon();
  }

  /** Whether the active cell is the parameters cell. */
  get active(): boolean {
    return tagsOf(this._panel?.content.activeCell?.model.sharedModel.getMetadata()).includes(TAG);
  }

  /** Show a cell (from 0) and a line of it (from 1; 0: none). */
  async show(cell: number, line: number): Promise<void> {
    const notebook = this._panel?.content;
    if (!notebook || cell < 0 || cell >= notebook.widgets.length) {
      return;
    }
    notebook.activeCellIndex = cell;
    await notebook.scrollToItem(cell, 'smart');
    const editor = notebook.widgets[cell].editor;
    if (editor && line > 0) {
      editor.setCursorPosition({ line: line - 1, column: 0 });
      editor.focus();
    }
  }

  private follow(panel: NotebookPanel | null): void {
    if (panel === this._panel) {
      return;
    }
    this._panel?.content.modelContentChanged.disconnect(this.refreshSoon, this);
    this._panel = panel;
    this._state = this.initial();
    this._changed.emit();
    panel?.content.modelContentChanged.connect(this.refreshSoon, this);
    void panel?.context.ready.then(() => this.refresh());
  }

  private initial(): EditorState {
    if (this._panel === null) {
      return { kind: 'closed' };
    }
    return { kind: this.local(this._panel.context.path) === null ? 'foreign' : 'loading' };
  }

  private async read(): Promise<EditorState> {
    const place = this.place();
    if (place === null) {
      return this.initial();
    }
    try {
      return { kind: 'ready', form: await this.api.post<StepForm>('steps/form', place) };
    } catch (error) {
      return { kind: 'error', error: errorRecord(error) };
    }
  }

  private refreshSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.refresh(), PAUSE_MS);
  }

  private place(): { notebook: string; document: ReturnType<typeof documentOf> } | null {
    const model = this._panel?.content.model;
    const notebook = this._panel ? this.local(this._panel.context.path) : null;
    return model && notebook !== null
      ? { notebook, document: documentOf(model.sharedModel) }
      : null;
  }
}
