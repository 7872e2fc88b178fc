import { ISignal, Signal } from '@lumino/signaling';

import { Api, segment } from '../api';
import { cachedLayout } from '../layout';
import type {
  Done,
  Finding,
  KernelView,
  PipelineView,
  RunAccepted,
  RunWanted,
  SyncRequest
} from '../schema';
import { stepStatus, type Run, type StepStatus } from '../state';
import type { ProjectEvents } from './events';
import { Resource, type Loadable } from './resource';

/** What goes on in the pipeline. */
export type Activity =
  /** It is not known yet whether a run goes on. */
  | { readonly kind: 'connecting' }
  | { readonly kind: 'idle' }
  /** A run was requested and has sent no event yet. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly run: Run }
  | { readonly kind: 'cancelling'; readonly run: Run }
  /** The run has ended, and the plan is older than that. */
  | { readonly kind: 'settling'; readonly run: Run };

/** The pipeline of the open project: the plan, the run, and what may be done about them. */
export class PipelineManager {
  private _activity: Activity = { kind: 'connecting' };
  private readonly resource: Resource<PipelineView>;
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    private readonly api: Api,
    private readonly events: ProjectEvents
  ) {
    this.resource = new Resource(() => this.load());
    this.resource.changed.connect(() => this._changed.emit(), this);
    events.opened.connect(() => {
      this._activity = { kind: 'connecting' };
      this.resource.reset();
      void this.refresh();
    }, this);
    events.changed.connect(this.followRuns, this);
    events.runEnded.connect((_, run) => {
      if (events.active === null) {
        this.setActivity({ kind: 'settling', run });
      }
      void this.refresh();
    }, this);
    events.projectChanged.connect(() => void this.refresh(), this);
  }

  /** Something to draw is different. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get plan(): Loadable<PipelineView> {
    return this.resource.state;
  }

  get view(): PipelineView | null {
    return this.plan.value;
  }

  get activity(): Activity {
    return this._activity;
  }

  /** The run that goes on, null when none does. */
  get active(): Run | null {
    const { _activity: activity } = this;
    return activity.kind === 'running' || activity.kind === 'cancelling' ? activity.run : null;
  }

  /** Whether a run may be begun. */
  get idle(): boolean {
    return this.active === null && this._activity.kind !== 'starting';
  }

  get connected(): boolean {
    return this.events.connected;
  }

  /** The run that ended last. */
  get last(): Run | null {
    return this.events.last;
  }

  statusOf(name: string): StepStatus {
    const step = this.view!.steps.find(step => step.name === name)!;
    const live = 'run' in this._activity ? this._activity.run : null;
    return stepStatus(step, this.events.runs, live);
  }

  run(wanted: Partial<RunWanted>): Promise<void> {
    return this.begin(this.api.post<RunAccepted>('runs', wanted));
  }

  /** Go on in the kernel of a failed step. */
  resume(step: string): Promise<void> {
    return this.begin(this.api.post<RunAccepted>(`steps/${segment(step)}/resume`));
  }

  async cancel(): Promise<void> {
    const run = this.active;
    if (run === null) {
      return;
    }
    this.setActivity({ kind: 'cancelling', run });
    try {
      await this.api.post(`runs/${segment(run.name)}/cancel`);
    } catch (error) {
      if (this._activity.kind === 'cancelling') {
        this.setActivity({ kind: 'running', run });
      }
      throw error;
    }
  }

  /** Write dvc.yaml from the notebooks. */
  sync(wanted: Partial<SyncRequest>): Promise<Done> {
    return this.api.post<Done>('sync', wanted);
  }

  /** Check notebooks, by the names of their steps; all when there are none. */
  lint(steps: readonly string[]): Promise<Finding[]> {
    return this.api.get<Finding[]>('lint', { steps: steps.join(',') });
  }

  /** The kernel of a failed step, made one of this server's. */
  kernel(step: string): Promise<KernelView> {
    return this.api.post<KernelView>(`steps/${segment(step)}/kernel`);
  }

  async endKernel(step: string): Promise<void> {
    await this.api.delete(`steps/${segment(step)}/kernel`);
    await this.refresh();
  }

  /** Plan again. */
  refresh(): Promise<void> {
    return this.resource.refresh();
  }

  private async load(): Promise<PipelineView> {
    const before = this._activity;
    const view = await this.api.get<PipelineView>('pipeline');
    if (before.kind === 'settling' && before === this._activity) {
      this._activity = { kind: 'idle' };
    }
    setTimeout(() => cachedLayout(view.steps), 0); // before somebody opens the panel
    return view;
  }

  private followRuns(): void {
    const { active } = this.events;
    const before = this._activity;
    if (active !== null) {
      const cancelling = before.kind === 'cancelling' && before.run.name === active.name;
      this.setActivity({ kind: cancelling ? 'cancelling' : 'running', run: active });
    } else if (before.kind === 'connecting' && this.events.complete) {
      this.setActivity({ kind: 'idle' });
    } else {
      this._changed.emit();
    }
  }

  private async begin(accepted: Promise<RunAccepted>): Promise<void> {
    this.setActivity({ kind: 'starting' });
    try {
      await accepted;
    } catch (error) {
      if (this._activity.kind === 'starting') {
        this.setActivity({ kind: 'idle' });
      }
      throw error;
    }
  }

  private setActivity(activity: Activity): void {
    this._activity = activity;
    this._changed.emit();
  }
}
