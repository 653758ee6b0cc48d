// Parameters of her own, trained on what she wrote before (OPPU, arXiv 2402.04401), alone and with what else personalizes.
import type { GenerateRequest } from '../../engine/personalizer.ts';
import type { TuningKind } from '../../history/tuning-record.ts';
import { engineMethod, type HistoryChoice, noHistory, ownHistory } from '../engine-method.ts';

const words = { prompt: 'A soft prompt', lora: 'A LoRA' } as const;

interface Companion {
  readonly words: string;
  readonly history: HistoryChoice;
  readonly request: Pick<GenerateRequest, 'persona' | 'retrieval'>;
}

const companions = {
  persona: { words: ', on top of her persona', history: ownHistory, request: { persona: 'auto' } },
  'bm25-1': {
    words: ', and the item that BM25 ranks first, in the prompt',
    history: ownHistory,
    request: { persona: 'none', retrieval: { method: 'bm25', count: 1 } },
  },
} as const satisfies Record<string, Companion>;

const alone: Companion = { words: '', history: noHistory, request: { persona: 'none' } };

/** One adapter a user, made of her items before her first query. */
export function tuned(kind: TuningKind, companion?: keyof typeof companions) {
  const { words: more, history, request } = companion === undefined ? alone : companions[companion];
  const without = kind === 'prompt' ? 'instruction' : 'none';
  return engineMethod({
    name: `oppu-${kind}${companion === undefined ? '' : `+${companion}`}`,
    description: `${words[kind]} of her own, trained on her items before her first query${more}.`,
    history,
    request,
    tuning: { kind, base: companion === 'persona' ? 'persona' : without },
  });
}
