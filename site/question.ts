// What a visitor, or a script, asks the page.
import type { GenerateRequest } from 'persona-plug';

export type Question = Omit<GenerateRequest, 'persona'> & {
  /** Of the second answer. @defaultValue 'auto' */
  readonly persona?: 'auto' | 'always';
};
