import type { Report } from '../write-report.ts';
export function renderReport(report: Report): string {
  return JSON.stringify(report);
}
