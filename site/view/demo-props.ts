// What every part of the page is given.
import type { Demo } from '../demo.ts';

export interface DemoProps {
  readonly demo: Demo;
}
