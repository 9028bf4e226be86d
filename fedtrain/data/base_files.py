"""Reads the files of a base model that say what it is: settings, tokenizer, and the headers of the weights."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import HeaderFile, TensorEntry, read_header
from fedtrain.api.rules.disk import denied
from fedtrain.data import git_lfs
from fedtrain.data.errors import DataError
from fedtrain.data.tokenizer_vocabulary import AddedToken, added_tokens, vocabulary

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")
WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
_TOKENIZER_SETTINGS = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_WITHOUT_DEFAULTS = ("TokenizersBackend", "PreTrainedTokenizerFast", "PreTrainedTokenizer")
"""Classes of tokenizers with no other special tokens than those that the settings name."""
_CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


@dataclass
class BaseFiles:
    """`faults`: problems and fixes. `end_tokens`: texts of the special tokens that its settings name.
    `added_tokens`: all tokens that were added to the vocabulary. `vocabulary`: the ids of all other tokens; empty if
    tokenizer.json does not list them."""

    folder: Path
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    chat_template: str | None = None
    chat_template_file: str = ""
    special_tokens: dict[str, str] = field(default_factory=dict[str, str])
    end_tokens: tuple[str, ...] = ()
    added_tokens: dict[str, AddedToken] = field(default_factory=dict[str, AddedToken])
    vocabulary: dict[str, int] = field(default_factory=dict[str, int])
    lacks_end_of_text: bool = False
    """Whether the settings say that the tokenizer has no end-of-sequence token."""
    tensors: list[TensorEntry] = field(default_factory=list[TensorEntry])

    @property
    def added_ids(self) -> dict[str, int]:
        """The ids of the added tokens, as far as they are known."""
        return {text: token.number for text, token in self.added_tokens.items() if token.number is not None}

    @property
    def model_type(self) -> str | None:
        found = self.config.get("model_type")
        return found if isinstance(found, str) else None

    @property
    def ties_head(self) -> bool:
        """Whether its settings say that the output head shares the embedding's weights."""
        return self._text.get("tie_word_embeddings") is True or self.config.get("tie_word_embeddings") is True

    @property
    def context(self) -> int | None:
        """Number of tokens that the model can see; None if its settings do not say."""
        return next((self._text[name] for name in _CONTEXT if isinstance(self._text.get(name), int)), None)

    @property
    def _text(self) -> dict[str, Any]:
        """Settings of the language model."""
        nested = self.config.get("text_config")
        return cast("dict[str, Any]", nested) if isinstance(nested, dict) else self.config


def read_base(folder: Path) -> BaseFiles:
    """Read the files in `folder`. What is missing or malformed is in `faults`."""
    base = BaseFiles(folder)
    base.config = _object(base, "config.json") or {}
    _read_tokenizer(base)
    _read_weights(base)
    return base


def chat_template_in(folder: Path) -> str | None:
    """Return the chat template of the base model in `folder`; None if it has none or its settings are malformed."""
    base = BaseFiles(folder)
    return _template(base, (_object(base, _TOKENIZER_SETTINGS) or {}).get("chat_template"))


def _read_tokenizer(base: BaseFiles) -> None:
    present = [name for name in TOKENIZERS if (base.folder / name).is_file()]
    if not present:
        base.faults.append(
            (
                f"{base.folder} contains no tokenizer.",
                "Copy tokenizer.json, or tokenizer.model, into it from the source of the model.",
            )
        )
    found = _object(base, "tokenizer.json")
    if found is not None and "model" not in found:
        base.faults.append((f"{base.folder / 'tokenizer.json'} describes no tokenizer.", "Copy the base model again."))
    settings = _object(base, _TOKENIZER_SETTINGS) or {}
    tokens = (_object(base, "special_tokens_map.json") or {}) | settings
    base.special_tokens = {name: text for name, value in tokens.items() if (text := _token(name, value)) is not None}
    base.end_tokens = tuple({*base.special_tokens.values(), *_other_special_tokens(tokens)})
    base.added_tokens, every = added_tokens(found or {}, settings), vocabulary(found or {})
    base.vocabulary = {token: number for token, number in every.items() if token not in base.added_ids}
    base.lacks_end_of_text = settings.get("tokenizer_class") in _WITHOUT_DEFAULTS and "eos_token" not in tokens
    base.lacks_end_of_text |= "eos_token" in tokens and "eos_token" not in base.special_tokens
    base.chat_template = _template(base, settings.get("chat_template"))


