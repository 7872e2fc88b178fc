import type { TranslationBundle } from '@jupyterlab/translation';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, PointerEvent } from 'react';

import { HEIGHT, WIDTH, cachedLayout, neighbour, shape, type Layout, type Place } from '../layout';
import type { StepView } from '../schema';
import type { Status, StepRun, StepStatus } from '../state';
import { useNow } from './hooks';
import { StatusIcon } from './icons';
import { statusDetail, statusLabel } from './labels';

interface IGraph {
  steps: readonly StepView[];
  statusOf: (name: string) => StepStatus;
  selected: string | null;
  select: (name: string | null) => void;
  open: (name: string) => void;
  trans: TranslationBundle;
}

interface IView {
  x: number;
  y: number;
  scale: number;
}

const LEAST = 0.1;
const MOST = 2;

/** The steps in their order. Drag to move, wheel with Ctrl to zoom, arrows to walk. */
export function PipelineGraph(props: IGraph): JSX.Element {
  const { steps, statusOf, selected, select, open, trans } = props;
  const key = shape(steps);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the same shape has the same layout
  const placed = useMemo(() => cachedLayout(steps), [key]);
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<IView>({ x: 0, y: 0, scale: 1 });
  const moved = useRef(false); // by the user: then it stays where it is
  const fit = useCallback(() => setView(fitting(frame.current, placed)), [placed]);

  useEffect(() => {
    const node = frame.current!;
    const observer = new ResizeObserver(() => {
      if (!moved.current && node.clientWidth) {
        fit();
      }
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, [fit]);

  useEffect(() => {
    const node = frame.current!;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      moved.current = true;
      const box = node.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      if (event.ctrlKey || event.metaKey) {
        setView(now => zoomed(now, Math.exp(-event.deltaY / 300), at));
      } else {
        setView(now => ({ ...now, x: now.x - event.deltaX, y: now.y - event.deltaY }));
      }
    };
    node.addEventListener('wheel', wheel, { passive: false });
    return () => node.removeEventListener('wheel', wheel);
  }, []);

  const drag = useRef<{ x: number; y: number } | null>(null);
  const down = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.button === 0 && !(event.target as Element).closest('.gm-Node, .gm-Zoom')) {
      drag.current = { x: event.clientX - view.x, y: event.clientY - view.y };
      event.currentTarget.setPointerCapture(event.pointerId);
      select(null);
    }
  };
  const move = (event: PointerEvent<HTMLDivElement>): void => {
    const from = drag.current;
    if (from !== null) {
      moved.current = true;
      setView(now => ({ ...now, x: event.clientX - from.x, y: event.clientY - from.y }));
    }
  };

  const walk = useCallback(
    (event: KeyboardEvent<HTMLButtonElement>, name: string) => {
      const next = neighbour(placed.places, name, event.key);
      if (next !== null) {
        event.preventDefault();
        event.stopPropagation();
        const node = frame.current!.querySelector<HTMLElement>(`[data-step="${CSS.escape(next)}"]`);
        node?.focus({ preventScroll: true });
        setView(now => revealing(now, frame.current!, placed.places.get(next)!));
      }
    },
    [placed]
  );
  const zoom = (factor: number): void => {
    const { clientWidth, clientHeight } = frame.current!;
    moved.current = true;
    setView(now => zoomed(now, factor, { x: clientWidth / 2, y: clientHeight / 2 }));
  };
  const first = selected ?? steps[0]?.name;

  return (
    <div
      className="gm-Graph"
      ref={frame}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={() => (drag.current = null)}
    >
      <div
        className="gm-Graph-plane"
        role="group"
        aria-label={trans.__('Steps. Arrow keys walk between them.')}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
      >
        <Edges layout={placed} selected={selected} />
        {steps.map(step => (
          <StepNode
            key={step.name}
            name={step.name}
            place={placed.places.get(step.name)!}
            {...appearance(statusOf(step.name))}
            selected={step.name === selected}
            reachable={step.name === first}
            select={select}
            open={open}
            walk={walk}
            trans={trans}
          />
        ))}
      </div>
      <div className="gm-Zoom" role="group" aria-label={trans.__('Zoom')}>
        <button
          title={trans.__('Zoom in')}
          aria-label={trans.__('Zoom in')}
          onClick={() => zoom(1.25)}
        >
          +
        </button>
        <button
          title={trans.__('Zoom out')}
          aria-label={trans.__('Zoom out')}
          onClick={() => zoom(0.8)}
        >
          −
        </button>
        <button
          title={trans.__('Show all')}
          aria-label={trans.__('Show all')}
          onClick={() => ((moved.current = false), fit())}
        >
          <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
            <path
              d="M1 4V1h3M8 1h3v3M11 8v3H8M4 11H1V8"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.5"
            />
          </svg>
        </button>
      </div>
    </div>
  );
}

