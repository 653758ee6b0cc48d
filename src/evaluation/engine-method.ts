// Makes a method out of the engine, a choice of history and the options of a request. Most methods are made this way.
import type { GenerateRequest } from '../engine/personalizer.ts';
import type { HistoryItem } from '../history/history-item.ts';
import type { EvaluationQuery } from './data/evaluation-task.ts';
import { mainLanguageModel, mainPlug } from './evaluation-models.ts';
import type { Method, UserSession } from './method.ts';
import { trainForUser, type AdapterChoice, whyUntrainable } from './training/train-for-user.ts';

/** Which history the engine has. */
export interface HistoryChoice {
  /** Methods of one name share an engine, so that an item is projected once. */
  readonly name: string;
  readonly itemsOf: (session: UserSession, query: EvaluationQuery) => readonly HistoryItem[];
  /** The control user that it needs, if any. */
  readonly needs?: 'sameTaskControl' | 'otherTaskControl';
}

export const ownHistory: HistoryChoice = { name: 'own', itemsOf: (_, query) => query.history };

export const noHistory: HistoryChoice = { name: 'none', itemsOf: () => [] };

/** Another user's items before that user's first query: a history of the same task from the wrong person. */
export const anotherUsersHistory: HistoryChoice = {
  name: 'sameTaskControl',
  needs: 'sameTaskControl',
  // Co-authors share abstracts: an item with the query's own input would contain its answer.
  itemsOf: ({ sameTaskControl }, { input }) =>
    (sameTaskControl?.queries[0]?.history ?? []).filter((item) => item.input !== input),
};

/** Items of a user of another task, stored under this task: a history that is irrelevant to the query. */
export const anotherTasksHistory: HistoryChoice = {
  name: 'otherTaskControl',
  needs: 'otherTaskControl',
  itemsOf: ({ otherTaskControl, task }) =>
    (otherTaskControl?.queries[0]?.history ?? []).map((item) => ({
      ...item,
      id: `${item.id}:${item.task}`,
      task: task.task,
    })),
};

/** The user's newest items only, as a new user has them. */
export function newestOfOwnHistory(count: number): HistoryChoice {
  return { name: `newest-${count}`, itemsOf: (_, query) => (count === 0 ? [] : query.history.slice(-count)) };
}

export interface EngineMethodOptions {
  readonly name: string;
  readonly description: string;
  readonly history: HistoryChoice;
  /** The request's options beside task, input, date and choices. */
  readonly request: Pick<GenerateRequest, 'persona' | 'unigramAdaptation' | 'retrieval' | 'profile'>;
  /** Name of the plug package. @defaultValue the main one */
  readonly plug?: string;
  /** Name of the language model package. @defaultValue the main one */
  readonly languageModel?: string;
  /** An adapter that is trained on the items before the first query and used for all queries. @defaultValue none */
  readonly adapter?: AdapterChoice;
}

export function engineMethod(options: EngineMethodOptions): Method {
  const { name, description, history, request, adapter, plug = mainPlug, languageModel = mainLanguageModel } = options;
  return {
    name,
    description,
    unavailable(models, { hasSameTaskControl, hasOtherTaskControl }) {
      const { plugs, languageModels, missing } = models;
      const needsSameTaskControl = history.needs === 'sameTaskControl' || adapter?.of === 'sameTaskControl';
      if (needsSameTaskControl && !hasSameTaskControl)
        return 'it needs another user of the task, and there is only one';
      if (history.needs === 'otherTaskControl' && !hasOtherTaskControl)
        return 'it needs a user of another task, and no other task was given';
      const absent = plugs.has(plug) ? languageModel : plug;
      if (plugs.has(plug) && languageModels.has(languageModel))
        return adapter === undefined ? null : whyUntrainable(models, adapter);
      return missing.get(absent) ?? `the package ${absent} is not in the models folder`;
    },
    async prepare(session, { signal }) {
      const trained = adapter === undefined ? null : await trainForUser(session, adapter, signal);
      const engine = session.engine(history.name, { plug, languageModel });
      return {
        ...(trained === null ? {} : { trained }),
        async answer({ input, output, date, ...query }, { signal, withAnswer }) {
          const items = history.itemsOf(session, { input, output, date, ...query });
          await engine.setHistory(items, signal);
          // For an undated query, ages are counted to the newest dated item and not to the day of the measurement.
          const at = date ?? items.findLast((item) => item.date !== null)?.date ?? null;
          const { task } = session;
          const scored = await engine.score(
            {
              task: task.task,
              input,
              ...(at === null ? {} : { at }),
              ...(task.choices === null ? {} : { choices: task.choices }),
              ...request,
            },
            output,
            { signal, withAnswer, adapter: trained?.record ?? null },
          );
          const { gate, isPersonaUsed, adapters } = scored.explanation;
          return {
            nll: -scored.logProbability,
            tokens: scored.tokens,
            ...(withAnswer ? { answer: scored.answer } : {}),
            ...(request.persona === 'none' ? {} : { gate, isPersonaUsed }),
            ...(trained === null ? {} : { isTuned: adapters.length > 0 }),
            historySize: Math.max(items.length, trained?.items ?? 0),
          };
        },
      };
    },
  };
}
