import type { Adapter, AdapterResult } from 'persona-plug';
import { formatBytes, formatDuration } from '../format.ts';
import { ignoreFailure } from '../ignore-failure.ts';
import type { EndedTraining, TrainingName } from '../trainer-state.ts';
import { trainingTitles } from '../trainer-state.ts';
import type { DemoProps } from './demo-props.ts';

interface StoredProps extends DemoProps {
  readonly name: TrainingName;
  /** What is kept of this kind: the finished one, the paused one, or both. */
  readonly stored: readonly Adapter[];
  /** The last training of this tab, where it is this one. */
  readonly ended: EndedTraining | null;
  readonly isDisabled: boolean;
}

/** What this browser keeps of one kind, in figures, and the ways to go on with it or to delete it. */
export function StoredTraining({ demo, name, stored, ended, isDisabled }: StoredProps) {
  const ready = stored.find(({ state }) => state === 'ready');
  const paused = stored.find(({ state }) => state === 'running');
  const title = trainingTitles[name.kind];
  const milliseconds = ended?.outcome.type === 'ready' ? ended.milliseconds : null;
  return (
    <article class="training-result" aria-label={`Kept: ${title}`}>
      <h3>Your {title}</h3>
      {ready?.result != null && <ResultFigures result={ready.result} bytes={ready.bytes} milliseconds={milliseconds} />}
      {paused !== undefined && (
        <p class="quiet">
          A training over {paused.itemIds.length} items is paused{pausedAt(ended)}. Its place takes{' '}
          {formatBytes(paused.bytes)}.
        </p>
      )}
      <div class="row">
        {paused !== undefined && (
          <button type="button" disabled={isDisabled} onClick={() => ignoreFailure(demo.trainer.resume(name))}>
            Resume
          </button>
        )}
        <button
          type="button"
          class="danger"
          disabled={isDisabled}
          aria-label={`Delete the ${title}`}
          onClick={() => ignoreFailure(demo.trainer.drop(name))}
        >
          Delete
        </button>
      </div>
    </article>
  );
}

function pausedAt(ended: EndedTraining | null): string {
  return ended?.outcome.type === 'paused' ? ` at step ${ended.outcome.step} of ${ended.steps}` : '';
}

interface ResultFiguresProps {
  readonly result: AdapterResult;
  readonly bytes: number;
  /** Null when another visit trained it. */
  readonly milliseconds: number | null;
}

function ResultFigures({ result, bytes, milliseconds }: ResultFiguresProps) {
  const { startLoss, loss, pass, trainedItems, heldOutItems, finishedAt } = result;
  return (
    <dl class="facts">
      <dt>Result</dt>
      <dd class="is-good">
        <strong>Kept</strong>: the loss of the held-out items fell, most after pass {pass}
      </dd>
      <dt>Held-out loss</dt>
      <dd>
        {startLoss.toFixed(3)} before, {loss.toFixed(3)} after <span class="quiet">(nats a token)</span>
      </dd>
      <dt>Items</dt>
      <dd>
        {trainedItems} trained on, {heldOutItems} held out
      </dd>
      <dt>Time</dt>
      <dd>
        {milliseconds === null ? `done ${new Date(finishedAt).toLocaleString('en')}` : formatDuration(milliseconds)}
      </dd>
      <dt>Size</dt>
      <dd>{formatBytes(bytes)}, in this browser only</dd>
    </dl>
  );
}

/** A training that did not help, in figures. */
export function DiscardedTraining({ ended }: { readonly ended: EndedTraining }) {
  if (ended.outcome.type !== 'no-gain') return null;
  const after = ended.curve.heldOut.filter(({ step }) => step > 0).map(({ loss }) => loss);
  return (
    <article class="training-result" aria-label="Discarded">
      <h3>The last training</h3>
      <dl class="facts">
        <dt>Result</dt>
        <dd>
          <strong>Discarded</strong>: the loss of the held-out items never fell below where it began. What was kept
          before stays.
        </dd>
        <dt>Held-out loss</dt>
        <dd>
          {ended.outcome.startLoss.toFixed(3)} before
          {after.length > 0 && `, ${Math.min(...after).toFixed(3)} at best after`}{' '}
          <span class="quiet">(nats a token)</span>
        </dd>
        <dt>Time</dt>
        <dd>{formatDuration(ended.milliseconds)}</dd>
        <dt>Size</dt>
        <dd>{formatBytes(0)}: nothing is kept</dd>
      </dl>
    </article>
  );
}