/** The parts of a status that decide how a node looks, so that equal ones are not redrawn. */
function appearance(
  shown: StepStatus
): Pick<INode, 'status' | 'reason' | 'cell' | 'cells' | 'at' | 'expected'> {
  const { status, reason, step, expected } = shown;
  const running = status === 'running' && step !== null;
  return {
    status,
    reason,
    expected,
    cell: running ? step.cell : 0,
    cells: running ? step.cells : 0,
    at: running ? step.at : 0
  };
}

interface INode {
  name: string;
  place: Place;
  status: Status;
  reason: string;
  cell: number;
  cells: number;
  at: number;
  expected: number;
  selected: boolean;
  reachable: boolean;
  select: (name: string) => void;
  open: (name: string) => void;
  walk: (event: KeyboardEvent<HTMLButtonElement>, name: string) => void;
  trans: TranslationBundle;
}

const StepNode = memo(function StepNode(props: INode): JSX.Element {
  const { name, place, status, reason, cell, cells, at, expected, selected, trans } = props;
  const now = useNow(status === 'running');
  const step = { at, cell, cells } as StepRun;
  const text = statusDetail({ status, reason, run: '', step, expected }, now, trans);
  const label = statusLabel(status, trans);
  return (
    <button
      className={`gm-Node gm-mod-${status}`}
      data-step={name}
      style={{ left: place.x, top: place.y, width: WIDTH, height: HEIGHT }}
      aria-pressed={selected}
      aria-label={`${name}: ${label}${text ? `, ${text}` : ''}`}
      title={text}
      tabIndex={props.reachable ? 0 : -1}
      onClick={() => props.select(name)}
      onDoubleClick={() => props.open(name)}
      onKeyDown={event => props.walk(event, name)}
    >
      <span className="gm-Node-name">{name}</span>
      <span className="gm-Node-state">
        <StatusIcon status={status} />
        <span className="gm-Word">{label}</span>
        <span className="gm-Node-detail">{text}</span>
      </span>
      {status === 'running' ? (
        <span className="gm-Bar">
          <span style={{ width: `${cells ? (100 * Math.max(cell - 1, 0)) / cells : 0}%` }} />
        </span>
      ) : null}
    </button>
  );
});

const Edges = memo(function Edges(props: { layout: Layout; selected: string | null }): JSX.Element {
  const { layout: placed, selected } = props;
  return (
    <svg className="gm-Edges" width={placed.width} height={placed.height} aria-hidden="true">
      {placed.edges.map(edge => (
        <path
          key={`${edge.from}>${edge.to}`}
          className={edge.from === selected || edge.to === selected ? 'gm-mod-near' : ''}
          d={curve(edge.points, placed.down)}
        />
      ))}
    </svg>
  );
});

function curve(points: Place[], down: boolean): string {
  const [first, ...rest] = points;
  let path = `M${first.x},${first.y}`;
  let from = first;
  for (const to of rest) {
    const middle = down ? (from.y + to.y) / 2 : (from.x + to.x) / 2;
    path += down
      ? `C${from.x},${middle} ${to.x},${middle} ${to.x},${to.y}`
      : `C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`;
    from = to;
  }
  return path;
}

function fitting(node: HTMLElement | null, placed: Layout): IView {
  if (node === null || !placed.width) {
    return { x: 0, y: 0, scale: 1 };
  }
  const { clientWidth, clientHeight } = node;
  const whole = Math.min(clientWidth / placed.width, clientHeight / placed.height, 1);
  const scale = Math.max(whole, LEAST);
  return {
    scale,
    x: Math.max(0, (clientWidth - placed.width * scale) / 2),
    y: Math.max(0, (clientHeight - placed.height * scale) / 2)
  };
}

function zoomed(view: IView, factor: number, at: Place): IView {
  const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio };
}

function revealing(view: IView, frame: HTMLElement, place: Place): IView {
  const margin = 24;
  const push = (at: number, size: number, room: number): number =>
    at < margin ? margin - at : at + size > room - margin ? room - margin - at - size : 0;
  const { x, y, scale } = view;
  return {
    scale,
    x: x + push(x + place.x * scale, WIDTH * scale, frame.clientWidth),
    y: y + push(y + place.y * scale, HEIGHT * scale, frame.clientHeight)
  };
}
