// Refuses a request that could only fail later, with the value and the remedy.
import { itemLimits } from '../history/check-item.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';
import type { GenerateRequest } from './personalizer.ts';

const methods: readonly unknown[] = ['bm25', 'dense', 'recency'];
const mostRetrieved = 50;

/** @throws PersonaPlugError `invalid-argument` */
export function checkRequest(request: GenerateRequest): void {
  const {
    task,
    input,
    at,
    persona,
    unigramAdaptation,
    adapters,
    maximumNewTokens,
    choices,
    stopStrings,
    temperature,
    topP,
    seed,
    noRepeatNgramSize,
  } = request;
  if (typeof task !== 'string' || task.trim() === '') throw fault('task', task, 'Name a task, e.g. "news_headline"');
  if (typeof input !== 'string' || input.trim() === '') throw fault('input', input, 'Give the text to answer to');
  if (input.length > itemLimits.input) {
    throw fault('input', `${input.length} characters`, `Shorten it to ${itemLimits.input}`);
  }
  if (at !== undefined && parseDate(at) === null) throw fault('at', at, 'Write YYYY-MM-DD or ISO 8601');
  if (persona !== undefined && !['auto', 'none', 'always'].includes(persona)) {
    throw fault('persona', persona, 'Use "auto", "none" or "always"');
  }
  if (adapters !== undefined && !['auto', 'none'].includes(adapters))
    throw fault('adapters', adapters, 'Use "auto" or "none"');
  if (unigramAdaptation !== undefined && typeof unigramAdaptation !== 'boolean') {
    throw fault('unigramAdaptation', shown(unigramAdaptation), 'Use true or false');
  }
  checkEarlier(request);
  if (maximumNewTokens !== undefined && !(Number.isSafeInteger(maximumNewTokens) && maximumNewTokens >= 1)) {
    throw fault('maximumNewTokens', maximumNewTokens, 'Give a whole number of at least 1');
  }
  if (choices !== undefined && (choices.length === 0 || choices.some((choice) => choice === ''))) {
    throw fault('choices', choices.length, 'Give at least one choice, none of them empty, or leave the field out');
  }
  if (stopStrings?.includes('') === true) throw fault('stopStrings', '', 'Leave empty texts out');
  if (temperature !== undefined && !(Number.isFinite(temperature) && temperature >= 0)) {
    throw fault('temperature', temperature, 'Give a number of at least 0');
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) throw fault('topP', topP, 'Give a number above 0 and up to 1');
  if (noRepeatNgramSize !== undefined && !(Number.isSafeInteger(noRepeatNgramSize) && noRepeatNgramSize >= 0)) {
    throw fault('noRepeatNgramSize', noRepeatNgramSize, 'Give a whole number of at least 0');
  }
  if (seed !== undefined && !Number.isSafeInteger(seed)) throw fault('seed', seed, 'Give a whole number');
}

/** What an application of another language, or a form, may have put in. */
function checkEarlier({ retrieval, profile }: { readonly retrieval?: unknown; readonly profile?: unknown }): void {
  if (profile !== undefined && typeof profile !== 'boolean')
    throw fault('profile', shown(profile), 'Use true or false');
  if (retrieval === undefined) return;
  if (typeof retrieval !== 'object' || retrieval === null || !('method' in retrieval) || !('count' in retrieval)) {
    throw fault('retrieval', shown(retrieval), 'Give { method, count }, or leave the field out');
  }
  const { method, count } = retrieval;
  if (!methods.includes(method)) throw fault('retrieval.method', shown(method), 'Use "bm25", "dense" or "recency"');
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1 || count > mostRetrieved) {
    throw fault('retrieval.count', shown(count), `Give a whole number from 1 to ${mostRetrieved}`);
  }
}

function shown(value: unknown): string | number {
  return typeof value === 'string' || typeof value === 'number' ? value : (JSON.stringify(value) ?? typeof value);
}

function fault(field: string, value: string | number | undefined, remedy: string): PersonaPlugError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
  return new PersonaPlugError('invalid-argument', `The request's "${field}" is ${shown}. ${remedy}.`, {
    details: { field, value: value ?? null },
  });
}
