// Draws with Observable Plot outside of a browser: gives an SVG as text.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Draws a plot. `description` is its text alternative. */
export function draw(description: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ width: 720, marginRight: 30, ...options, document, figure: false, ariaLabel: description });
  return svg.outerHTML;
}

export { Plot };
