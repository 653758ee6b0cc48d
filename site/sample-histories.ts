// The histories that a visitor can try without their own.

export interface SampleHistory {
  readonly file: string;
  readonly title: string;
  readonly description: string;
  /** The task that the sample opens. */
  readonly task: string;
}

export const sampleHistories: readonly SampleHistory[] = [
  {
    file: 'news-desk.jsonl',
    title: 'The news desk',
    description: 'A local reporter: sections and headlines of one small town.',
    task: 'news_category',
  },
  {
    file: 'paper-title-one.jsonl',
    title: 'A researcher',
    description: 'Titles of one author’s papers at ACL conferences.',
    task: 'paper_title',
  },
  {
    file: 'paper-title-two.jsonl',
    title: 'Another researcher',
    description: 'The same task in another hand.',
    task: 'paper_title',
  },
];

/** Something to type, for a first try of each task. */
export const exampleInputs: Readonly<Record<string, string>> = {
  news_category:
    'Ferry crew rescues a stranded deer from the harbour. Passengers clapped when the animal climbed the ramp and trotted up Mill Street.',
  news_headline:
    'The council voted on Tuesday to keep the old ferry running through the winter after three hundred people signed a petition at the bakery.',
  paper_title:
    'We study how far small language models can follow the style of a single writer when only a few examples are given. We compare prompts with retrieved examples and learned vectors on three tasks, and find that learned vectors help most where the history is long.',
};
