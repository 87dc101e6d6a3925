"""Write a random model of 120 kB: `python tiny_model.py FILE`; needs gguf and numpy."""

import sys

import numpy as np  # type: ignore[import-not-found]
from gguf import GGUFWriter, TokenType  # type: ignore[import-not-found]

EMBED, HEADS, FEED, CONTEXT = 32, 4, 64, 4096
LETTERS = [bytes([code]) for code in range(97, 123)] + ["\u2581".encode()]
TOKENS = [b"<unk>", b"<s>", b"</s>", *(f"<0x{code:02X}>".encode() for code in range(256)), *LETTERS]
TYPES = [TokenType.UNKNOWN, *[TokenType.CONTROL] * 2, *[TokenType.BYTE] * 256, *[TokenType.NORMAL] * len(LETTERS)]

chance = np.random.default_rng(7)
model = GGUFWriter(sys.argv[1], "llama")
model.add_context_length(CONTEXT)
model.add_embedding_length(EMBED)
model.add_block_count(1)
model.add_feed_forward_length(FEED)
model.add_head_count(HEADS)
model.add_head_count_kv(HEADS)
model.add_layer_norm_rms_eps(1e-5)
model.add_rope_dimension_count(EMBED // HEADS)
model.add_vocab_size(len(TOKENS))
model.add_tokenizer_model("llama")
model.add_token_list(TOKENS)
model.add_token_scores([0.0] * len(TOKENS))
model.add_token_types(TYPES)
model.add_bos_token_id(1)
model.add_eos_token_id(2)
model.add_unk_token_id(0)
SHAPES = {
    "token_embd": (len(TOKENS), EMBED),
    "output": (len(TOKENS), EMBED),
    "blk.0.ffn_gate": (FEED, EMBED),
    "blk.0.ffn_up": (FEED, EMBED),
    "blk.0.ffn_down": (EMBED, FEED),
    **{f"blk.0.attn_{part}": (EMBED, EMBED) for part in ("q", "k", "v", "output")},
}
for name, shape in SHAPES.items():
    model.add_tensor(f"{name}.weight", chance.normal(0, 0.2, shape).astype(np.float32))
for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
    model.add_tensor(f"{name}.weight", np.ones(EMBED, np.float32))
model.write_header_to_file()
model.write_kv_data_to_file()
model.write_tensors_to_file()
model.close()
