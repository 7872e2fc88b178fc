import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { applyEvent, newest, type Run, type Runs } from '../state';
import { EventStream, type Message } from '../stream';
import type { ProjectManager } from './project';

/** What the server tells about the open project, and the runs that follow from it. */
export class ProjectEvents {
  private _runs: Runs = new Map();
  private stream: EventStream | null = null;
  private root = '';
  private caughtUp = false;
  private readonly _opened = new Signal<this, void>(this);
  private readonly _changed = new Signal<this, void>(this);
  private readonly _runEnded = new Signal<this, Run>(this);
  private readonly _projectChanged = new Signal<this, void>(this);

  constructor(
    private readonly api: Api,
    private readonly project: ProjectManager
  ) {
    project.changed.connect(this.follow, this);
  }

  /** Another project is open. */
  get opened(): ISignal<this, void> {
    return this._opened;
  }

  /** A run is different, or the stream is connected or broken. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A run has ended just now, whoever began it. */
  get runEnded(): ISignal<this, Run> {
    return this._runEnded;
  }

  /** A file of the project was changed, and by no run: notebooks, settings, trials of a sweep. */
  get projectChanged(): ISignal<this, void> {
    return this._projectChanged;
  }

  get runs(): Runs {
    return this._runs;
  }

  /** Whether all that was before is known. */
  get complete(): boolean {
    return this.caughtUp;
  }

  get connected(): boolean {
    return this.stream?.connected ?? false;
  }

  /** The run that goes on, null when none does or that is not known yet. */
  get active(): Run | null {
    return this.caughtUp ? newest(this._runs, run => run.phase !== 'ended') : null;
  }

  /** The run that ended last. */
  get last(): Run | null {
    return newest(this._runs, run => run.phase === 'ended');
  }

  private follow(): void {
    const project = this.project.view;
    if (!project?.found || project.root === this.root) {
      return;
    }
    this.root = project.root;
    this.stream?.dispose();
    this._runs = new Map();
    this.caughtUp = false;
    this.stream = new EventStream((last, signal) =>
      this.api.fetch(
        'GET',
        'events',
        undefined,
        {},
        { signal, headers: last ? { 'Last-Event-ID': last } : {} }
      )
    );
    this.stream.received.connect(this.receive, this);
    this.stream.connectedChanged.connect(() => this._changed.emit(), this);
    void this.stream.listen();
    this._opened.emit();
  }

  private receive(_: EventStream, messages: Message[]): void {
    const ended: Run[] = [];
    let project = false;
    for (const message of messages) {
      switch (message.kind) {
        case 'caught-up':
          this.caughtUp = true;
          break;
        case 'project-changed':
          project = true;
          break;
        default:
          applyEvent(this._runs, message);
          if (this.caughtUp && ['run-finished', 'run-refused'].includes(message.kind)) {
            ended.push(this._runs.get(message.run)!);
          }
      }
    }
    this._changed.emit();
    ended.forEach(run => this._runEnded.emit(run));
    if (project && this.active === null) {
      this._projectChanged.emit();
    }
  }
}
