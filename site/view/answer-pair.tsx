import type { Explanation } from 'persona-plug';
import type { Answer } from '../demo-state.ts';
import { formatDuration } from '../format.ts';
import type { DemoProps } from './demo-props.ts';

/** The two answers to one input. */
export function AnswerPair({ demo }: DemoProps) {
  const { none, persona, explanation } = demo.state;
  const remark = remarkOn(explanation.value);
  return (
    <section class="answers" aria-label="The two answers" data-adapters={explanation.value?.adapters.join(' ') ?? ''}>
      <AnswerCard id="answer-none" title="Without persona" answer={none.value} />
      <AnswerCard
        id="answer-persona"
        title="With your persona"
        answer={persona.value}
        {...(remark === '' ? {} : { remark })}
        isPersonal
      />
      {/* Not the stream itself: a screen reader would read every piece of it. */}
      <p class="visually-hidden" role="status">
        {persona.value.state === 'done' ? 'Both answers are complete.' : ''}
      </p>
    </section>
  );
}

function remarkOn(explanation: Explanation | null): string {
  if (explanation === null) return '';
  const { isPersonaUsed, adapters, words } = explanation;
  return [
    ...(isPersonaUsed ? [] : ['The same prompt as on the left: no persona was used.']),
    ...(words.length > 0
      ? [
          `Likelier by your own outputs: ${words
            .slice(0, 6)
            .map(({ text }) => text)
            .join(', ')}.`,
        ]
      : []),
    ...(adapters.includes('prompt') ? ['With your personal prompt.'] : []),
    ...(adapters.includes('lora') ? ['Both answers use your LoRA.'] : []),
    ...(adapters.includes('ia3') ? ['Both answers use your (IA)³.'] : []),
  ].join(' ');
}

interface AnswerCardProps {
  readonly id: string;
  readonly title: string;
  readonly answer: Answer;
  readonly remark?: string;
  readonly isPersonal?: boolean;
}

function AnswerCard({ id, title, answer, remark, isPersonal = false }: AnswerCardProps) {
  return (
    <article class={isPersonal ? 'card answer is-personal' : 'card answer'} aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{title}</h3>
      <p id={id} class={`answer-text is-${answer.state}`} data-state={answer.state}>
        {answer.state === 'done' ? (answer.answer ?? answer.text) : answer.text}
        {answer.text === '' && <span class="quiet">{placeholder(answer)}</span>}
      </p>
      {remark !== undefined && <p class="quiet remark">{remark}</p>}
      <p class="quiet figures">{figures(answer)}</p>
    </article>
  );
}

function placeholder({ state }: Answer): string {
  switch (state) {
    case 'empty':
      return '—';
    case 'waiting':
    case 'streaming':
      return 'Reading …';
    case 'done':
      return 'The model had nothing to say.';
    case 'stopped':
      return 'Stopped.';
    case 'failed':
      return 'No answer.';
    default:
      return state satisfies never;
  }
}

function figures({ timing, usage, state }: Answer): string {
  if (state === 'stopped') return 'stopped';
  if (timing === null || usage === null) return '';
  return [
    `${usage.newTokens} ${usage.newTokens === 1 ? 'token' : 'tokens'}`,
    `first after ${formatDuration(timing.firstToken)}`,
    `all after ${formatDuration(timing.total)}`,
  ].join(' · ');
}
