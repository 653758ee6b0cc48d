"""A Llama forward pass in numpy (float64), the golden standard of the check. Takes a Hugging Face state dict."""

import numpy

from training.package.webgpu_library.llama_config import LlamaConfig


def rms_norm(x, weight, epsilon):
    return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def rotate(x, theta):
    """Rotary embedding over positions 0..n-1, halves layout (as in Hugging Face). x: [n, heads, d]."""
    n, _, d = x.shape
    angle = numpy.arange(n)[:, None] / theta ** (numpy.arange(0, d, 2) / d)
    cos, sin = numpy.cos(angle)[:, None, :], numpy.sin(angle)[:, None, :]
    first, second = x[..., : d // 2], x[..., d // 2 :]
    return numpy.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def forward(config: LlamaConfig, state: dict, embeddings: numpy.ndarray) -> numpy.ndarray:
    """Logits of the last position for input embeddings [n, hidden_size]: [vocab_size]."""
    weight = {name: value.astype("f8", copy=False) for name, value in state.items()}
    n, d = len(embeddings), config.head_dim
    groups = config.num_attention_heads // config.num_key_value_heads
    causal = numpy.triu(numpy.full((n, n), -numpy.inf), 1)
    x = embeddings.astype("f8")
    for index in range(config.num_hidden_layers):
        layer = f"model.layers.{index}."
        y = rms_norm(x, weight[layer + "input_layernorm.weight"], config.rms_norm_eps)
        q, k, v = ((y @ weight[f"{layer}self_attn.{part}_proj.weight"].T).reshape(n, -1, d) for part in ("q", "k", "v"))
        q, k = rotate(q, config.rope_theta), rotate(k, config.rope_theta)
        k, v = numpy.repeat(k, groups, 1), numpy.repeat(v, groups, 1)
        score = numpy.einsum("qhd,khd->hqk", q, k) / numpy.sqrt(d) + causal
        score = numpy.exp(score - score.max(-1, keepdims=True))
        mixed = numpy.einsum("hqk,khd->qhd", score / score.sum(-1, keepdims=True), v).reshape(n, -1)
        x = x + mixed @ weight[layer + "self_attn.o_proj.weight"].T
        y = rms_norm(x, weight[layer + "post_attention_layernorm.weight"], config.rms_norm_eps)
        gate = y @ weight[layer + "mlp.gate_proj.weight"].T
        up = y @ weight[layer + "mlp.up_proj.weight"].T
        x = x + (gate / (1 + numpy.exp(-gate)) * up) @ weight[layer + "mlp.down_proj.weight"].T
    last = rms_norm(x[-1], weight["model.norm.weight"], config.rms_norm_eps)
    head = weight["model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"]
    return head @ last
