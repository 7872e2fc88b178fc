import type { Api } from '../api';
import { segment } from '../api';
import type {
  Done,
  ModelsView,
  ModelView,
  PageView,
  RunsView,
  VersionDetails,
  VersionView
} from '../schema';
import type { ProjectEvents } from './events';
import { Resource, type Loadable } from './resource';
import { WatchedManager } from './watched';

const MOST_RUNS = 50;

/** Why a verb cannot be done to a version. */
export type Obstacle = 'champion' | 'role' | 'gates' | 'nothing-before' | 'undeclared';

/** A version that is looked at closely. */
export interface IShownVersion {
  model: string;
  version: number;
  details: Loadable<VersionDetails>;
}

/** Models with their versions, and the verbs of promotion. */
export class ModelsManager extends WatchedManager {
  private shown: { model: string; version: number } | null = null;
  private readonly view: Resource<ModelsView>;
  private readonly runs: Resource<RunsView>;
  private readonly details: Resource<VersionDetails>;

  constructor(
    private readonly api: Api,
    events: ProjectEvents
  ) {
    super(events);
    this.view = new Resource(() => api.get('models'));
    this.runs = new Resource(() =>
      api.get('history', { where: 'status = succeeded', limit: MOST_RUNS })
    );
    this.details = new Resource(() => {
      const { model, version } = this.shown!;
      return api.get(`models/${segment(model)}/versions/${version}`);
    });
    for (const resource of [this.view, this.runs, this.details]) {
      resource.changed.connect(this.emit, this);
    }
  }

  get state(): Loadable<ModelsView> {
    return this.view.state;
  }

  /** Runs whose model can be registered. */
  get succeeded(): readonly string[] {
    return this.runs.state.value?.rows.map(row => row.run) ?? [];
  }

  get version(): IShownVersion | null {
    return this.shown && { ...this.shown, details: this.details.state };
  }

  load(): Promise<ModelsView> {
    return this.latest(this.view);
  }

  async refresh(): Promise<void> {
    await Promise.all([
      this.view.refresh(),
      this.runs.refresh(),
      this.shown ? this.details.refresh() : undefined
    ]);
  }

  /** Show the details of a version; hide them when they are shown. */
  async toggleDetails(model: string, version: number): Promise<void> {
    const same = this.shown?.model === model && this.shown.version === version;
    this.shown = same ? null : { model, version };
    this.details.reset();
    if (this.shown) {
      await this.details.refresh();
    }
  }

  /** Make a version of what lies in the project, or of what `run` made. */
  register(model: string, run = ''): Promise<Done> {
    return this.verb(model, 'register', { run });
  }

  gate(model: string, version: number): Promise<Done> {
    return this.verb(model, 'gate', { version });
  }

  /** Ask the reviewers for a decision. */
  request(model: string, version: number, reason: string): Promise<Done> {
    return this.verb(model, 'request', { version, reason });
  }

  /** `report` is the gate report that was read, '' for the last. */
  approve(model: string, version: number, reason: string, report = ''): Promise<Done> {
    return this.decide(model, version, 'approve', reason, report);
  }

  reject(model: string, version: number, reason: string, report = ''): Promise<Done> {
    return this.decide(model, version, 'reject', reason, report);
  }

  /** Refused when another version than the one that is shown has become champion meanwhile. */
  async promote(model: string, version: number, reason: string): Promise<Done> {
    const seen = this.view.state.value ?? (await this.load());
    const expected = modelIn(seen, model)?.champion ?? 0;
    return this.verb(model, 'promote', { version, reason, expected });
  }

  rollback(model: string, reason: string): Promise<Done> {
    return this.verb(model, 'rollback', { reason });
  }

  compare(model: string, versions: readonly number[]): Promise<PageView> {
    return this.during(
      this.api.get<PageView>(`models/${segment(model)}/compare`, { versions: versions.join(',') })
    );
  }

  protected reset(): void {
    this.shown = null;
    for (const resource of [this.view, this.runs, this.details]) {
      resource.reset();
    }
  }

  private decide(
    model: string,
    version: number,
    decision: 'approve' | 'reject',
    reason: string,
    report: string
  ): Promise<Done> {
    return this.verb(model, 'decision', { version, decision, reason, report });
  }

  private verb(model: string, verb: string, body: object): Promise<Done> {
    return this.act(this.api.post<Done>(`models/${segment(model)}/${verb}`, body));
  }
}

export function modelIn(view: ModelsView | null, name: string): ModelView | undefined {
  return view?.models.find(model => model.name === name);
}

/** What keeps one from promoting a version, null when nothing does. */
export function promoteObstacle(
  view: ModelsView,
  model: ModelView,
  version: VersionView
): Obstacle | null {
  if (model.champion === version.version) {
    return 'champion';
  }
  return !view.may.promote ? 'role' : version.verdict !== 'pass' ? 'gates' : null;
}

/** What keeps one from asking for a decision on a version, null when nothing does. */
export function requestObstacle(
  view: ModelsView,
  model: ModelView,
  version: VersionView
): Obstacle | null {
  if (model.champion === version.version) {
    return 'champion';
  }
  return !version.verdict ? 'gates' : !view.may.register ? 'role' : null;
}

export function rollbackObstacle(view: ModelsView, model: ModelView): Obstacle | null {
  return model.back === null ? 'nothing-before' : !view.may.promote ? 'role' : null;
}

export function registerObstacle(view: ModelsView, model: ModelView): Obstacle | null {
  return !model.declared ? 'undeclared' : !view.may.register ? 'role' : null;
}
