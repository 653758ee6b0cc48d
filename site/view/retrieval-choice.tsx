import type { RetrievalOptions } from 'persona-plug';
import type { DemoProps } from './demo-props.ts';

const methods: readonly { readonly name: RetrievalOptions['method']; readonly title: string }[] = [
  { name: 'bm25', title: 'Same words (BM25)' },
  { name: 'dense', title: 'Same meaning (dense)' },
  { name: 'recency', title: 'The newest' },
];
const counts = [1, 4] as const;

/** Whether, how and how many earlier items stand in the prompt of both answers. */
export function RetrievalChoice({ demo }: DemoProps) {
  const { retrieval } = demo.state;
  const { method = null, count = counts[0] } = retrieval.value ?? {};
  return (
    <div class="row">
      <label class="row">
        <span class="quiet">Earlier items in the prompt</span>
        <select
          value={method ?? 'none'}
          onChange={(event) => {
            const chosen = methods.find(({ name }) => name === event.currentTarget.value);
            retrieval.value = chosen === undefined ? null : { method: chosen.name, count };
          }}
        >
          <option value="none" selected={method === null}>
            None
          </option>
          {methods.map(({ name, title }) => (
            <option key={name} value={name} selected={name === method}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {method !== null && (
        <label class="row">
          <span class="quiet">How many</span>
          <select
            value={count}
            onChange={(event) => (retrieval.value = { method, count: Number(event.currentTarget.value) })}
          >
            {[...new Set([...counts, count])].map((one) => (
              <option key={one} value={one} selected={one === count}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
