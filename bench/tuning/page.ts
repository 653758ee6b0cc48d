// The page of bench/tuning.mjs: asks the worker, and measures how long the page itself is held up meanwhile.
import type { TuningFigures } from './figures.ts';

export interface MeasuredTuning {
  readonly figures: readonly TuningFigures[];
  readonly loadMilliseconds: number;
  /** The page's longest time without a turn. */
  readonly longestGap: number;
}

async function measureTuning(steps: number): Promise<MeasuredTuning> {
  const worker = new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' });
  let longestGap = 0;
  let beat = performance.now();
  const pulse = setInterval(() => {
    longestGap = Math.max(longestGap, performance.now() - beat);
    beat = performance.now();
  }, 5);
  const found = await new Promise<Omit<MeasuredTuning, 'longestGap'>>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Omit<MeasuredTuning, 'longestGap'>>) => resolve(data));
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
    worker.postMessage({ steps }, []);
  });
  clearInterval(pulse);
  worker.terminate();
  return { ...found, longestGap };
}

declare global {
  var measureTuning: (steps: number) => Promise<MeasuredTuning>;
}

globalThis.measureTuning = measureTuning;
