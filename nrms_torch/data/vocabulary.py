"""The vocabulary: from an article's text to the rows of the word-embedding table.

A transformer's tokenizer has some 30,000 to 250,000 tokens, of which a news site's titles use few.
The table is cut down to those that occur. The cut is exactly neutral: a row without a gradient
never moves.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from nrms_torch.errors import InputError, first_line
from nrms_torch.files import replacing

PAD, UNKNOWN = "[PAD]", "[UNK]"


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and the tokens kept of it: local token v is the tokenizer's `token_ids[v]` (V,).

    Local token 0 is the tokenizer's token 0, which fills the unknown article's row; `pad` is the
    local token that fills short titles. `transformer` names where more word embeddings come from,
    and is None for a tokenizer trained here, whose tokens are all kept.
    """

    tokenizer: Tokenizer
    token_ids: np.ndarray
    pad: int
    transformer: str | None

    def tokenise(self, texts: list[str], title_size: int) -> np.ndarray:
        """Tokenise texts (U,) to the tokenizer's own ids (U, title_size), cut or padded behind."""
        token_ids = np.full((len(texts), title_size), self.token_ids[self.pad], dtype=np.int64)
        for row, ids in enumerate(_token_lists(self.tokenizer, texts)):
            kept = ids[:title_size]
            token_ids[row, : len(kept)] = kept
        return token_ids

    def covering(self, token_ids: np.ndarray) -> "Vocabulary":
        """Give a vocabulary that also keeps all of `token_ids`, new ones behind the known."""
        new = np.setdiff1d(token_ids, self.token_ids)
        return replace(self, token_ids=np.concatenate([self.token_ids, new]))

    def localise(self, token_ids: np.ndarray) -> np.ndarray:
        """Turn the tokenizer's ids, all of them kept, into local tokens int32 of the same shape."""
        return np.asarray(self._local_tokens[token_ids])

    def tokenise_known(self, texts: list[str], title_size: int) -> tuple[np.ndarray, int]:
        """Tokenise texts (U,) to local tokens int32 (U, title_size), leaving out those not kept.

        That is for a vocabulary that cannot grow. Gives with them how many tokens were left out.
        """
        local = np.full((len(texts), title_size), self.pad, dtype=np.int32)
        left_out = 0
        for row, ids in enumerate(_token_lists(self.tokenizer, texts)):
            in_range = np.array([token for token in ids if token < len(self._local_tokens)], int)
            tokens = self._local_tokens[in_range]
            tokens = tokens[tokens >= 0]
            left_out += len(ids) - len(tokens)
            kept = tokens[:title_size]
            local[row, : len(kept)] = kept
        return local, left_out

    @cached_property
    def _local_tokens(self) -> np.ndarray:
        """The local token of each of the tokenizer's ids, -1 where it is not kept."""
        local = np.full(self.token_ids.max() + 1, -1, dtype=np.int32)
        local[self.token_ids] = np.arange(len(self.token_ids), dtype=np.int32)
        return local

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `vocabulary.json`, which knows both, into `folder`."""
        content = {
            "pad": self.pad,
            "transformer": self.transformer,
            "token_ids": self.token_ids.tolist(),
        }
        tokenizer = self.tokenizer.to_str()
        with replacing(folder / "tokenizer.json") as temporary:
            temporary.write_text(tokenizer, encoding="utf-8")
        with replacing(folder / "vocabulary.json") as temporary:
            known = {**content, "sha256": _hash(tokenizer, content)}
            temporary.write_text(json.dumps(known), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read what `save` wrote; raises InputError where a file is missing or damaged."""
        try:
            names = ("tokenizer.json", "vocabulary.json")
            texts = [(folder / name).read_text(encoding="utf-8") for name in names]
        except OSError as error:
            raise InputError(f"{error.filename}: no such vocabulary file") from error
        except ValueError as error:  # no text
            raise InputError(f"{folder}: damaged vocabulary: {first_line(error)}") from error
        try:
            return cls.parse(*texts)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from error

    @classmethod
    def parse(cls, tokenizer: str, vocabulary: str) -> "Vocabulary":
        """Read the texts of `save`'s files; raises InputError where one is damaged."""
        try:
            content = json.loads(vocabulary)
            if "sha256" in content and content.pop("sha256") != _hash(tokenizer, content):
                raise ValueError("not as it was written")
            token_ids = np.array(content["token_ids"], dtype=np.int64)
            known = Tokenizer.from_str(tokenizer)
            return cls(known, token_ids, content["pad"], content["transformer"])
        except Exception as error:  # tokenizers raises bare Exception for a damaged file
            raise InputError(f"damaged vocabulary: {first_line(error)}") from error


def _hash(tokenizer: str, content: dict[str, Any]) -> str:
    """Give the SHA-256 of what a vocabulary is, which tells a changed byte."""
    return hashlib.sha256(f"{tokenizer}\n{json.dumps(content)}".encode()).hexdigest()


def from_tokenizer(tokenizer: Tokenizer, pad_id: int, transformer: str) -> Vocabulary:
    """Start a vocabulary on a transformer's tokenizer with token 0 and its padding alone."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = np.unique([0, pad_id])
    return Vocabulary(tokenizer, ids, int(np.searchsorted(ids, pad_id)), transformer)


def train_vocabulary(texts: list[str], size: int = 30_000) -> Vocabulary:
    """Train a byte-pair tokenizer of at most `size` tokens on `texts`, case folded.

    Equal texts give equal tokenizers, so that every rank may train its own.
    Raises InputError where the texts hold no word.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    # Words are marked at their beginning: marked at their end, by end_of_word_suffix, the trainer
    # numbers the marked letters in a hash map's order, and every training gives another tokenizer.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[PAD, UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() <= 2:
        raise InputError("articles: their titles hold no word to train a tokenizer on")
    token_ids = np.arange(tokenizer.get_vocab_size(), dtype=np.int64)
    return Vocabulary(tokenizer, token_ids, pad=0, transformer=None)


def _token_lists(tokenizer: Tokenizer, texts: list[str]) -> Iterator[list[int]]:
    """Tokenise in batches: encodings of many long texts at once would take gigabytes."""
    for start in range(0, len(texts), 10_000):
        batch = tokenizer.encode_batch(texts[start : start + 10_000], add_special_tokens=False)
        yield from (encoding.ids for encoding in batch)
