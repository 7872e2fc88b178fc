import { Graph, layout as dagre } from '@dagrejs/dagre';

export const WIDTH = 208;
export const HEIGHT = 66;

export interface Place {
  x: number;
  y: number;
}

export interface Layout {
  /** The upper left corner of each step. */
  places: Map<string, Place>;
  edges: { from: string; to: string; points: Place[] }[];
  width: number;
  height: number;
  /** Whether steps stand below what they need, not right of it. */
  down: boolean;
}

export interface Node {
  name: string;
  needs: string[];
}

const APART = { nodesep: 22, ranksep: 56 };
const ROOM = { width: 900, height: 675 }; // a panel's, roughly

/** Each step right of all it needs, or below it when a pipeline is too long for its width. */
export function layout(steps: readonly Node[]): Layout {
  const down = isLong(steps);
  const graph = new Graph();
  graph.setGraph({
    rankdir: down ? 'TB' : 'LR',
    ranker: 'longest-path', // half the time of dagre's own for 200 steps
    ...APART,
    marginx: 16,
    marginy: 16
  });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(steps.map(step => step.name));
  for (const step of steps) {
    graph.setNode(step.name, { width: WIDTH, height: HEIGHT });
  }
  for (const step of steps) {
    for (const need of step.needs.filter(name => known.has(name))) {
      graph.setEdge(need, step.name);
    }
  }
  dagre(graph);
  const places = new Map<string, Place>();
  for (const name of graph.nodes()) {
    const node = graph.node(name) as Partial<Place>;
    places.set(name, { x: (node.x ?? 0) - WIDTH / 2, y: (node.y ?? 0) - HEIGHT / 2 });
  }
  const edges = graph.edges().map(edge => {
    const between = (graph.edge(edge) as { points: Place[] }).points.slice(1, -1);
    const [from, to] = [places.get(edge.v)!, places.get(edge.w)!];
    const ends = down
      ? [
          { x: from.x + WIDTH / 2, y: from.y + HEIGHT },
          { x: to.x + WIDTH / 2, y: to.y }
        ]
      : [
          { x: from.x + WIDTH, y: from.y + HEIGHT / 2 },
          { x: to.x, y: to.y + HEIGHT / 2 }
        ];
    // One step apart nothing lies in between, and dagre's middle would only bend the line.
    return { from: edge.v, to: edge.w, points: [ends[0], ...bends(between), ends[1]] };
  });
  const size = graph.graph() as { width?: number; height?: number };
  return { places, edges, width: size.width ?? 0, height: size.height ?? 0, down };
}

function bends(between: Place[]): Place[] {
  return between.length < 2 ? [] : between;
}

/** Whether steps from top to bottom fit a panel at a larger scale than from left to right. */
function isLong(steps: readonly Node[]): boolean {
  const needs = new Map(steps.map(step => [step.name, step.needs]));
  const depths = new Map<string, number>();
  const depth = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) {
      return known;
    }
    depths.set(name, 0);
    const before = (needs.get(name) ?? []).filter(need => needs.has(need)).map(depth);
    const own = 1 + Math.max(-1, ...before);
    depths.set(name, own);
    return own;
  };
  const sizes = new Map<number, number>();
  for (const { name } of steps) {
    sizes.set(depth(name), (sizes.get(depth(name)) ?? 0) + 1);
  }
  const [ranks, most] = [sizes.size, Math.max(1, ...sizes.values())];
  const scale = (width: number, height: number): number =>
    Math.min(ROOM.width / width, ROOM.height / height, 1);
  const [apart, side] = [APART.ranksep, APART.nodesep];
  const across = scale(ranks * (WIDTH + apart), most * (HEIGHT + side));
  return scale(most * (WIDTH + side), ranks * (HEIGHT + apart)) > across;
}

let last: { shape: string; layout: Layout } | null = null;

/** `layout`, kept while the shape stays: it takes long with many steps. */
export function cachedLayout(steps: readonly Node[]): Layout {
  const wanted = shape(steps);
  if (last?.shape !== wanted) {
    last = { shape: wanted, layout: layout(steps) };
  }
  return last.layout;
}

/** What tells whether steps must be laid out anew. */
export function shape(steps: readonly Node[]): string {
  return JSON.stringify(steps.map(step => [step.name, step.needs]));
}

/** The step that an arrow key leads to from `name`; null when there is none that way. */
export function neighbour(places: Map<string, Place>, name: string, key: string): string | null {
  const here = places.get(name);
  if (here === undefined) {
    return null;
  }
  const along = key === 'ArrowLeft' || key === 'ArrowRight' ? 'x' : 'y';
  const across = along === 'x' ? 'y' : 'x';
  const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  let best: string | null = null;
  let least = Infinity;
  for (const [other, place] of places) {
    const far = (place[along] - here[along]) * sign;
    const distance = far + 2 * Math.abs(place[across] - here[across]);
    if (far > 1 && distance < least) {
      [best, least] = [other, distance];
    }
  }
  return best;
}
