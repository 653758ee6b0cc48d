// email_subject: a subject line for an e-mail, in the user's style (LaMP-6).
import { parseText, type Task } from './task.ts';

export const emailSubject: Task = {
  name: 'email_subject',
  prompt: (input) => `Generate a subject for the following email: ${input}`,
  retrievedItem: ({ input, output }) => `"${output}" is the title for "${input}"`,
  retrievedLead: '. ',
  choices: null,
  maximumNewTokens: 40,
  noRepeatNgramSize: 3,
  parse: parseText,
};
