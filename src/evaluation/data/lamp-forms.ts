// The form of LaMP's files: the fields of each task, and the name that the task has here. A question holds the benchmark's wording
// around a text; only the text is read, since src/tasks words the prompts.
import { citationChoices } from '../../tasks/citation.ts';
import { ratings } from '../../tasks/movie-rating.ts';

export interface LampForm {
  /** Our name of the task. */
  readonly task: string;
  readonly choices: readonly string[] | 'data' | null;
  /** The words before the text of a question; empty where the whole question is the input. */
  readonly landmark: string;
  readonly inputOf: (question: string) => string | null;
  /** A profile item as input and output; null where one is missing. */
  readonly itemOf: (entry: Readonly<Record<string, unknown>>) => { input: string; output: string } | null;
}

/**
 * The form of a task by LaMP's name (`LaMP_4`, `LaMP-4`). Task 2 is two tasks, films' tags and articles' categories, which differ in the
 * fields of the profile. Null for an unknown name.
 */
export function lampFormOf(name: string, profileFields: ReadonlySet<string>): LampForm | null {
  const number = /lamp[\s_-]*(?<number>[1-7])/iu.exec(name)?.groups?.['number'];
  switch (number) {
    case '1':
      return form('citation', citationChoices, '', 'abstract', 'title');
    case '2':
      return profileFields.has('description') || profileFields.has('tag')
        ? form('movie_tag', 'data', 'description:', 'description', 'tag')
        : form('news_category', 'data', 'article:', 'text', 'category');
    case '3':
      return form('movie_rating', ratings, 'review:', 'text', 'score');
    case '4':
      return form('news_headline', null, 'article:', 'text', 'title');
    case '5':
      return form('paper_title', null, 'paper:', 'abstract', 'title');
    case '6':
      return form('email_subject', null, 'email:', 'text', 'title');
    case '7':
      // A profile of tweets holds only what the author wrote, which is taken as input and output.
      return form('tweet_paraphrase', null, ':', 'text', 'text');
    default:
      return null;
  }
}

function form(
  task: string,
  choices: LampForm['choices'],
  landmark: string,
  inputField: string,
  outputField: string,
): LampForm {
  return {
    task,
    choices,
    landmark,
    inputOf(question) {
      if (landmark === '') return question;
      const at = question.indexOf(landmark);
      return at < 0 ? null : question.slice(at + landmark.length).trim();
    },
    itemOf(entry) {
      const [input, output] = [textOf(entry[inputField]), textOf(entry[outputField])];
      return input === '' || output === '' ? null : { input, output };
    },
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.trim() : '';
}
