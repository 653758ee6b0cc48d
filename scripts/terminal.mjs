// Messages and progress bars on stderr; stdout is for the result.

const barLength = 24;

/** An error that ends the command with its message and without a stack. */
export class CommandError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** Writes a line. */
export function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}

/**
 * A progress bar for one long step: `update(done, total, label)` as often as there is news, then `end()`.
 * On a terminal it redraws one line; in a log it writes a line every few seconds.
 */
export function progressBar(title, { stream = process.stderr, now = Date.now } = {}) {
  const start = now();
  const isTerminal = stream.isTTY;
  let lastLine = isTerminal ? 0 : start;
  let isDrawn = false;
  const draw = (line) => {
    isDrawn = true;
    stream.write(isTerminal ? `\r\u001B[K${line.slice(0, (stream.columns ?? 100) - 1)}` : `${line}\n`);
  };
  if (!isTerminal) stream.write(`${title} …\n`);
  return {
    update(done, total, label = '') {
      const time = now();
      if (time - lastLine < (isTerminal ? 80 : 5_000)) return;
      lastLine = time;
      draw(`${title} ${barText(done, total)} ${timeLeft(done, total, time - start)} ${label}`.trimEnd());
    },
    end(result = '') {
      const seconds = ((now() - start) / 1_000).toFixed(1);
      if (isTerminal && isDrawn) stream.write('\r\u001B[K');
      stream.write(`${title}${result === '' ? '' : `: ${result}`} (${seconds} s)\n`);
    },
    /** Removes the line before an error is printed. */
    clear() {
      if (isTerminal && isDrawn) stream.write('\r\u001B[K');
    },
  };
}

function barText(done, total) {
  if (total === null || total === 0) return '';
  const share = Math.min(1, done / total);
  const full = Math.round(share * barLength);
  return `[${'█'.repeat(full)}${'·'.repeat(barLength - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

function timeLeft(done, total, elapsed) {
  const seconds = Math.round(elapsed / 1_000);
  if (total === null || total === 0 || done <= 0 || done >= total) return `${seconds} s`;
  return `${seconds} s, about ${Math.ceil((elapsed * (total - done)) / done / 1_000)} s left`;
}
