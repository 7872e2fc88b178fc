// Written by `python -m gristmill.server._typescript` from the dataclasses of
// gristmill.server._schema and gristmill.events. Do not edit.

export interface ErrorRecord {
  code: string;
  message: string;
  hint: string;
}

export interface ProjectView {
  found: boolean;
  folder: string;
  name: string;
  root: string;
  served: boolean;
  trusted: boolean;
  models: string[];
}

export interface InitRequest {
  folder: string;
  name: string | null;
}

export interface FileView {
  name: string;
  path: string | null;
  exists: boolean;
  folder: boolean;
}

export interface StepView {
  name: string;
  notebook: string;
  path: string | null;
  needs: string[];
  inputs: FileView[];
  outputs: FileView[];
  params: Record<string, unknown>;
  cells: number;
  stale: boolean;
  reasons: string[];
}

export interface ParkedView {
  step: string;
  run: string;
  cell: number;
  error: string;
  executed: string;
  at: number;
}

export interface PipelineView {
  project: string;
  steps: StepView[];
  not_steps: Record<string, string>;
  errors: Record<string, Record<string, string>>;
  missing: Record<string, string[]>;
  sets: string[];
  parked: ParkedView[];
}

export interface RunWanted {
  targets: string[];
  only: boolean;
  force: boolean;
  keep_failed: boolean;
  params: string | null;
  overrides: Record<string, unknown>;
  workers: number;
  kernel: string;
  tags: string[];
  keep_going: boolean;
  wait: boolean;
  pull: boolean | null;
  smoke: boolean;
}

export interface RunAccepted {
  run: string;
}

export interface KernelView {
  id: string;
  executed: string;
  cell: number;
  run: string;
}

export interface RunsView {
  rows: RunRow[];
  more: boolean;
}

export interface DiffView {
  diff: RunDiff;
  plots: FigurePair[];
}

export interface SweepParameter {
  name: string;
  type: string;
  value: unknown;
}

export interface SweepSummary {
  name: string;
  method: string;
  metric: string;
  total: number;
  ended: number;
  failed: number;
  best: number | null;
  params: Record<string, unknown>;
  alive: boolean;
  problem: string;
}

export interface SweepsView {
  files: string[];
  parameters: SweepParameter[];
  metrics: string[];
  sweeps: SweepSummary[];
}

export interface SweepRequest {
  name: string;
  parameters: Record<string, string>;
  metric: string;
  maximize: boolean;
  method: string;
  trials: number;
}

export interface MlflowView {
  url: string;
  own: boolean;
}

export interface FormRequest {
  notebook: string;
  document: Record<string, unknown>;
}

export interface EditRequest {
  notebook: string;
  change: Record<string, unknown>;
  document: Record<string, unknown>;
}

export interface EditReply {
  edits: Edit[];
  written: boolean;
}

export interface PathsReply {
  paths: Completion[];
}

export interface VersionView {
  version: number;
  aliases: string[];
  created: string;
  author: string;
  metrics: Record<string, number>;
  commit: string;
  dirty: boolean;
  verdict: string;
  approvals: string;
}

export interface ModelView {
  name: string;
  owner: string;
  declared: boolean;
  champion: number | null;
  back: number | null;
  versions: VersionView[];
  judged: string[];
  problem: string;
}

export interface WaitingView {
  model: string;
  version: number;
  actor: string;
  at: string;
  reason: string;
  report: string;
  mine: boolean;
  why: string;
}

export interface ModelsView {
  actor: string;
  may: Record<string, boolean>;
  models: ModelView[];
  waiting: WaitingView[];
}

export interface GateView {
  kind: string;
  name: string;
  verdict: string;
  message: string;
}

export interface EntryView {
  seq: number;
  at: string;
  actor: string;
  action: string;
  version: number | null;
  alias: string | null;
  before: number | null;
  after: number | null;
  reason: string;
}

export interface VersionDetails {
  model: string;
  version: number;
  digest: string;
  source: string;
  run: string;
  params: Record<string, unknown>;
  metrics: Record<string, number>;
  missing: string[];
  report: string;
  gates: GateView[];
  approvals: string;
  history: EntryView[];
}

export interface MoveRequest {
  reason: string;
  version: number | null;
  alias: string;
  expected: number | null;
  override: boolean;
}

export interface DecisionRequest {
  version: number;
  decision: string;
  reason: string;
  report: string;
}

export interface GateRequest {
  version: number;
  against: string;
}

export interface RegisterRequest {
  run: string;
}

export interface ApprovalRequest {
  version: number;
  reason: string;
}

export interface ReproduceRequest {
  version: number;
  keep: boolean;
}

export interface ScoreRequest {
  source: string;
  target: string;
  version: string;
  log: boolean;
  checked: boolean;
}

export interface MonitorRequest {
  now: string;
  window: string | null;
  start: string | null;
}

export interface RepairRequest {
  now: string;
}

export interface DrillDownRequest {
  window: string | null;
}

export interface ExportRequest {
  target: string;
}

export interface MailRequest {
  route: string;
}

export interface SyncRequest {
  params: string | null;
  overrides: Record<string, unknown>;
}

export interface ApplyRequest {
  trial: number | null;
}

export interface JobView {
  job: string;
  verb: string;
  state: string;
  progress: string;
  result: unknown;
  error: Record<string, string> | null;
}

export interface CardView {
  model: string;
  version: number;
  text: string;
}

export interface ContractView {
  path: string;
  contract: string;
}

export interface AuditProblem {
  seq: number | null;
  message: string;
}

export interface AuditView {
  entries: number;
  problems: AuditProblem[];
}

export interface DoctorFinding {
  name: string;
  ok: boolean;
  detail: string;
  hint: string;
}

