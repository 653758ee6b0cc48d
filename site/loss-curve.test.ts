import { expect, it } from 'vitest';
import { drawLosses, emptyCurve } from './loss-curve.ts';

const box = { width: 100, height: 10 };

it('spans the losses from top to bottom and the steps from left to right', () => {
  const curve = {
    trained: [
      { step: 1, loss: 3 },
      { step: 4, loss: 1 },
    ],
    heldOut: [{ step: 0, loss: 2 }],
  };
  expect(drawLosses(curve, 4, box)).toEqual({
    trained: [
      { x: 25, y: 0 },
      { x: 100, y: 10 },
    ],
    heldOut: [{ x: 0, y: 5 }],
    range: { top: 3, bottom: 1 },
  });
});

it('draws nothing of nothing, and one loss in the middle', () => {
  expect(drawLosses(emptyCurve, 0, box)).toEqual({ trained: [], heldOut: [], range: null });
  const one = { trained: [], heldOut: [{ step: 0, loss: 2 }] };
  expect(drawLosses(one, 8, box).heldOut).toEqual([{ x: 0, y: 5 }]);
});

it('averages neighbours of a long training, and keeps its mean', () => {
  const trained = Array.from({ length: 1_600 }, (_, index) => ({ step: index + 1, loss: index % 2 }));
  const { trained: drawn } = drawLosses({ trained, heldOut: [] }, 1_600, box);
  expect(drawn).toHaveLength(160);
  expect(new Set(drawn.map(({ y }) => y))).toEqual(new Set([5]));
});
