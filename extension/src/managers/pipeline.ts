import { ISignal, Signal } from '@lumino/signaling';

import { Api, recordOf, word } from '../api';
import { laidOut } from '../layout';
import type { ErrorRecord, KernelView, PipelineView, RunAccepted, RunWanted } from '../schema';
import { applyEvent, newest, stepStatus, type Run, type Runs, type StepStatus } from '../state';
import { EventStream, type Message } from '../stream';
import type { ProjectManager } from './project';

/** The pipeline of the open project: the plan, the runs, and what may be done about them. */
export class PipelineManager {
  private _view: PipelineView | null = null;
  private _problem: ErrorRecord | null = null;
  private runs: Runs = new Map();
  private stream: EventStream | null = null;
  private root = '';
  /** A run that was asked for and has told nothing yet. */
  private _starting = false;
  /** The run that was told to end. */
  private ending: string | null = null;
  private _turn = 0;
  private unsettled: string | null = null;
  private caughtUp = false;
  private asking = false;
  private again = false;
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    private readonly api: Api,
    private readonly project: ProjectManager
  ) {
    project.changed.connect(() => this.follow());
    this.follow();
  }

  /** Something to draw is different. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The plan, null until the server has said. */
  get view(): PipelineView | null {
    return this._view;
  }

  /** Why there is no plan, or the last thing asked for was refused. */
  get problem(): ErrorRecord | null {
    return this._problem;
  }

  get connected(): boolean {
    return this.stream?.connected ?? false;
  }

  get starting(): boolean {
    return this._starting;
  }

  /** The run that goes on, null when none does. */
  get active(): Run | null {
    return this.caughtUp ? newest(this.runs, run => run.phase !== 'ended') : null;
  }

  /** Whether the run that goes on was told to end. */
  get cancelling(): boolean {
    return this.ending !== null && this.ending === this.active?.name;
  }

  /** Another number when the project has changed while no run went on. */
  get turn(): number {
    return this._turn;
  }

  /** The run that ended last. */
  get last(): Run | null {
    return newest(this.runs, run => run.phase === 'ended');
  }

  statusOf(name: string): StepStatus {
    const step = this._view!.steps.find(found => found.name === name)!;
    const after = this.unsettled === null ? undefined : this.runs.get(this.unsettled);
    return stepStatus(step, this.runs, this.active ?? after ?? null);
  }

  async run(wanted: Partial<RunWanted>): Promise<void> {
    await this.begin(this.api.post<RunAccepted>('runs', wanted));
  }

  /** Go on in the kernel of a failed step. */
  async resume(step: string): Promise<void> {
    await this.begin(this.api.post<RunAccepted>(`steps/${word(step)}/resume`));
  }

  async cancel(): Promise<void> {
    const run = this.active;
    if (run !== null) {
      this.ending = run.name;
      this._changed.emit();
      await this.attempt(this.api.post(`runs/${word(run.name)}/cancel`));
    }
  }

  /** The kernel of a failed step, made one of this server's. */
  kernel(step: string): Promise<KernelView | null> {
    return this.attempt(this.api.post<KernelView>(`steps/${word(step)}/kernel`));
  }

  async endKernel(step: string): Promise<void> {
    await this.attempt(this.api.delete(`steps/${word(step)}/kernel`));
    await this.refresh();
  }

  dismiss(): void {
    this._problem = null;
    this._changed.emit();
  }

  /** Ask for the plan again; while an answer is awaited, once more after it. */
  async refresh(): Promise<void> {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    const root = this.root;
    const settles = this.unsettled;
    try {
      const view = await this.api.get<PipelineView>('pipeline');
      if (root === this.root) {
        this._view = view;
        this._problem = null;
        window.setTimeout(() => laidOut(view.steps), 0); // before somebody opens the panel
        if (this.unsettled === settles) {
          this.unsettled = null;
        }
      }
    } catch (error) {
      if (root === this.root) {
        this._problem = recordOf(error);
      }
    }
    this.asking = false;
    this._changed.emit();
    if (this.again) {
      this.again = false;
      await this.refresh();
    }
  }

  private follow(): void {
    const project = this.project.view;
    if (!project?.found || project.root === this.root) {
      return;
    }
    this.root = project.root;
    this.stream?.dispose();
    this.runs = new Map();
    this._view = null;
    this._problem = null;
    this.caughtUp = false;
    this._starting = false;
    const stream = new EventStream((last, signal) =>
      this.api.fetch(
        'GET',
        'events',
        undefined,
        {},
        {
          signal,
          headers: last ? { 'Last-Event-ID': last } : {}
        }
      )
    );
    this.stream = stream;
    stream.received.connect((_, messages) => this.take(messages));
    stream.connectedChanged.connect(() => this._changed.emit());
    void stream.listen();
    void this.refresh();
  }

  private take(messages: Message[]): void {
    let stale = false;
    for (const message of messages) {
      if (message.kind === 'caught-up') {
        this.caughtUp = true;
      } else if (message.kind === 'project-changed') {
        if (this.active === null) {
          this._turn++;
          stale = true;
        }
      } else {
        applyEvent(this.runs, message);
        if (message.kind === 'run-asked') {
          this._starting = false;
        } else if (message.kind === 'run-finished' || message.kind === 'run-refused') {
          this._starting = false;
          if (this.caughtUp) {
            this.unsettled = message.run;
            stale = true;
          }
        }
      }
    }
    this._changed.emit();
    if (stale) {
      void this.refresh();
    }
  }

  private async begin(accepted: Promise<RunAccepted>): Promise<void> {
    this._starting = true;
    this._problem = null;
    this._changed.emit();
    if ((await this.attempt(accepted)) === null) {
      this._starting = false;
      this._changed.emit();
    }
  }

  private async attempt<T>(asked: Promise<T>): Promise<T | null> {
    try {
      return await asked;
    } catch (error) {
      this._problem = recordOf(error);
      this.ending = null;
      this._changed.emit();
      return null;
    }
  }
}
