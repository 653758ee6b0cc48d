"""Golden cases of texts that are longer than the embedder's window: the ids of each chunk, and the vector of the mean.

long-texts.json is `{"cases": [{"name", "text", "tokens", "chunks": [[ids]], "vector"}]}`; its arrays lie in
long-texts.f32, addressed like those of golden.f32. `python -m training.golden.long_texts --output FOLDER` writes both
files alone, for a package whose other files stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.embedder import Embedder
from training.golden.texts import LONG_TEXTS
from training.golden.writer import GoldenWriter

CASES, ARRAYS = "long-texts.json", "long-texts.f32"


def write_golden_long_texts(output: Path) -> None:
    """Writes long-texts.json and long-texts.f32."""
    writer = GoldenWriter(output, ARRAYS)
    embedder = Embedder()
    cases = []
    for name, text, count in LONG_TEXTS:
        chunks = embedder.chunks(text)
        if len(chunks) != count:
            raise ValueError(f"the golden text {name!r} has {len(chunks)} chunks, not {count}. Correct LONG_TEXTS.")
        vector = writer.array(embedder.embed(text))
        cases.append(
            {"name": name, "text": text, "tokens": embedder.count_tokens(text), "chunks": chunks, "vector": vector}
        )
    writer.write_cases(CASES, cases)
    writer.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    write_golden_long_texts(arguments.output)


if __name__ == "__main__":
    main()
