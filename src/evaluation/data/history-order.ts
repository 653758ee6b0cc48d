// The order of the items that a data file holds, and the history items that they become.
import type { HistoryItem } from '../../history/history-item.ts';
import { parseDate } from '../../lib/parse-date.ts';

/** By date, undated items first. Items of equal dates keep the file's order, which says more than their ids. */
export function inOrder<T extends { readonly date: string | null }>(items: readonly T[]): T[] {
  const timeOf = ({ date }: T): number => (date === null ? -Infinity : (parseDate(date) ?? -Infinity));
  return items.toSorted((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(a) - timeOf(b)));
}

/** An item of the engine. Its id starts with the position, since the engine orders items of one date by their ids. */
export function toHistoryItem(
  item: {
    readonly id?: string | undefined;
    readonly date: string | null;
    readonly input: string;
    readonly output: string;
  },
  task: string,
  position: number,
): HistoryItem {
  const id = `${String(position).padStart(6, '0')}-${item.id ?? ''}`.slice(0, 256);
  return { id, date: item.date, task, input: item.input, output: item.output };
}
