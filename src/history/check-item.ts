// Checks an item that a user or a file gives, before it is stored.
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';
import { contentId } from './content-id.ts';
import type { HistoryItem, HistoryItemInput } from './history-item.ts';

/** In characters: far more than an embedder reads, and few enough that a page stays responsive. */
export const itemLimits = { id: 256, task: 128, input: 100_000, output: 100_000 } as const;

/** Says what is wrong with an item; null when it is valid. */
export function findItemFault(item: { readonly [Field in keyof HistoryItemInput]?: unknown }): string | null {
  for (const field of ['task', 'input', 'output'] as const) {
    const value = item[field];
    if (value === undefined) return `the field "${field}" is missing`;
    if (typeof value !== 'string') return `the field "${field}" must be a text, it is ${nameOf(value)}`;
    if (value.trim() === '') return `the field "${field}" is empty`;
    if (value.length > itemLimits[field]) return tooLong(field, value.length);
  }
  const { id, date } = item;
  if (id !== undefined && id !== null) {
    if (typeof id !== 'string' || id === '')
      return `the field "id" must be a text that is not empty, it is ${nameOf(id)}`;
    if (id.length > itemLimits.id) return tooLong('id', id.length);
  }
  if (date !== undefined && date !== null) {
    if (typeof date !== 'string') return `the field "date" must be a text, it is ${nameOf(date)}`;
    if (parseDate(date) === null) {
      return `the field "date" must be YYYY-MM-DD or ISO 8601, it is ${JSON.stringify(date.slice(0, 40))}`;
    }
  }
  return null;
}

/**
 * The item as it is stored: with an id, and with the date null where it has none.
 *
 * @throws PersonaPlugError `invalid-argument` with the reason.
 */
export async function checkItem(input: HistoryItemInput): Promise<HistoryItem> {
  const fault = findItemFault(input);
  if (fault !== null) {
    throw new PersonaPlugError('invalid-argument', `The history item is not valid: ${fault}. Nothing was stored.`);
  }
  const { task, input: text, output } = input;
  const date = input.date ?? null;
  const id = input.id ?? (await contentId({ task, date, input: text, output }));
  return { id, date, task, input: text, output };
}

/** True when both have the same id, task, date and texts. */
export function isSameItem(a: HistoryItem, b: HistoryItem): boolean {
  return a.id === b.id && a.date === b.date && a.task === b.task && a.input === b.input && a.output === b.output;
}

function tooLong(field: keyof typeof itemLimits, length: number): string {
  return `the field "${field}" has ${length} characters, at most ${itemLimits[field]} are allowed`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'empty';
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`;
}
