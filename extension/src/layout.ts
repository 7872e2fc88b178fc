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
}

export interface Node {
  name: string;
  needs: string[];
}

/** Steps from left to right, each right of all it needs. */
export function layout(steps: readonly Node[]): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 22, ranksep: 56, marginx: 16, marginy: 16 });
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
    const node = graph.node(name);
    places.set(name, { x: (node.x ?? 0) - WIDTH / 2, y: (node.y ?? 0) - HEIGHT / 2 });
  }
  const edges = graph.edges().map(edge => ({
    from: edge.v,
    to: edge.w,
    points: (graph.edge(edge) as { points: Place[] }).points
  }));
  const size = graph.graph() as { width?: number; height?: number };
  return { places, edges, width: size.width ?? 0, height: size.height ?? 0 };
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
