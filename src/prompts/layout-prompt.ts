// Lays a prompt out as segments of token ids and rows. training/data/prompts.py does the same; golden ids test that both agree.
import { PersonaPlugError } from '../lib/errors.ts';
import type { PromptSegment, TextTokenizer } from '../language-model/language-model.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';

/** Soft rows `[count, hiddenSize]`. */
export interface SoftRows {
  readonly rows: Float32Array;
  readonly count: number;
}

/** The rows of a persona in a prompt: the task's instruction I, then the user's rows P. */
export interface PersonaRows {
  readonly instruction: SoftRows;
  readonly persona: SoftRows;
}

export interface PromptLayout {
  readonly template: readonly PromptTemplatePart[];
  readonly tokenizer: TextTokenizer;
  /** Tokens that prompt and answer share. */
  readonly contextWindow: number;
  /** The text of the prompt; special tokens inside it are plain text. */
  readonly text: string;
  /** Null for a prompt without a persona. */
  readonly persona: PersonaRows | null;
  /** Tokens that are reserved for the answer. */
  readonly maximumNewTokens: number;
}

/**
 * Lays out a prompt. The text is cut at its end where it would not leave room for the answer.
 *
 * @throws PersonaPlugError `invalid-prompt` when template, rows and answer leave no room for the text;
 * `invalid-argument` when the template names an unknown control token or has no prompt slot.
 */
export function layoutPrompt(layout: PromptLayout): PromptSegment[] {
  const { template, tokenizer, persona } = layout;
  const room = promptRoom(layout);
  const textIds = tokenizer.encode(layout.text).slice(0, room);
  const segments: PromptSegment[] = [];
  let ids: number[] = [];
  const endIds = (): void => {
    if (ids.length > 0) segments.push({ kind: 'ids', ids });
    ids = [];
  };
  for (const part of template) {
    if ('control' in part) ids.push(tokenizer.controlToken(part.control));
    else if (part.slot === 'prompt') ids = ids.concat(textIds);
    else if (persona !== null) {
      endIds();
      for (const { rows, count } of [persona.instruction, persona.persona]) {
        if (count > 0) segments.push({ kind: 'rows', rows, count });
      }
    }
  }
  endIds();
  return segments;
}

/**
 * Tokens that template, rows and answer leave for the text.
 *
 * @throws PersonaPlugError as `layoutPrompt`.
 */
export function promptRoom(frame: Omit<PromptLayout, 'tokenizer' | 'text'>): number {
  const { template, persona, contextWindow, maximumNewTokens } = frame;
  const promptSlots = template.filter((part) => 'slot' in part && part.slot === 'prompt').length;
  if (promptSlots !== 1) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The model's prompt template has ${promptSlots} places for the prompt. Give it exactly one {"slot": "prompt"}.`,
      { details: { promptSlots } },
    );
  }
  const controls = template.filter((part) => 'control' in part).length;
  const personaSlots = template.filter((part) => 'slot' in part && part.slot === 'persona').length;
  const rows = persona === null ? 0 : personaSlots * (persona.instruction.count + persona.persona.count);
  const room = contextWindow - rows - controls - maximumNewTokens;
  if (room < 1) {
    throw new PersonaPlugError(
      'invalid-prompt',
      `No room is left for the prompt: of ${contextWindow} tokens, ${rows} persona rows, ${controls} control tokens ` +
        `and ${maximumNewTokens} new tokens take all. Request fewer new tokens (maximumNewTokens).`,
      { details: { contextWindow, rows, controls, maximumNewTokens } },
    );
  }
  return room;
}
