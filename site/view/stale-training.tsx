import type { Adapter } from 'persona-plug';
import { ignoreFailure } from '../ignore-failure.ts';
import { type TrainingName, trainingTitles } from '../trainer-state.ts';
import type { DemoProps } from './demo-props.ts';

interface StaleProps extends DemoProps {
  readonly name: TrainingName;
  readonly stale: Adapter;
  readonly isDisabled: boolean;
}

const reasons: Readonly<Record<NonNullable<Adapter['stale']>['reason'], string>> = {
  forgotten: 'An item that it was trained on was forgotten',
  changed: 'An item that it was trained on was changed',
  imported: 'It came with an import, without its parameters',
};

/** What a forgotten item has left of an adapter, and the visitor's choice: train again, or delete. */
export function StaleTraining({ demo, name, stale, isDisabled }: StaleProps) {
  const title = trainingTitles[name.kind];
  if (stale.stale === null) return null;
  const { reason, at } = stale.stale;
  return (
    <article class="training-result is-stale" aria-label={`Stale: ${title}`} data-reason={reason}>
      <h3>Your {title} is switched off</h3>
      <p>
        {reasons[reason]} ({new Date(at).toLocaleString('en')}).{' '}
        {reason !== 'imported' && 'What it had learned is erased, and answers are without it.'}
      </p>
      <p class="quiet">
        {stale.itemIds.length} of its items are left. Training again starts from scratch, as it was asked for, on what
        the history holds now.
      </p>
      <div class="row">
        <button
          type="button"
          disabled={isDisabled}
          aria-label={`Train the ${title} again`}
          onClick={() => ignoreFailure(demo.trainer.retrain(name))}
        >
          Train again
        </button>
        <button
          type="button"
          class="danger"
          disabled={isDisabled}
          aria-label={`Delete the stale ${title}`}
          onClick={() => ignoreFailure(demo.trainer.drop(name, 'stale'))}
        >
          Delete
        </button>
      </div>
    </article>
  );
}