export interface Done {
  message: string;
}

export interface PageView {
  title: string;
  html: string;
}

export interface AlertView {
  id: string;
  model: string;
  version: number;
  rule: string;
  severity: string;
  reason: string;
  first: string;
  last: string;
  windows: number;
  opened: string;
  state: string;
  closing: string;
  acknowledged: string;
  snoozed: string;
  note: string;
  owners: string[];
}

export interface Watched {
  name: string;
  status: string;
  champion: number | null;
  judged: string;
  problem: string;
}

export interface AlertsView {
  alerts: AlertView[];
  models: Watched[];
}

export interface AlertRequest {
  reason: string;
  until: string;
}

export interface CellChange {
  before: number | null;
  after: number | null;
  lines: string[];
}

export interface ValueType {
  kind: string;
  items: ValueType[];
  allowed: unknown[];
}

export interface Edit {
  kind: string;
  cell: number;
  before: string;
  after: string;
  tags: string[];
}

export interface Field {
  name: string;
  kind: string;
  annotation: string;
  source: string;
  type: ValueType;
  default: unknown;
  fixed: boolean;
  doc: string;
  line: number;
  problem: Record<string, string> | null;
}

export interface Form {
  cell: number;
  fields: Field[];
  problem: Record<string, string> | null;
}

export interface Suggestion {
  id: string;
  name: string;
  kind: string;
  annotation: string;
  source: string;
  reason: string;
  places: Occurrence[];
  move: boolean;
  exists: boolean;
}

export interface Occurrence {
  cell: number;
  line: number;
  start: number;
  end: number;
  text: string;
  value: unknown;
  name: string;
  context: string;
  movable: boolean;
}

export interface Finding {
  code: string;
  severity: string;
  notebook: string;
  cell: number;
  line: number;
  message: string;
  hint: string;
}

export interface StepChange {
  do: string;
  name: string;
  new: string;
  text: string | null;
  value: unknown;
  annotation: string | null;
  doc: string;
  suggestion: string;
}

export interface StepForm {
  notebook: string;
  step: string;
  form: Form;
  suggestions: Suggestion[];
  findings: Finding[];
  given: Record<string, unknown>;
}

export interface Completion {
  path: string;
  step: string;
  directory: boolean;
}

export interface RunRow {
  run: string;
  status: string;
  started: number;
  seconds: number | null;
  params: Record<string, string>;
  metrics: Record<string, number>;
  tags: Record<string, string>;
  mlflow_run: string;
}

export interface Change {
  before: unknown;
  after: unknown;
  delta: number | null;
}

export interface RunDiff {
  one: string;
  other: string;
  params: Record<string, Change>;
  metrics: Record<string, Change>;
  cells: Record<string, CellChange[]>;
  unknown: string[];
  lineage: Record<string, Change>;
  steps: Record<string, Change>;
}

export interface Figure {
  step: string;
  name: string;
  mime: string;
  data: string;
  columns: string[];
  rows: ((number | null)[])[];
}

export interface FigurePair {
  step: string;
  name: string;
  before: Figure | null;
  after: Figure | null;
}

export interface RunAsked {
  kind: 'run-asked';
  at: number;
  run: string;
  pid: number;
  started: number;
  trigger: string;
}

export interface RunRefused {
  kind: 'run-refused';
  at: number;
  run: string;
  error: Record<string, string>;
}

export interface RunStarted {
  kind: 'run-started';
  at: number;
  run: string;
  project: string;
  steps: string[];
  workers: number;
}

export interface StepSkipped {
  kind: 'step-skipped';
  at: number;
  run: string;
  step: string;
  reason: string;
  blocked: boolean;
}

export interface StepRestored {
  kind: 'step-restored';
  at: number;
  run: string;
  step: string;
  reason: string;
}

export interface StepStarted {
  kind: 'step-started';
  at: number;
  run: string;
  step: string;
  notebook: string;
  reason: string;
  cells: number;
  attempt: number;
  executed: string;
}

export interface CellStarted {
  kind: 'cell-started';
  at: number;
  run: string;
  step: string;
  cell: number;
  cells: number;
  index: number;
}

export interface CellFinished {
  kind: 'cell-finished';
  at: number;
  run: string;
  step: string;
  cell: number;
  cells: number;
  index: number;
  seconds: number;
}

export interface StepSucceeded {
  kind: 'step-succeeded';
  at: number;
  run: string;
  step: string;
  seconds: number;
  executed: string;
}

export interface StepFailedEvent {
  kind: 'step-failed';
  at: number;
  run: string;
  step: string;
  seconds: number;
  executed: string;
  cell: number;
  error: Record<string, string>;
}

export interface StepWaiting {
  kind: 'step-waiting';
  at: number;
  run: string;
  step: string;
  error: Record<string, string>;
}

export interface StepRetried {
  kind: 'step-retried';
  at: number;
  run: string;
  step: string;
  attempt: number;
  attempts: number;
  seconds: number;
  wait: number;
  executed: string;
  cell: number;
  error: Record<string, string>;
}

export interface Notice {
  kind: 'notice';
  at: number;
  run: string;
  message: string;
  step: string;
}

export interface RunFinished {
  kind: 'run-finished';
  at: number;
  run: string;
  status: string;
  seconds: number;
  ran: number;
  skipped: number;
  failed: number;
}

export type RunEvent =
  | RunAsked
  | RunRefused
  | RunStarted
  | StepSkipped
  | StepRestored
  | StepStarted
  | CellStarted
  | CellFinished
  | StepSucceeded
  | StepFailedEvent
  | StepWaiting
  | StepRetried
  | Notice
  | RunFinished;
