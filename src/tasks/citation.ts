// citation: which of two papers would this author cite (LaMP-1). The question names the author's new paper; the author's earlier titles
// are put beside its title, inside the question.
import type { Task } from './task.ts';

/** The only two answers. */
export const citationChoices = ['[1]', '[2]'] as const;

/** The title of the author's new paper, and the two papers that it may cite. */
export interface CitationQuestion {
  readonly title: string;
  readonly references: readonly [string, string];
}

/** The question in LaMP's words; it is the `input` of this task. */
export function citationQuestion({ title, references: [first, second] }: CitationQuestion): string {
  return (
    `For an author who has written the paper with the title "${title}", which reference is related? ` +
    `Just answer with [1] or [2] without explanation. [1]: "${first}" [2]: "${second}"`
  );
}

const landmark = 'title';

export const citation: Task = {
  name: 'citation',
  prompt: (input) => input,
  retrievedItem: ({ output }) => `"${output}"`,
  retrievedLead: '. ',
  placeRetrieved(titles, question) {
    const at = question.indexOf(landmark);
    if (at < 0) return `${titles}${citation.retrievedLead}${question}`;
    const end = at + landmark.length;
    return `${question.slice(0, end)} ${titles}, and${question.slice(end)}`;
  },
  choices: citationChoices,
  maximumNewTokens: 8,
  parse(text) {
    const trimmed = text.trim();
    return citationChoices.find((choice) => choice === trimmed) ?? null;
  },
};
