"""WebGPU kernels on 4-bit and 8-bit weights for graphics hardware, with shared memory: the variant `fast`.

One token: a few columns a workgroup, whose invocations walk the words of a row side by side, so that neighbours read
neighbouring words, and add up in shared memory. A prompt: a tile of x and a tile of dequantized weights lie in shared memory,
and each invocation computes a square of the result.
"""

from tvm.script import tirx as T

from training.package.webgpu_library.quantization import FORMATS
from training.package.webgpu_library.quantized_kernels import (
    nibble,
    nibble_factor,
    power_of_two,
    signed_byte,
    widen_pair,
)

COLUMNS = 4  # of a workgroup, for one token
WORKERS = 16  # invocations a column, for one token
TILE = 32  # rows and columns of a workgroup, and weights along `in` at a time, for a prompt
SIDE = 4  # rows and columns of an invocation, for a prompt


def linear(in_features: int, out_features: int, quantization: str, is_one_token: bool):
    """y = x @ dequantize(w)^T. x: [1, n, in_features], w and s: words and scales as quantization.py lays them out."""
    return (one_token if is_one_token else prompt)(in_features, out_features, quantization)


def weight_value(has_minimum: bool, word, e):
    """q of weight e of a word."""
    return nibble(word, e) * nibble_factor(e) if has_minimum else signed_byte(word, e) * power_of_two(-24)


