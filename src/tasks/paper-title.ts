// paper_title: a title for an abstract, in the author's style (LaMP-5's kind of task).
import { parseText, type Task } from './task.ts';

export const paperTitle: Task = {
  name: 'paper_title',
  prompt: (input) => `Generate a title for the following abstract of a paper: ${input}`,
  retrievedItem: ({ input, output }) => `"${output}" is a title for "${input}"`,
  retrievedLead: '. Following the given patterns ',
  choices: null,
  maximumNewTokens: 48,
  noRepeatNgramSize: 3,
  parse: parseText,
};
