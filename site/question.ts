// What a visitor, or a script, asks the page.
import type { GenerateRequest } from '../src/engine/personalizer.ts';

export type Question = Omit<GenerateRequest, 'persona'> & {
  /** Of the second answer. @defaultValue 'auto' */
  readonly persona?: 'auto' | 'always';
};
