import { expect, test } from 'vitest';

import { WIDTH, layout, neighbour } from '../src/layout';

const diamond = [
  { name: 'a', needs: [] },
  { name: 'b', needs: ['a'] },
  { name: 'c', needs: ['a'] },
  { name: 'd', needs: ['b', 'c', 'elsewhere'] }
];

test('every step is right of all it needs, and none covers another', () => {
  const { places, edges } = layout(diamond);
  expect(edges).toHaveLength(4);
  for (const step of diamond) {
    for (const need of step.needs.filter(name => places.has(name))) {
      expect(places.get(need)!.x).toBeLessThan(places.get(step.name)!.x);
    }
  }
  expect(new Set([...places.values()].map(place => `${place.x} ${place.y}`)).size).toBe(4);
});

test('a long pipeline stands from top to bottom, its edges with it', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const { places, edges, down } = layout(
    names.map((name, at) => ({ name, needs: at ? [names[at - 1]] : [] }))
  );
  expect(down).toBe(true);
  for (const { from, to, points } of edges) {
    expect(points[0].y).toBeGreaterThan(places.get(from)!.y);
    expect(points.at(-1)).toEqual({ x: places.get(to)!.x + WIDTH / 2, y: places.get(to)!.y });
  }
});

test('arrows lead along the edges and across them', () => {
  const { places } = layout(diamond);
  expect(['b', 'c']).toContain(neighbour(places, 'a', 'ArrowRight'));
  expect(neighbour(places, 'd', 'ArrowRight')).toBeNull();
  const [upper, lower] = ['b', 'c'].sort((x, y) => places.get(x)!.y - places.get(y)!.y);
  expect(neighbour(places, upper, 'ArrowDown')).toBe(lower);
  expect(neighbour(places, lower, 'ArrowUp')).toBe(upper);
});