def _other_special_tokens(tokens: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of special tokens that have no name."""
    yield from (text for text, token in added_tokens({}, tokens).items() if token.is_special)
    for name in ("additional_special_tokens", "extra_special_tokens"):
        listed: object = tokens.get(name)
        for one in cast("list[Any]", listed) if isinstance(listed, list) else ():
            if (text := _token("_token", one)) is not None:
                yield text


def _template(base: BaseFiles, configured: object) -> str | None:
    file = base.folder / _TEMPLATE
    base.chat_template_file = _TEMPLATE if file.is_file() else _TOKENIZER_SETTINGS
    if file.is_file():
        return None if _is_unreadable(base, file) else file.read_text(encoding="utf-8", errors="replace")
    if isinstance(configured, list):
        named = {one.get("name"): one.get("template") for one in cast("list[dict[str, Any]]", configured)}
        configured = named.get("default")
    return configured if isinstance(configured, str) and configured else None


def _token(name: str, value: Any) -> str | None:
    """Return the text of a special token: a text, or an object with its content."""
    if not name.endswith("_token"):
        return None
    content = cast("dict[str, Any]", value).get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _read_weights(base: BaseFiles) -> None:
    files = [base.folder / WEIGHTS] if (base.folder / WEIGHTS).is_file() else []
    if (index := _object(base, INDEX)) is not None:
        named = cast("dict[str, str]", index.get("weight_map") or {}).values()
        if files and WEIGHTS not in named:
            base.faults.append(two_weights(base.folder))
        files = [base.folder / name for name in sorted(set(named))]
    for file in files:
        if not file.is_file():
            base.faults.append((f"{file} is missing, but {INDEX} names it.", "Copy the whole base model."))
        elif _is_unreadable(base, file):
            continue
        elif _is_pointer(file):
            base.faults.append(_pointer_fault(file))
        else:
            _read_header(base, file)
    if not files:
        fix = "Use a folder that `save_pretrained` of transformers wrote."
        if list(base.folder.glob("*.bin")):
            fix = "Load the model with transformers and save it with `save_pretrained`, which writes them."
        base.faults.append((f"{base.folder} contains no weights ({WEIGHTS}).", fix))


def _read_header(base: BaseFiles, file: Path) -> None:
    try:
        base.tensors += read_header(HeaderFile(file), str(file)).values()
    except AdapterFileError as error:  # names the file
        base.faults.append((str(error), "Copy the base model again."))
    except OSError as error:
        base.faults.append((f"{file} cannot be read: {error.strerror}.", "Check its permissions."))


def _object(base: BaseFiles, name: str) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if it is missing or malformed."""
    file = base.folder / name
    if not file.is_file() or _is_unreadable(base, file):
        return None
    if _is_pointer(file):
        base.faults.append(_pointer_fault(file))
        return None
    try:
        found: object = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    base.faults.append((f"{file} is not a JSON object.", "Copy the base model again."))
    return None


def _pointer_fault(file: Path) -> tuple[str, str]:
    return f"{file} is {git_lfs.IS_POINTER}.", f"{git_lfs.FIX[0].upper()}{git_lfs.FIX[1:]}."


def _is_unreadable(base: BaseFiles, file: Path) -> bool:
    """Whether this user may not read the file, which is then a fault."""
    if (problem := denied(file)) is None:
        return False
    if (fault := (f"{problem[0]}.", f"{problem[1]}.")) not in base.faults:
        base.faults.append(fault)
    return True


def _is_pointer(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(git_lfs.POINTER)) == git_lfs.POINTER


def tensors_of(files: list[Path]) -> Iterator[TensorEntry]:
    """Yield the tensors of safetensors files. Raises OSError, AdapterFileError."""
    for file in files:
        yield from read_header(HeaderFile(file), str(file)).values()


def two_weights(folder: Path) -> tuple[str, str]:
    """The fault of a folder with one file of weights beside an index of others, and its fix. transformers loads the one
    file, but where a base is downloaded, the files of the index."""
    return f"{folder} contains {WEIGHTS} and {INDEX}, which names other files.", "Remove one of the two."


def weight_files(folder: Path) -> list[str]:
    """Return the names of the weight files that the index in `folder` lists. Raises DataError for an invalid index, and
    for one file of weights beside it."""
    index = folder / INDEX
    if not index.is_file():
        return [WEIGHTS]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"model.base: {index}: invalid index of weights", "save the model again") from error
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise DataError(f"model.base: {index}: weight_map must name files in this folder", "save the model again")
    if WEIGHTS not in names and (folder / WEIGHTS).is_file():
        problem, fix = two_weights(folder)
        raise DataError(f"model.base: {problem.rstrip('.')}", fix[:1].lower() + fix[1:].rstrip("."))
    return names
