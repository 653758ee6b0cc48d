// From a user's history to training examples. The persona of an item is made from the items before it, never from the item itself:
// else the rows would carry the answer, and the adapter would learn to copy it.
import type { PromptSegment, TextTokenizer } from '../language-model/language-model.ts';
import type { AdapterBase } from '../adapter/adapter-kind.ts';
import { compareDated } from '../lib/compare-dated.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import { instructionRows } from '../persona/instruction.ts';
import { attend, personaOf } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import { projectItem } from '../persona/projector.ts';
import { layoutPrompt, type PersonaRows } from '../prompts/layout-prompt.ts';
import { promptText } from '../tasks/task.ts';
import type { TaskRegistry } from '../tasks/task-registry.ts';
import { type ExampleSource, longestAnswer, longestSequence } from './example.ts';
import type { TrainingOptions } from '../adapter/training-options.ts';

/** An item of one task, with the vectors that the plug's embedder made of it. */
export interface TrainableItem {
  readonly id: string;
  readonly date: string | null;
  readonly input: string;
  readonly output: string;
  readonly vectors: { readonly input: Float32Array; readonly output: Float32Array };
}

/** Whether the prompts of a training are made with vectors: personas are, and instruction rows that follow the query. */
export function needsVectors(base: AdapterBase, plug: Pick<Plug, 'instructionQuery'>): boolean {
  return base === 'persona' || (base === 'instruction' && plug.instructionQuery !== null);
}

export interface PersonalItemsParts {
  readonly task: string;
  readonly base: AdapterBase;
  readonly plug: Plug;
  readonly tasks: TaskRegistry;
  readonly tokenizer: TextTokenizer;
  readonly promptTemplate: readonly PromptTemplatePart[];
  /** The token that ends an answer. */
  readonly endToken: number;
}

/** The items of a training: which are trained on, which are held out, and the example of each. */
export interface PersonalItems {
  readonly training: readonly string[];
  readonly heldOut: readonly string[];
  readonly source: (id: string) => ExampleSource;
}

/** With fewer there is nothing to hold out and nothing to learn. */
const fewestItems = 4;

/**
 * Splits a history into training and held-out items (the newest), in time.
 *
 * @throws PersonaPlugError `invalid-argument` when there are too few items that can be trained on.
 */
export function personalItems(
  items: readonly TrainableItem[],
  parts: PersonalItemsParts,
  { heldOutShare }: Pick<Required<TrainingOptions>, 'heldOutShare'>,
): PersonalItems {
  const ordered = items.toSorted(compareDated);
  const usable = ordered.filter(
    (item, index) => item.output !== '' && (parts.base !== 'persona' || earlierItems(ordered, index, item).length > 0),
  );
  if (usable.length < fewestItems) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The history has ${usable.length} items of the task "${parts.task}" to train on; ${fewestItems} are the fewest. Remember more of them first.`,
      { details: { task: parts.task, items: usable.length } },
    );
  }
  const heldOutCount = Math.max(1, Math.round(usable.length * heldOutShare));
  const ids = usable.map(({ id }) => id);
  const indexes = new Map(ordered.map((item, index) => [item.id, index]));
  const projections = new Map<string, Float32Array>();
  return {
    training: ids.slice(0, -heldOutCount),
    heldOut: ids.slice(-heldOutCount),
    source(id) {
      const index = indexes.get(id) ?? -1;
      const item = ordered[index];
      if (item === undefined)
        throw new PersonaPlugError('not-found', `Item ${id} is not in the history that is trained on.`);
      return sourceOf(item, earlierItems(ordered, index, item), parts, projections);
    },
  };
}

/** What was there before an item. Another item with the same input counts as the item itself. */
function earlierItems(ordered: readonly TrainableItem[], index: number, item: TrainableItem): TrainableItem[] {
  return ordered.slice(0, index).filter(({ input }) => input !== item.input);
}

function sourceOf(
  item: TrainableItem,
  earlier: readonly TrainableItem[],
  parts: PersonalItemsParts,
  projections: Map<string, Float32Array>,
): ExampleSource {
  const { base, plug, tokenizer, endToken } = parts;
  const answer = [...tokenizer.encode(item.output), endToken].slice(0, longestAnswer);
  const persona = base === 'none' ? null : rowsOf(item, earlier, parts, projections);
  const prompt: PromptSegment[] = layoutPrompt({
    template: parts.promptTemplate,
    tokenizer,
    contextWindow: longestSequence,
    text: promptText(parts.tasks(parts.task), item.input),
    persona,
    maximumNewTokens: answer.length,
  });
  const hasInstructionSegment = base === 'persona' && plug.instructionRows > 0;
  return { prompt, answer, trainableSegment: base === 'none' ? null : Number(hasInstructionSegment) };
}

function rowsOf(
  item: TrainableItem,
  earlier: readonly TrainableItem[],
  { task, base, plug }: PersonalItemsParts,
  projections: Map<string, Float32Array>,
): PersonaRows {
  const count = plug.instructionRows;
  if (base === 'instruction') {
    const rows = instructionRows(plug, task, item.vectors.input);
    return { instruction: { rows, count }, persona: { rows: new Float32Array(0), count: 0 } };
  }
  const at = item.date === null ? 0 : (parseDate(item.date) ?? 0);
  const candidates = earlier.map(({ id, date, vectors }) => ({ id, date, input: vectors.input, vectors }));
  const attention = attend(plug, { task, at, query: item.vectors.input, items: candidates });
  const { instruction, rows } = personaOf(plug, task, attention, ({ id, vectors }) => {
    const kept = projections.get(id) ?? projectItem(plug, task, vectors);
    projections.set(id, kept);
    return kept;
  });
  return { instruction: { rows: instruction, count }, persona: { rows, count: plug.personaRows } };
}
