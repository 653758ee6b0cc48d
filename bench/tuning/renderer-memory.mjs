// Resident memory of a browser's largest renderer, workers included, as the kernel counts it. Linux only.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Ids of a browser's renderers. */
export function renderersOf(browserProcess) {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' });
  const processes = stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/u.exec(line))
    .filter((match) => match !== null)
    .map(([, id, parent, command]) => ({ id: Number(id), parent: Number(parent), command }));
  const family = new Set([browserProcess]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { id, parent } of processes) if (family.has(parent)) family.add(id);
  }
  return processes
    .filter(({ id, command }) => family.has(id) && command.includes('--type=renderer'))
    .map(({ id }) => id);
}

/** MiB now, and the most since the process began: the kernel's high-water mark, so that no peak is missed. */
export function rendererMemory(browserProcess) {
  const figures = renderersOf(browserProcess).map((id) => ({
    now: mebibytes(id, 'VmRSS'),
    peak: mebibytes(id, 'VmHWM'),
  }));
  return figures.toSorted((a, b) => b.peak - a.peak)[0] ?? { now: Number.NaN, peak: Number.NaN };
}

function mebibytes(id, name) {
  const status = readFileSync(`/proc/${id}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(status)?.[1]) / 1024;
}
