import { drawLosses, type LossCurve, type Place } from '../loss-curve.ts';

const box = { width: 480, height: 96 };
const margin = 6;

export interface LossChartProps {
  readonly curve: LossCurve;
  /** Steps of the whole training. */
  readonly steps: number;
}

/** The losses so far: a thin line for the steps, a strong one with dots for the held-out items. */
export function LossChart({ curve, steps }: LossChartProps) {
  const { trained, heldOut, range } = drawLosses(curve, steps, box);
  if (range === null) return null;
  return (
    <figure class="loss">
      <div class="loss-range quiet" aria-hidden="true">
        <span>{range.top.toFixed(2)}</span>
        <span>{range.bottom.toFixed(2)}</span>
      </div>
      <svg
        role="img"
        aria-label={describe(curve)}
        viewBox={`${-margin} ${-margin} ${box.width + 2 * margin} ${box.height + 2 * margin}`}
      >
        <line class="loss-floor" x1={0} x2={box.width} y1={box.height} y2={box.height} />
        <polyline class="loss-trained" points={path(trained)} />
        <polyline class="loss-held-out" points={path(heldOut)} />
        {heldOut.map(({ x, y }) => (
          <circle key={x} class="loss-dot" cx={x} cy={y} r={4} />
        ))}
      </svg>
      <figcaption class="quiet">
        Loss, nats a token. Dots: the held-out items after each pass. Thin: the items of each step.
      </figcaption>
    </figure>
  );
}

function path(places: readonly Place[]): string {
  return places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
}

/** The picture in words. */
function describe({ trained, heldOut }: LossCurve): string {
  const list = heldOut.map(({ loss }) => loss.toFixed(3)).join(', ');
  const last = trained.at(-1);
  return [
    'Loss curve.',
    ...(list === '' ? [] : [`Held-out items, before training and after each pass: ${list}.`]),
    ...(last === undefined ? [] : [`Step ${last.step}: ${last.loss.toFixed(3)}.`]),
  ].join(' ');
}