def one_token(in_features: int, out_features: int, quantization: str):
    form = FORMATS[quantization]
    per_word, words = form.weights_per_word, form.words_per_block
    row_words, has_minimum = form.weight_words(in_features), form.has_minimum
    assert out_features % COLUMNS == 0, f"out_features {out_features} must be a multiple of {COLUMNS}"

    @T.prim_func(s_tir=True, private=True)
    def linear_one_token(var_x: T.handle, var_w: T.handle, var_s: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        x = T.match_buffer(var_x, (1, 1, in_features), "float32")
        w = T.match_buffer(var_w, (out_features, row_words), "uint32")
        s = T.match_buffer(var_s, (out_features, form.scale_words(in_features)), "uint32")
        y = T.match_buffer(var_y, (1, 1, out_features), "float32")
        for group in T.thread_binding(out_features // COLUMNS, thread="blockIdx.x"):
            for thread in T.thread_binding(COLUMNS * WORKERS, thread="threadIdx.x"):
                with T.sblock("linear"):
                    T.reads()
                    T.writes()
                    partial = T.sblock_alloc_buffer((COLUMNS * WORKERS,), "float32", scope="shared")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    part = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    plain = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    left = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    word = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                    pair = T.sblock_alloc_buffer((2,), "float32", scope="local")
                    column: T.let[T.int32] = group * COLUMNS + thread // WORKERS
                    worker: T.let[T.int32] = thread % WORKERS
                    total[0] = T.float32(0)
                    for step in T.serial((row_words + WORKERS - 1) // WORKERS):
                        if step * WORKERS + worker < row_words:
                            word[0] = w[column, step * WORKERS + worker]
                            part[0] = T.float32(0)
                            plain[0] = T.float32(0)
                            for e in T.unroll(per_word):
                                left[0] = x[0, 0, (step * WORKERS + worker) * per_word + e]
                                part[0] = part[0] + left[0] * weight_value(has_minimum, word[0], e)
                                plain[0] = plain[0] + left[0]
                            if has_minimum:
                                pair[T.Ramp(0, 1, 2)] = widen_pair(s[column, (step * WORKERS + worker) // words])
                                total[0] = total[0] + part[0] * pair[0] + plain[0] * pair[1]
                            else:
                                pair[T.Ramp(0, 1, 2)] = widen_pair(s[column, (step * WORKERS + worker) // (words * 2)])
                                total[0] = total[0] + part[0] * T.if_then_else(
                                    (step * WORKERS + worker) // words % 2 == 0, pair[0], pair[1]
                                )
                    partial[thread] = total[0]
                    T.tvm_storage_sync("shared")
                    if worker == 0:
                        total[0] = T.float32(0)
                        for i in T.serial(WORKERS):
                            total[0] = total[0] + partial[thread + i]
                        y[0, 0, column] = total[0]

    return linear_one_token


def prompt(in_features: int, out_features: int, quantization: str):
    form = FORMATS[quantization]
    per_word, words = form.weights_per_word, form.words_per_block
    has_minimum = form.has_minimum
    across = TILE // SIDE  # invocations along a side of the tile
    threads = across * across
    assert out_features % TILE == 0, f"out_features {out_features} must be a multiple of {TILE}"

    @T.prim_func(s_tir=True, private=True)
    def linear_prompt(var_x: T.handle, var_w: T.handle, var_s: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        x = T.match_buffer(var_x, (1, n, in_features), "float32")
        w = T.match_buffer(var_w, (out_features, form.weight_words(in_features)), "uint32")
        s = T.match_buffer(var_s, (out_features, form.scale_words(in_features)), "uint32")
        y = T.match_buffer(var_y, (1, n, out_features), "float32")
        for tile in T.thread_binding((n + TILE - 1) // TILE, thread="blockIdx.y"):
            for group in T.thread_binding(out_features // TILE, thread="blockIdx.x"):
                for thread in T.thread_binding(threads, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        rows = T.sblock_alloc_buffer((TILE * (TILE + 1),), "float32", scope="shared")  # [in, row]
                        columns = T.sblock_alloc_buffer((TILE * (TILE + 1),), "float32", scope="shared")  # [in, column]
                        total = T.sblock_alloc_buffer((SIDE * SIDE,), "float32", scope="local")
                        left = T.sblock_alloc_buffer((SIDE,), "float32", scope="local")
                        right = T.sblock_alloc_buffer((SIDE,), "float32", scope="local")
                        word = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                        pair = T.sblock_alloc_buffer((2,), "float32", scope="local")
                        row: T.let[T.int32] = thread // across * SIDE
                        column: T.let[T.int32] = thread % across * SIDE
                        for i in T.unroll(SIDE * SIDE):
                            total[i] = T.float32(0)
                        for b in T.serial(in_features // TILE):
                            for i in T.serial(TILE * TILE // threads):
                                rows[thread % TILE * (TILE + 1) + i * (threads // TILE) + thread // TILE] = x[
                                    0,
                                    T.min(tile * TILE + i * (threads // TILE) + thread // TILE, n - 1),
                                    b * TILE + thread % TILE,
                                ]
                            for i in T.serial(TILE * words // threads):
                                at: T.let[T.int32] = (i * threads + thread) // words
                                k: T.let[T.int32] = (i * threads + thread) % words
                                word[0] = w[group * TILE + at, b * words + k]
                                if has_minimum:
                                    pair[T.Ramp(0, 1, 2)] = widen_pair(s[group * TILE + at, b])
                                else:
                                    pair[T.Ramp(0, 1, 2)] = widen_pair(s[group * TILE + at, b // 2])
                                    pair[0] = T.if_then_else(b % 2 == 0, pair[0], pair[1])
                                    pair[1] = T.float32(0)
                                for e in T.unroll(per_word):
                                    columns[(k * per_word + e) * (TILE + 1) + at] = (
                                        weight_value(has_minimum, word[0], e) * pair[0] + pair[1]
                                    )
                            T.tvm_storage_sync("shared")
                            for d in T.serial(TILE):
                                for i in T.unroll(SIDE):
                                    left[i] = rows[d * (TILE + 1) + row + i]
                                    right[i] = columns[d * (TILE + 1) + column + i]
                                for i in T.unroll(SIDE):
                                    for j in T.unroll(SIDE):
                                        total[i * SIDE + j] = total[i * SIDE + j] + left[i] * right[j]
                            T.tvm_storage_sync("shared")
                        for i in T.unroll(SIDE):
                            if tile * TILE + row + i < n:
                                for j in T.unroll(SIDE):
                                    y[0, tile * TILE + row + i, group * TILE + column + j] = total[i * SIDE + j]

    return linear_prompt
