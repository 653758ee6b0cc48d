// tweet_paraphrase: a tweet in the user's style (LaMP-7). The history holds only what the user wrote, the outputs.
import { parseText, type Task } from './task.ts';

export const tweetParaphrase: Task = {
  name: 'tweet_paraphrase',
  prompt: (input) => `Paraphrase the following tweet without any explanation before or after it: ${input}`,
  retrievedItem: ({ output }) => `"${output}"`,
  retrievedLead: ' are written by a person. Following the given patterns ',
  choices: null,
  maximumNewTokens: 64,
  noRepeatNgramSize: 3,
  parse: parseText,
};
