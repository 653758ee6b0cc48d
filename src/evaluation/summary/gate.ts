// How well the gate predicts that the persona helps: its value against the share of queries where the persona beat the prompt alone,
// and what it decided.
import type { BootstrapOptions, Interval } from '../metrics/bootstrap.ts';
import { meanInterval, pairedGains } from './gains.ts';
import { queryKey, type ScoredByQuery } from './scored.ts';

export interface CalibrationBin {
  /** Mean gate value of the bin's queries. */
  readonly gate: number;
  /** Share of queries where the persona, gate forced open, gave the gold answer the better likelihood. */
  readonly helped: Interval;
}

/** What the gate did with one kind of history, as shares of its queries. Null where the other decision was not measured. */
export interface GateDecisions {
  readonly history: string;
  readonly queries: number;
  readonly meanGate: number;
  readonly kept: number;
  readonly keptWrongly: number | null;
  readonly dropped: number;
  readonly droppedWrongly: number | null;
}

export interface GateSummary {
  readonly calibration: readonly CalibrationBin[];
  readonly decisions: readonly GateDecisions[];
}

/** The methods with a gate, and for each the one with the gate forced open. */
const histories = [
  { history: 'own', method: 'persona', open: 'persona-open' },
  { history: 'shuffled', method: 'shuffled', open: 'shuffled-open' },
  { history: 'irrelevant', method: 'irrelevant', open: null },
  { history: 'empty', method: 'empty', open: null },
] as const;

/** Bins of about equally many queries. */
const bins = 10;

/** Null where no method with a gate was measured. */
export function summarizeGate(of: (method: string) => ScoredByQuery, bootstrap: BootstrapOptions): GateSummary | null {
  const decisions = histories.flatMap(({ history, method, open }) => {
    const decided = decisionsOf(history, of(method), open === null ? null : of(open), of('none'));
    return decided === null ? [] : [decided];
  });
  if (decisions.length === 0) return null;
  return { calibration: calibrate(of('persona-open'), of('none'), bootstrap), decisions };
}

function calibrate(open: ScoredByQuery, none: ScoredByQuery, bootstrap: BootstrapOptions): CalibrationBin[] {
  const entries = pairedGains(open, none)
    .flatMap(({ own: { user, prediction }, gain }) =>
      prediction.gate === undefined ? [] : [{ user, gate: prediction.gate, value: Number(gain > 0) }],
    )
    .sort((a, b) => a.gate - b.gate);
  const size = Math.max(1, Math.ceil(entries.length / bins));
  const result: CalibrationBin[] = [];
  for (let start = 0; start < entries.length; start += size) {
    const inside = entries.slice(start, start + size);
    const gate = inside.reduce((sum, entry) => sum + entry.gate, 0) / inside.length;
    result.push({ gate, helped: meanInterval(inside, bootstrap) });
  }
  return result;
}

function decisionsOf(
  history: string,
  gated: ScoredByQuery,
  open: ScoredByQuery | null,
  none: ScoredByQuery,
): GateDecisions | null {
  const all = [...gated.values()].filter(({ prediction }) => prediction.isPersonaUsed !== undefined);
  if (all.length === 0) return null;
  const share = (count: number): number => count / all.length;
  const isKept = ({ prediction }: (typeof all)[number]): boolean => prediction.isPersonaUsed === true;
  const [kept, dropped] = [all.filter(isKept), all.filter((scored) => !isKept(scored))];
  // Where the persona was kept, its likelihood is that of the method; where it was dropped, that of the method with an open gate.
  const isWorse = (scored: (typeof all)[number]): boolean =>
    (scored.nll ?? 0) > (none.get(queryKey(scored))?.nll ?? Infinity);
  const wouldHelp = (scored: (typeof all)[number]): boolean =>
    (open?.get(queryKey(scored))?.nll ?? Infinity) < (none.get(queryKey(scored))?.nll ?? -Infinity);
  const isOpenKnown = open !== null && dropped.every((scored) => open.has(queryKey(scored)));
  return {
    history,
    queries: all.length,
    meanGate: all.reduce((sum, { prediction }) => sum + (prediction.gate ?? 0), 0) / all.length,
    kept: share(kept.length),
    keptWrongly: none.size === 0 ? null : share(kept.filter(isWorse).length),
    dropped: share(dropped.length),
    droppedWrongly:
      none.size === 0 || (!isOpenKnown && history !== 'empty') ? null : share(dropped.filter(wouldHelp).length),
  };
}
