"""The tokenizer that belongs to a text tower, from disk wherever it can be, and checked against the tower."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from ..base.errors import UserError, quote
from ..base.files import expanded
from ..base.offline import is_offline, not_in_cache
from ..trust import opening
from .sources import Source, encoder_folders

# A folder with one of these says how ids, padding and special tokens go; a bare vocabulary doesn't.
_FILES = ("tokenizer.json", "tokenizer_config.json")
# SigLIP's text towers look at the last position, so a wrong padding id changes every embedding.
_PADDING = {"timm/ViT-B-16-SigLIP": 1}
# Texts whose ids, with the vocabulary, stand for how a tokenizer behaves.
_TRIALS = (
    "a", "cat", "Cat", "DOG", "red", "a photo of a cat.", "two small green birds on a blue lake", "field, wild",
    "black-and-white", "snow_leopard", "café", "naïve   façade", "it's", "3 apples & 12 pears!", "zebra (striped)",
    "#1", "St. Bernard", "overalls/dungarees", "ﬁne", "日本", "🙂", "antidisestablishmentarianism", "¿qué?", "x" * 90,
    " ".join(["many words that go past the context"] * 20),
)  # fmt: skip

Tokenizer = Callable[[Sequence[str]], Tensor]


def load_tokenizer(source: Source, given: Path | None, rows: int, role: str) -> tuple[Tokenizer, str]:
    """The tokenizer of `source`, texts -> int64 (n, context), and a digest of how it behaves.

    given: a Hugging Face folder or a merges file (.gz) that the user named. rows: how many token
    embeddings the text tower has. Only built-in open_clip names may fetch a tokenizer, by the name in
    their own configuration; nothing is guessed from a model's name. Raises `UserError` where the
    tokenizer is missing, or can't be the text tower's.
    """
    text = source.model_cfg["text_cfg"]
    given = opening("tokenizer", expanded(given)) if given else None
    if given is not None and not given.exists():
        raise UserError(f"There is no file or folder {given}, which {role}.tokenizer names.")
    hub = text.get("hf_tokenizer_name")
    if hub or (given is not None and given.is_dir()):
        if given is not None and not given.is_dir():
            raise UserError(
                f"The encoder {source.name} has a Hugging Face tokenizer, so {role}.tokenizer must be the folder "
                f"with its {_FILES[0]}, not the file {given}."
            )
        tokenizer, vocabulary, where = _hugging_face(source, given, role)
    else:
        tokenizer, vocabulary, where = _merges(source, given, rows, role)
    try:
        trial = tokenizer(list(_TRIALS))
    except Exception as error:  # a foreign tokenizer may fail on anything, such as having no padding token
        raise UserError(f"The tokenizer from {where} can't be used: {_short(error)}.") from None
    largest = max([int(trial.max()), *vocabulary.values()])
    if largest >= rows:
        raise UserError(
            f"The tokenizer from {where} gives ids up to {largest:,}, but the text tower of "
            f"{source.name} knows {rows:,}: it belongs to another model; set {role}.tokenizer to the right one."
        )
    if hub in _PADDING and int(trial[0, -1]) != _PADDING[hub]:
        raise UserError(
            f"The tokenizer from {where} fills texts up with id {int(trial[0, -1])}, where SigLIP was trained with "
            f"{_PADDING[hub]}: take the tokenizer files of {hub}."
        )
    content = json.dumps([sorted(vocabulary.items()), trial.tolist()])
    return tokenizer, hashlib.sha256(content.encode()).hexdigest()


def _hugging_face(source: Source, given: Path | None, role: str) -> tuple[Tokenizer, dict[str, int], str]:
    text = source.model_cfg["text_cfg"]
    options = dict(text.get("tokenizer_kwargs") or {})
    if options.get("trust_remote_code"):
        raise UserError(
            f"The tokenizer of {source.name} wants to run code of its own, which lexplain never does."
        )
    places = [given] if given else [f for f in source.folders if any((f / n).is_file() for n in _FILES)]
    where = places[0] if places else text["hf_tokenizer_name"]
    if (
        isinstance(where, Path)
        and given is None
        and where not in (encoder_folders[n] for n in encoder_folders)
    ):
        where = opening("tokenizer", where)
    if isinstance(where, Path) and not any((where / n).is_file() for n in _FILES):
        raise UserError(f"The folder {where} has no tokenizer: it needs {' or '.join(_FILES)}.")
    if not places and not source.built_in:
        raise UserError(
            f"The encoder {source.name} needs a Hugging Face tokenizer, and {source.folders[0]} has none: put its "
            f"{_FILES[0]} and {_FILES[1]} there, or set {role}.tokenizer to a folder with them."
        )
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise UserError(
            f"The tokenizer of {source.name} needs the package transformers: `pip install -r requirements.txt`."
        ) from None
    from open_clip.tokenizer import HFTokenizer

    try:
        tokenizer = HFTokenizer(
            str(where),
            context_length=text.get("context_length", 77),
            tokenizer_mode=text.get("tokenizer_mode"),
            **options,
        )
    except Exception as error:  # offline, not found, damaged files, unknown options
        if not places and is_offline():
            raise not_in_cache(f"The files of the tokenizer {where!r}") from None
        how = (
            f"The tokenizer in {where} can't be read ({_short(error)})"
            if places
            else f"The tokenizer {quote(where)} of {source.name} can't be fetched ({_short(error)})"
        )
        raise UserError(
            f"{how}: put its {_FILES[0]} and {_FILES[1]} in a folder and set {role}.tokenizer to it."
        ) from None
    added = tokenizer.tokenizer.get_added_vocab()  # such as T5's fillers: ordinary text never gives them
    vocabulary = {word: i for word, i in tokenizer.tokenizer.get_vocab().items() if word not in added}
    return tokenizer, vocabulary, str(where)


def _merges(
    source: Source, given: Path | None, rows: int, role: str
) -> tuple[Tokenizer, dict[str, int], str]:
    from open_clip.tokenizer import SimpleTokenizer

    text = source.model_cfg["text_cfg"]
    options = dict(text.get("tokenizer_kwargs") or {})
    if given is not None:
        options["bpe_path"] = str(given)
    where = options.get("bpe_path", "open_clip's own merges")
    try:
        tokenizer = SimpleTokenizer(context_length=text.get("context_length", 77), **options)
    except Exception as error:  # not gzip, not text, unknown options
        raise UserError(f"The tokenizer from {where} can't be read: {_short(error)}.") from None
    if "bpe_path" not in options and not source.built_in and tokenizer.vocab_size != rows:
        raise UserError(
            f"The text tower of {source.name} knows {rows:,} tokens and open_clip's own tokenizer has "
            f"{tokenizer.vocab_size:,}: set {role}.tokenizer to the folder or merges file of its own."
        )
    return tokenizer, tokenizer.encoder, str(where)


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")[:200]
