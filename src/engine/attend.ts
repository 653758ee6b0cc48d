// What of the recalled items counts for a request: their weights, the gate's opinion, and both in words.
import { parseDate } from '../lib/parse-date.ts';
import { attend as attendVectors, type Attention } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import type { EngineContext } from './engine-context.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';
import type { EmbeddedRecall, Recalled } from './recall.ts';

/** What is known about an answer before its prompt is built. */
type PersonaExplanation = Omit<Explanation, 'retrieved' | 'profile' | 'words' | 'adapters'>;

export interface Attended {
  readonly explanation: PersonaExplanation;
  /** Null when no persona is used. */
  readonly attention: Attention<EmbeddedRecall> | null;
}

export function attend(
  { plug, clock }: EngineContext,
  { task, at, persona: mode = 'auto' }: GenerateRequest,
  { vectors, query }: Recalled,
): Attended {
  if (mode === 'none') return without(plug, 'The request asked for no persona.');
  if (vectors === null || query === null) return without(plug, `The history has no item of the task "${task}".`);
  const now = at === undefined ? clock() : (parseDate(at) ?? clock());
  const attention = attendVectors(plug, { task, at: now, query, items: vectors });
  const isPersonaUsed = mode === 'always' || attention.gate >= plug.gateThreshold;
  return {
    explanation: explain(plug, attention, isPersonaUsed, mode),
    attention: isPersonaUsed ? attention : null,
  };
}

function without({ gateThreshold }: Plug, reason: string): Attended {
  return { explanation: { gate: 0, gateThreshold, isPersonaUsed: false, reason, items: [] }, attention: null };
}

function explain(
  { gateThreshold }: Plug,
  { gate, items }: Attention<EmbeddedRecall>,
  isPersonaUsed: boolean,
  mode: 'auto' | 'always',
): PersonaExplanation {
  const comparison = `${gate.toFixed(3)} ${gate >= gateThreshold ? '≥' : '<'} ${gateThreshold}`;
  const reasons = {
    auto: isPersonaUsed
      ? `The gate finds the history of use (${comparison}).`
      : `The gate finds the history of no use for this input (${comparison}).`,
    always: `The request asked for the persona whatever the gate says (${comparison}).`,
  };
  return {
    gate,
    gateThreshold,
    isPersonaUsed,
    reason: reasons[mode],
    items: items
      .map(({ item, weight }) => ({ item: item.recalled.item, weight }))
      .toSorted((a, b) => b.weight - a.weight),
  };
}
