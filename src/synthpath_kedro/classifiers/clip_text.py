"""The text half of CLIP: a tokenizer and the class names' embeddings, computed once and then only remembered."""

import gzip
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer

from synthpath_kedro.errors import InputError

_TOKENIZER_FILES = ("tokenizer.json", "vocab.json")
_START, _END = "<|startoftext|>", "<|endoftext|>"
# The file lists more merges than OpenAI's CLIP was trained with.
_N_MERGES = 49152 - 256 - 2


def tokenizer_of(folder: Path | None) -> CLIPTokenizer:
    """The tokenizer that lies in ``folder`` with the weights, else OpenAI's, from the installed open_clip_torch."""
    if folder is not None and any((folder / name).is_file() for name in _TOKENIZER_FILES):
        try:
            return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, TypeError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"cannot read the tokenizer in {folder} ({reason}); give whole tokenizer files") from error
    return bundled_tokenizer()


@cache
def bundled_tokenizer() -> CLIPTokenizer:
    """OpenAI's byte-pair tokenizer, from the vocabulary that the open_clip_torch wheel carries."""
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise InputError("CLIP's vocabulary is missing: the package open_clip_torch is not installed; run make setup")
    with gzip.open(Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as stream:
        lines = stream.read().split("\n")[1 : _N_MERGES + 1]
    merges = [(left, right) for left, right in (line.split() for line in lines)]
    letters = list(_byte_letters().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(left + right for left, right in merges)]
    vocabulary = {word: index for index, word in enumerate([*words, _START, _END])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges)  # type: ignore[arg-type] # it takes pairs


def _byte_letters() -> dict[int, str]:
    """A printable letter for each byte, as GPT-2's byte-level vocabulary has them; printable bytes first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + index) for index, byte in enumerate(others)}


@torch.no_grad()
def text_embeddings(
    network: CLIPModel, tokenizer: CLIPTokenizer, prompt: str, class_names: Sequence[str]
) -> Float[Tensor, "classes embedding"]:
    """Embeddings of unit length of ``prompt`` with each class's name in it."""
    texts = [prompt.replace("{class_name}", name) for name in class_names]
    length = network.text_model.config.max_position_embeddings
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
    network.eval()
    pooled = network.text_model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).pooler_output
    return F.normalize(network.text_projection(pooled), dim=-1)
