// All methods, in the order of the report. Add a method here to have it measured and reported.
import { adapterKinds } from '../../adapter/adapter-kind.ts';
import type { Method } from '../method.ts';
import { empty } from './empty.ts';
import { irrelevant } from './irrelevant.ts';
import { neighbours } from './neighbours.ts';
import { noneAll } from './none-all.ts';
import { none } from './none.ts';
import { personaOpen } from './persona-open.ts';
import { personaRows } from './persona-rows.ts';
import { persona } from './persona.ts';
import { instruction, personaPplug } from './plug-package.ts';
import { profile, profileWithRetrieved } from './profile.ts';
import { personaWithRetrieved, retrieved } from './retrieved.ts';
import { shuffled, shuffledOpen } from './shuffled.ts';
import { oppuOfKind } from './oppu.ts';

export const methods: readonly Method[] = [
  none,
  noneAll,
  neighbours,
  instruction,
  persona,
  personaRows,
  shuffled,
  personaPplug,
  retrieved('bm25', 1),
  retrieved('bm25', 4),
  retrieved('dense', 1),
  retrieved('dense', 4),
  retrieved('recency', 1),
  retrieved('recency', 4),
  profile,
  profileWithRetrieved('bm25', 1),
  profileWithRetrieved('bm25', 4),
  personaWithRetrieved('bm25', 1),
  personaWithRetrieved('bm25', 4),
  personaOpen,
  shuffledOpen,
  empty,
  irrelevant,
];

/** They train on every user, for seconds to minutes each, and are measured only when they are named. */
export const oppuMethods: readonly Method[] = adapterKinds.flatMap(oppuOfKind);
