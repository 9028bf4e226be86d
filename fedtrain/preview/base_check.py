"""Checks a base model on this machine without loading it: settings, tokenizer, chat template, weights' headers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedtrain.adapters.header import TensorEntry
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.paths import Path as FieldPath
from fedtrain.data.base_files import BaseFiles, read_base
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row, varied
from fedtrain.listing import listed
from fedtrain.plurals import form, several
from fedtrain.preview.adapter_coverage import TIED_HEAD, Coverage, coverage, unknown_targets
from fedtrain.preview.config_check import config_problems
from fedtrain.preview.rendered_rows import RenderedRows, Renderer
from fedtrain.preview.row_lengths import Lengths
from fedtrain.preview.vocabulary_check import vocabulary_problems

BASE: FieldPath = ("spec", "model", "base")
_PATTERN = re.compile(r"[*+?^$|()\[\]\\]")
"""Signs of regular expressions, which names of layers do not have."""
MAX_LENGTH: FieldPath = ("spec", "data", "maxLength")
MOST_ROWS = 1000
"""Rows that the chat template is tried on, and one of each further kind."""
TARGETS: FieldPath = ("spec", "model", "adapter", "targetModules")


@dataclass(frozen=True)
class BaseProblem:
    """`path`: the field of the training to change."""

    path: FieldPath
    message: str
    fix: str


@dataclass(frozen=True)
class CheckedBase:
    """`summary`: one line of facts; None if the weights cannot be read."""

    problems: tuple[BaseProblem, ...]
    summary: str | None
    notes: tuple[str, ...]
    tensors: tuple[TensorEntry, ...] = ()


def rendered_rows(folder: Path, spec: FederatedTrainingSpec) -> RenderedRows | None:
    """Return what counts faults of rows as the model sees them; None if rows cannot be written so on this machine."""
    try:
        base, most = read_base(folder), spec.data.max_length
        return RenderedRows(base, spec.model, min(most, base.context or most))
    except (ImportError, DataError):  # reported as a problem
        return None


def check_base(
    folder: Path, spec: FederatedTrainingSpec, sample: Sequence[Row], rendered: RenderedRows | None = None
) -> CheckedBase:
    """Check the base model in `folder`. `sample`: rows to try the chat template on. `rendered`: has counted all."""
    base, sample = read_base(folder), varied(sample, MOST_ROWS)
    problems = [BaseProblem(BASE, message, fix) for message, fix in base.faults]
    problems += [BaseProblem(BASE, message, fix) for message, fix in config_problems(base)]
    template = list(_template_problems(base, spec, sample))
    counted = tuple(_row_notes(spec, rendered, base.context)) if rendered is not None else ()
    if rendered is not None and rendered.error is not None and not template:
        template = [_of_data(rendered.error)]
    lengths = rendered.lengths() if rendered is not None else None
    problems += [BaseProblem(BASE, message, fix) for message, fix in vocabulary_problems(base, lengths)]
    problems += [*template, *_unreadable_rows(spec, rendered, base.context)]
    if not base.tensors:
        return CheckedBase(tuple(problems), None, counted)
    covered = coverage(base.tensors, spec.model.adapter, is_tied=base.ties_head)
    problems += _target_problems(base, spec)
    notes = (*counted, *_notes(base, spec, covered))
    return CheckedBase(tuple(problems), _summary(base, covered), notes, tuple(base.tensors))


def _template_problems(base: BaseFiles, spec: FederatedTrainingSpec, sample: Sequence[Row]) -> Iterator[BaseProblem]:
    chats = [row for row in sample if "messages" in row.fields]
    if base.chat_template is None:
        if spec.data.format in ("Messages", "ShareGPT") or chats:
            yield BaseProblem(
                BASE,
                f"The data has conversations, but {base.folder} has no chat template.",
                "Choose an instruction-tuned base, or copy the chat_template.jinja of one into the folder.",
            )
        return
    try:
        renderer = Renderer(base)
        for row in sample:
            renderer.examples(row)
    except ImportError:  # jinja2 comes with fedtrain[local]
        return
    except DataError as error:
        yield _of_data(error)


def _more_tokens(longest: int, most: int, context: int | None) -> str:
    """The fix of rows that are cut. `context`: tokens that the base can see."""
    if not context or longest <= context:
        return f"Set `data.maxLength: {longest}`, or shorten the rows."
    shorten = f"the base model reads at most {context:,} tokens, so shorten the rows that have more, or accept the cut"
    return f"{shorten[:1].upper()}{shorten[1:]}." if most >= context else f"Set `data.maxLength: {context}`; {shorten}."


def _lost(spec: FederatedTrainingSpec, found: Lengths) -> str:
    """Return what the rows that are cut lose."""
    if spec.data.format == "Instruction":  # conversations with a chat template
        return "prompts lose their beginning, conversations their end"
    if spec.data.format != "PromptCompletion":
        return "the end is lost"
    answers = f"{several(found.answers, 'answer')} {form(found.answers, 'loses its', 'lose their')} end"
    if found.answers == found.cut:
        return answers
    return f"prompts lose their beginning{f', and {answers}' if found.answers else ''}"


def _row_notes(spec: FederatedTrainingSpec, rendered: RenderedRows, context: int | None) -> Iterator[str]:
    found, most = rendered.lengths(), spec.data.max_length
    if found is not None and found.cut and not (context and most > context):
        dropped = (
            (
                f"; {found.dropped:,} of them {form(found.dropped, 'has', 'have')} no answer left and "
                f"{form(found.dropped, 'is', 'are')} not trained on"
            )
            if found.dropped
            else ""
        )
        yield (
            f"{found.cut:,} of {several(found.rows, 'checked row')} {form(found.cut, 'is', 'are')} longer than "
            f"data.maxLength ({most} tokens; first: {found.first}) and {form(found.cut, 'is', 'are')} cut "
            f"({_lost(spec, found)}){dropped}. "
            f"The longest row has {found.longest:,} tokens. "
            f"{_more_tokens(found.longest, most, context)}"
        )
    yield from rendered.token_notes()


def _unreadable_rows(
    spec: FederatedTrainingSpec, rendered: RenderedRows | None, context: int | None
) -> Iterator[BaseProblem]:
    """Rows that are not cut, because `data.maxLength` is more than the base model reads, and that it cannot read."""
    found, most = rendered.lengths() if rendered is not None else None, spec.data.max_length
    if found is None or not found.cut or not context or most <= context:
        return
    yield BaseProblem(
        MAX_LENGTH,
        f"maxLength is {most}, but the base model reads at most {context} tokens, and {found.cut:,} of "
        f"{several(found.rows, 'checked row')} {form(found.cut, 'is', 'are')} longer (first: {found.first}, the "
        f"longest has {found.longest:,} tokens), so the trainer would refuse {form(found.cut, 'it', 'them')}.",
        f"Set `maxLength: {context}`: longer rows are cut.",
    )


def _of_data(error: DataError) -> BaseProblem:
    return BaseProblem(BASE, f"{error.problem}.", f"{error.fix[:1].upper()}{error.fix[1:]}." if error.fix else "")


def _target_problems(base: BaseFiles, spec: FederatedTrainingSpec) -> Iterator[BaseProblem]:
    experts = sorted(tensor.name for tensor in base.tensors if ".experts." in tensor.name and len(tensor.shape) == 3)
    if spec.model.adapter.target_modules.type == "AllLinear" and experts:
        yield BaseProblem(
            TARGETS,
            f"AllLinear does not adapt experts that are fused in one tensor ({experts[0]}).",
            "Use `{type: Names, names: [...]}` with the linear layers to adapt.",
        )
    for name in unknown_targets(base.tensors, spec.model.adapter):
        linear = ", ".join(f"`{one}`" for one in coverage(base.tensors, None).names)
        pattern = " Names are compared as they are, and as the end of a layer's name; patterns are not supported."
        yield BaseProblem(
            (*TARGETS, "names"),
            f"{name} is not a linear layer of the base model.{pattern if _PATTERN.search(name) else ''}",
            f"Use one or more of {linear}.",
        )


def _summary(base: BaseFiles, covered: Coverage) -> str:
    parameters = sum(tensor.elements for tensor in base.tensors)
    context = f", context {base.context:,} tokens" if base.context else ""
    return (
        f"{base.model_type or 'base model'}, {parameters:,} parameters{context}; adapter: "
        f"{covered.parameters:,} trained parameters for {_layers(covered)}; the base stays frozen"
    )


def _layers(covered: Coverage) -> str:
    names = ", ".join(covered.names) or "no layer"
    share = f"{covered.share:.0%} of the weights in linear layers"
    if not covered.names or covered.untouched:
        return f"{names} ({share})"
    if covered.head is None:
        return f"all linear layers ({names})"
    if covered.head == TIED_HEAD:
        return f"all linear layers except the output head, {TIED_HEAD} ({names})"
    return f"all linear layers except the output head {covered.head} ({names}; {share})"


def _notes(base: BaseFiles, spec: FederatedTrainingSpec, covered: Coverage) -> Iterator[str]:
    if base.context and spec.data.max_length > base.context:
        yield (
            f"data.maxLength is {spec.data.max_length}, but the base model has a context of {base.context} tokens: "
            f"rows of more than {base.context} tokens are refused, not cut. Set it to {base.context} or less."
        )
    untouched = [name for name in covered.untouched if name not in covered.names]
    if untouched:
        head = " and the output head" if covered.head is not None else ""
        yield f"The adapter does not change the linear layers {', '.join(untouched)}{head}."
    if partly := [name for name in covered.untouched if name in covered.names]:
        yield (
            f"The adapter changes {listed(partly)} in some of the model's layers only. To change all of them, write "
            f"`{'`, `'.join(partly)}` in adapter.targetModules.names."
        )
    rank = spec.model.adapter.rank
    if covered.smallest is not None and rank > covered.smallest:
        yield (
            f"model.adapter.rank is {rank}, but the smallest dimension of an adapted layer is {covered.smallest}: a "
            f"change of its weight has at most this rank. Set it to {covered.smallest} or less."
        )
