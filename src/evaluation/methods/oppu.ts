// An adapter for each user, trained on what the user wrote before (OPPU, arXiv 2402.04401): alone, with the persona, and with OPPU's
// retrieval (k = 0, 1, 4) and textual profile.
import type { GenerateRequest } from '../../engine/personalizer.ts';
import type { AdapterKind } from '../../adapter/adapter-kind.ts';
import { engineMethod, type HistoryChoice, noHistory, ownHistory } from '../engine-method.ts';

const words = { prompt: 'A soft prompt', lora: 'A LoRA', ia3: 'An (IA)³' } as const satisfies Record<
  AdapterKind,
  string
>;

interface Combination {
  readonly words: string;
  readonly history: HistoryChoice;
  readonly request: Pick<GenerateRequest, 'persona' | 'retrieval' | 'profile'>;
}

const inPrompt = (words: string, request: Omit<Combination['request'], 'persona'>): Combination => ({
  words: `, with ${words} in the prompt`,
  history: ownHistory,
  request: { persona: 'none', ...request },
});
const first = { retrieval: { method: 'bm25', count: 1 } } as const;
const firstFour = { retrieval: { method: 'bm25', count: 4 } } as const;

const combinations = {
  persona: { words: ", on top of the user's persona", history: ownHistory, request: { persona: 'auto' } },
  'bm25-1': inPrompt('the item that BM25 ranks first', first),
  'bm25-4': inPrompt('the 4 items that BM25 ranks first', firstFour),
  profile: inPrompt('a textual profile', { profile: true }),
  'profile+bm25-1': inPrompt('a textual profile and the item that BM25 ranks first', { profile: true, ...first }),
  'profile+bm25-4': inPrompt('a textual profile and the 4 items that BM25 ranks first', {
    profile: true,
    ...firstFour,
  }),
} as const satisfies Record<string, Combination>;

const alone: Combination = { words: '', history: noHistory, request: { persona: 'none' } };

/** One adapter for each user, trained on the items before the user's first query. */
export function oppu(kind: AdapterKind, combination?: keyof typeof combinations) {
  const { words: more, history, request } = combination === undefined ? alone : combinations[combination];
  return engineMethod({
    name: `oppu-${kind}${combination === undefined ? '' : `+${combination}`}`,
    description: `${words[kind]} for each user, trained on the items before the first query${more}.`,
    history,
    request,
    adapter: { kind, base: combination === 'persona' ? 'persona' : baseOf(kind) },
  });
}

/** The control. A gain that it has too is task adaptation and not personalization. */
export function oppuShuffled(kind: AdapterKind) {
  return engineMethod({
    ...alone,
    name: `oppu-${kind}-shuffled`,
    description: `${words[kind]} that was trained on another user's items before that user's first query.`,
    adapter: { kind, base: baseOf(kind), of: 'sameTaskControl' },
  });
}

/** The adapter alone, its control and its combinations, in the order of the report. */
export const oppuOfKind = (kind: AdapterKind) => [
  oppu(kind),
  oppuShuffled(kind),
  ...(Object.keys(combinations) as (keyof typeof combinations)[]).map((combination) => oppu(kind, combination)),
];

/** Without a persona a prompt is added to the instruction rows, and weights are trained without any rows. */
function baseOf(kind: AdapterKind) {
  return kind === 'prompt' ? 'instruction' : 'none';
}
