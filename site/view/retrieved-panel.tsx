import type { RetrievalOptions } from 'persona-plug';
import type { DemoProps } from './demo-props.ts';

const scoreNames: Readonly<Record<RetrievalOptions['method'], string>> = {
  bm25: 'BM25',
  dense: 'Cosine',
  recency: 'Place by date',
};

/** The earlier items that stood in the prompt, best first, with their scores. */
export function RetrievedPanel({ demo }: DemoProps) {
  const { explanation, asked } = demo.state;
  const retrieval = asked.value?.retrieval;
  if (explanation.value === null || retrieval === undefined) return null;
  const { retrieved } = explanation.value;
  const scoreName = scoreNames[retrieval.method];
  return (
    <section class="card" aria-labelledby="retrieved-title">
      <h2 id="retrieved-title">Shown in the prompt</h2>
      {retrieved.length === 0 ? (
        <p class="quiet">No earlier item: the history has none of this task, or none that fits beside the input.</p>
      ) : (
        <ol class="retrieved-list">
          {retrieved.map(({ item, score }) => (
            <li key={item.id}>
              <div class="weight-text">
                <span class="item-output">{item.output}</span>
                <span class="quiet item-input">{item.input}</span>
                <span class="quiet item-date">{item.date ?? 'undated'}</span>
              </div>
              <span class="weight-share">
                <span class="quiet">{scoreName}</span> {score.toFixed(2)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
