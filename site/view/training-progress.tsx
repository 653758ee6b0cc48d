import { formatDuration, taskTitle } from '../format.ts';
import { aTraining, type RunningTraining } from '../trainer-state.ts';
import type { DemoProps } from './demo-props.ts';
import { LossChart } from './loss-chart.tsx';

/** The training that is running: how far, how long yet, how well, and two ways to end it. */
export function TrainingProgress({ demo, running }: DemoProps & { readonly running: RunningTraining }) {
  const { task, kind, step, steps, curve, isPausing } = running;
  const title = `Training ${aTraining(kind)} for ${taskTitle(task)}`;
  return (
    <>
      <div class="training-progress">
        <p class="job-text">{title}</p>
        <progress aria-label={title} {...(steps === null ? {} : { value: step, max: steps })} />
        <p class="quiet job-detail">{describe(running)}</p>
      </div>
      <LossChart curve={curve} steps={steps ?? 1} />
      <div class="row">
        <button type="button" disabled={isPausing} onClick={() => demo.trainer.pause()}>
          {isPausing ? 'Pausing …' : 'Pause'}
        </button>
        <button type="button" class="danger" onClick={() => demo.trainer.stop()}>
          Stop and keep nothing
        </button>
      </div>
    </>
  );
}

function describe({ step, steps, millisecondsLeft }: RunningTraining): string {
  if (steps === null) return 'Reading the model and your items …';
  const left = millisecondsLeft === null ? '' : ` · at most ${formatDuration(millisecondsLeft)} left`;
  return `Step ${step} of ${steps}${left}`;
}
