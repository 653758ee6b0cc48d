// news_headline: a headline for an article, in the user's style (LaMP-4's kind of task).
import { parseText, type Task } from './task.ts';

export const newsHeadline: Task = {
  name: 'news_headline',
  prompt: (input) => `Generate a headline for the following article: ${input}`,
  retrievedItem: ({ input, output }) => `"${output}" is the title for "${input}"`,
  retrievedLead: '. ',
  choices: null,
  maximumNewTokens: 40,
  noRepeatNgramSize: 3,
  parse: parseText,
};
