// Observable Plot without a browser: an SVG as text.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Draws a plot; the description is for those who do not see it. */
export function draw(description: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ width: 720, marginRight: 30, ...options, document, figure: false, ariaLabel: description });
  return svg.outerHTML;
}

export { Plot };
