// The losses of a training as a picture: which points there are, and where they stand.

/** A loss, nats a token, and the step after which it was measured. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

export interface LossCurve {
  /** Of each step's own items: they differ, so it jumps. */
  readonly trained: readonly LossPoint[];
  /** Of the held-out items, after each pass; the first one before any step. */
  readonly heldOut: readonly LossPoint[];
}

export const emptyCurve: LossCurve = { trained: [], heldOut: [] };

/** A point of the picture, from the left and from the top. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface LossPicture {
  readonly trained: readonly Place[];
  readonly heldOut: readonly Place[];
  /** The losses at the top and at the bottom; null while there is none. */
  readonly range: { readonly top: number; readonly bottom: number } | null;
}

/** More points than this are no longer seen one by one: neighbours are averaged. */
const mostPoints = 160;

/** Fits a curve into a box whose width stands for all steps. */
export function drawLosses(curve: LossCurve, steps: number, box: { width: number; height: number }): LossPicture {
  const trained = thinned(curve.trained);
  const losses = [...trained, ...curve.heldOut].map(({ loss }) => loss);
  if (losses.length === 0) return { trained: [], heldOut: [], range: null };
  const [bottom, top] = [Math.min(...losses), Math.max(...losses)];
  const place = ({ step, loss }: LossPoint): Place => ({
    x: (step / Math.max(1, steps)) * box.width,
    // A single loss, or equal ones, stand in the middle.
    y: (top === bottom ? 0.5 : (top - loss) / (top - bottom)) * box.height,
  });
  return { trained: trained.map(place), heldOut: curve.heldOut.map(place), range: { top, bottom } };
}

function thinned(points: readonly LossPoint[]): readonly LossPoint[] {
  const length = Math.ceil(points.length / mostPoints);
  if (length <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / length) }, (_, index) => {
    const group = points.slice(index * length, (index + 1) * length);
    const mean = (of: (point: LossPoint) => number): number =>
      group.reduce((sum, point) => sum + of(point), 0) / group.length;
    return { step: mean(({ step }) => step), loss: mean(({ loss }) => loss) };
  });
}
