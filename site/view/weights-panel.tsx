import { useSignal } from '@preact/signals';
import type { Explanation } from 'persona-plug';
import { formatShare } from '../format.ts';
import { ignoreFailure } from '../ignore-failure.ts';
import type { DemoProps } from './demo-props.ts';

/** How many items are shown before the visitor asks for all. */
const shortLength = 8;

/** Which items drove the answer, how strongly, and whether the gate was open. */
export function WeightsPanel({ demo }: DemoProps) {
  const { explanation, job, isAsking } = demo.state;
  const isLong = useSignal(false);
  if (explanation.value === null) return null;
  const { items } = explanation.value;
  const shown = isLong.value ? items : items.slice(0, shortLength);
  const heaviest = items[0]?.weight ?? 1;
  return (
    <section class="card weights" aria-labelledby="weights-title">
      <h2 id="weights-title">What drove it</h2>
      <Gate explanation={explanation.value} />
      {items.length > 0 && (
        <ol class="weight-list">
          {shown.map(({ item, weight }) => (
            <li key={item.id}>
              <div class="weight-text">
                <span class="item-output">{item.output}</span>
                <span class="quiet item-input">{item.input}</span>
                <span class="quiet item-date">{item.date ?? 'undated'}</span>
              </div>
              <div class="bar" aria-hidden="true">
                <div class="bar-fill" style={{ inlineSize: `${(weight / heaviest) * 100}%` }} />
              </div>
              <span class="weight-share">{formatShare(weight)}</span>
              <button
                type="button"
                class="plain"
                disabled={job.value !== null || isAsking.value}
                aria-label={`Forget: ${item.output}, ${excerpt(item.input)}`}
                onClick={() => ignoreFailure(demo.forget(item.id))}
              >
                Forget
              </button>
            </li>
          ))}
        </ol>
      )}
      {items.length > shortLength && (
        <button type="button" class="plain" onClick={() => (isLong.value = !isLong.value)}>
          {isLong.value ? 'Show the heaviest only' : `Show all ${items.length}`}
        </button>
      )}
    </section>
  );
}

/** Enough of an input to tell items of one category apart. */
function excerpt(input: string): string {
  return input.length <= 60 ? input : `${input.slice(0, 57).trimEnd()}…`;
}

function Gate({ explanation }: { readonly explanation: Explanation }) {
  const { gate, gateThreshold, isPersonaUsed, reason } = explanation;
  return (
    <div class="gate" data-open={isPersonaUsed}>
      <div
        class="gate-track"
        role="meter"
        aria-label={`Gate, opens at ${gateThreshold}`}
        aria-valuemin={0}
        aria-valuemax={1}
        aria-valuenow={gate}
      >
        <div class="bar-fill" style={{ inlineSize: `${gate * 100}%` }} />
        <div class="gate-mark" style={{ insetInlineStart: `${gateThreshold * 100}%` }} />
      </div>
      <p>
        <strong>
          Gate {gate.toFixed(2)}, {isPersonaUsed ? 'open' : 'closed'}
        </strong>{' '}
        <span class="quiet">(opens at {gateThreshold})</span>
        {reason !== '' && <span class="quiet"> · {reason}</span>}
      </p>
    </div>
  );
}
