// The contract of a task: the wording of its prompts, its fixed answers, and how an answer is read.

/** An earlier item that is shown in the prompt. */
export interface RetrievedItem {
  readonly input: string;
  readonly output: string;
}

/**
 * A kind of text that a user writes, e.g. `news_headline`. The shipped tasks are worded exactly as in training, after LaMP's profile
 * prompts.
 */
export interface Task {
  /** The `task` of history items and requests. */
  readonly name: string;
  /** The text of a request. */
  readonly prompt: (input: string) => string;
  /** The text of an earlier item, which comes before the request. */
  readonly retrievedItem: (item: RetrievedItem) => string;
  /** The text between the earlier items and the request. */
  readonly retrievedLead: string;
  /** Puts the earlier items, already joined to one text, into the request. @defaultValue `earlier + retrievedLead + prompt` */
  readonly placeRetrieved?: (earlier: string, prompt: string) => string;
  /** The only answers there are; null where the answer is free text. */
  readonly choices: readonly string[] | null;
  /** New tokens at most, unless the request says otherwise. */
  readonly maximumNewTokens: number;
  /** An answer repeats no sequence of that many tokens, unless the request says otherwise. For short answers. @defaultValue 0: it may */
  readonly noRepeatNgramSize?: number;
  /** Reads the answer out of the generated text; null where it is none. */
  readonly parse: (text: string) => string | null;
}

/** The text between two retrieved items. */
const separator = ', and ';

/** The text between the profile and the rest. */
const profileLead = '. ';

/** The text of a prompt: the user's profile in a sentence, earlier items (most relevant first), then the request. */
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
