"""Compiles the quantized matrix products alone, with random arguments and the result of numpy in float64.

    python -m training.package.webgpu_library.check.make_kernel_cases cases.json

A library takes minutes to link, and one with 4-bit layers runs the 8-bit kernel on one row only. This takes seconds;
check-kernels.mjs runs the cases.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy
import tvm
from tvm import tirx

from training.package.webgpu_library import quantized_kernels, tiled_kernels
from training.package.webgpu_library.build_library import TARGET
from training.package.webgpu_library.quantization import FORMATS, QUANTIZE

IN_FEATURES, OUT_FEATURES, TOKENS = 192, 320, 7  # several workgroups side by side, and rows that fill no tile


def shader(function: tirx.PrimFunc) -> str:
    """The WGSL of one kernel."""
    module = tirx.build(tvm.IRModule({"kernel": function.with_attr("global_symbol", "kernel")}), target=TARGET)
    return next(device.inspect_source() for device in module.imports if device.kind == "webgpu")


def uniforms(code: str) -> list[str]:
    """The names of the kernel's scalar arguments, in order."""
    (fields,) = re.findall(r"struct PODArgs \{(.*?)\}", code, re.DOTALL)
    return re.findall(r"(\w+):", fields)


def case(quantization: str, variant: str, tokens: int) -> dict[str, Any]:
    random = numpy.random.default_rng(0)
    matrix = QUANTIZE[quantization](random.standard_normal((OUT_FEATURES, IN_FEATURES)).astype("f4"))
    x = random.standard_normal((tokens, IN_FEATURES)).astype("f4")
    is_one_token = tokens == 1
    if variant == "portable":
        rows, columns, threads = quantized_kernels.ONE_TOKEN if is_one_token else quantized_kernels.PROMPT
        width = columns * threads
        function = quantized_kernels.linear(OUT_FEATURES, quantization, is_one_token)
    else:
        rows = 1 if is_one_token else tiled_kernels.TILE
        width = tiled_kernels.COLUMNS if is_one_token else tiled_kernels.TILE
        function = tiled_kernels.linear(IN_FEATURES, OUT_FEATURES, quantization, is_one_token)
    code = shader(function)
    sizes = {
        "n": tokens,
        "width": IN_FEATURES,
        "height": OUT_FEATURES,
        "row_words": matrix.q_weight.shape[1],
        "row_scales": matrix.scales.shape[1],
        "packGridDimX": OUT_FEATURES // width,
    }
    return {
        "name": f"{quantization}, {variant}, {tokens} tokens",
        "code": code,
        "uniforms": [sizes[name] for name in uniforms(code)],
        "workgroups": [OUT_FEATURES // width, -(-tokens // rows), 1],
        "x": x.ravel().tolist(),
        "w": matrix.q_weight.ravel().tolist(),
        "s": matrix.scales.ravel().tolist(),
        "y": (x.astype("f8") @ matrix.dequantize().astype("f8").T).ravel().tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    kinds = [(form, variant, tokens) for form in FORMATS for variant in ("portable", "fast") for tokens in (1, TOKENS)]
    arguments.output.write_text(json.dumps([case(*kind) for kind in kinds]), encoding="utf-8")


if __name__ == "__main__":
    main()
