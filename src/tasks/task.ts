// What a task is to the prompts: its words, its fixed answers, and how an answer is read.

/** An earlier item that is shown in the prompt. */
export interface RetrievedItem {
  readonly input: string;
  readonly output: string;
}

/**
 * A kind of text that a user writes, e.g. `news_headline`. The wordings of the shipped tasks are those of training,
 * byte for byte; LaMP's profile prompts, in our words.
 */
export interface Task {
  /** The `task` of history items and requests. */
  readonly name: string;
  /** The text of a request. */
  readonly prompt: (input: string) => string;
  /** One earlier item, as words before the request. */
  readonly retrievedItem: (item: RetrievedItem) => string;
  /** What stands between the earlier items and the request. */
  readonly retrievedLead: string;
  /** Joins the earlier items, already one text, and the request where they do not stand before it. @defaultValue `earlier + retrievedLead + prompt` */
  readonly placeRetrieved?: (earlier: string, prompt: string) => string;
  /** The only answers there are; null where the answer is free text. */
  readonly choices: readonly string[] | null;
  /** New tokens at most, unless the request says otherwise. */
  readonly maximumNewTokens: number;
  /** So many tokens in a row stand in an answer once, unless the request says otherwise: for a line or two. @defaultValue 0: no such rule */
  readonly noRepeatNgramSize?: number;
  /** Reads the answer out of the generated text; null where it is none. */
  readonly parse: (text: string) => string | null;
}

/** What stands between two retrieved items. */
const separator = ', and ';

/** What stands between the profile and the rest. */
const profileLead = '. ';

/** The words of a prompt: the user's profile in a sentence, earlier items (most relevant first), then the request. */
export function promptText(
  task: Task,
  input: string,
  retrieved: readonly RetrievedItem[] = [],
  profile: string | null = null,
): string {
  const prompt = withRetrieved(task, task.prompt(input), retrieved);
  return profile === null ? prompt : profile + profileLead + prompt;
}

function withRetrieved(task: Task, prompt: string, retrieved: readonly RetrievedItem[]): string {
  if (retrieved.length === 0) return prompt;
  const earlier = retrieved.map(task.retrievedItem).join(separator);
  return task.placeRetrieved?.(earlier, prompt) ?? earlier + task.retrievedLead + prompt;
}

/** For free text: the text without surrounding white space; null when nothing is left. */
export function parseText(text: string): string | null {
  const trimmed = text.trim();
  return trimmed === '' ? null : trimmed;
}
