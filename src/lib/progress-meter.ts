// Turns counts into progress reports, a limited number of them, with an estimate of the time that is left.
import type { OnProgress, Progress } from './progress.ts';

export interface ProgressMeterOptions extends Pick<Progress, 'stage' | 'label' | 'total' | 'unit'> {
  readonly onProgress: OnProgress | undefined;
  /** Milliseconds, monotonic. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Milliseconds between two reports. @defaultValue 100 */
  readonly interval?: number;
}

export interface ProgressMeter {
  /** Sets how much is done. Reports the first call, the last one, and one in every interval between. */
  update(done: number): void;
}

/** In the first milliseconds a rate is not reliable. */
const warmUp = 300;

/** Makes a meter; the time left assumes that the rest runs at the mean rate so far. */
export function createProgressMeter({
  onProgress,
  now = () => performance.now(),
  interval = 100,
  ...fixed
}: ProgressMeterOptions): ProgressMeter {
  const start = now();
  let reported = -Infinity;
  return {
    update(done) {
      if (onProgress === undefined) return;
      const time = now();
      if (time - reported < interval && done !== fixed.total) return;
      reported = time;
      const elapsed = time - start;
      const canEstimate = fixed.total !== null && done > 0 && (elapsed >= warmUp || done === fixed.total);
      const millisecondsLeft = canEstimate && fixed.total !== null ? (elapsed / done) * (fixed.total - done) : null;
      onProgress({ ...fixed, done, millisecondsLeft });
    },
  };
}
