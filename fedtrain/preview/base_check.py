"""Checks a base model on this machine without loading it: settings, tokenizer, chat template, weights' headers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.paths import Path as FieldPath
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row
from fedtrain.preview.adapter_coverage import Coverage, coverage, unknown_targets
from fedtrain.preview.base_files import BaseFiles, read_base

BASE: FieldPath = ("spec", "model", "base")
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


def check_base(folder: Path, spec: FederatedTrainingSpec, sample: Sequence[Row]) -> CheckedBase:
    """Check the base model in `folder`. `sample`: rows to try the chat template on."""
    base = read_base(folder)
    problems = [BaseProblem(BASE, message, fix) for message, fix in base.faults]
    problems += _template_problems(base, spec, sample)
    if not base.tensors:
        return CheckedBase(tuple(problems), None, ())
    covered = coverage(base.tensors, spec.model.adapter)
    problems += _target_problems(base, spec)
    return CheckedBase(tuple(problems), _summary(base, covered), tuple(_notes(base, spec, covered)))


def _template_problems(base: BaseFiles, spec: FederatedTrainingSpec, sample: Sequence[Row]) -> Iterator[BaseProblem]:
    chats = [row for row in sample if "messages" in row.fields]
    if base.chat_template is None:
        if spec.data.format in ("Messages", "ShareGPT") or chats:
            yield BaseProblem(
                BASE,
                f"The data has conversations, but {base.folder} has no chat template.",
                "Add a chat_template.jinja, choose an instruction-tuned base, or write the data as PromptCompletion.",
            )
        return
    if not chats and spec.data.format != "Instruction":
        return
    try:
        from fedtrain.data.chat.conversation import Conversations
        from fedtrain.data.chat.template import ChatTemplate
        from fedtrain.data.formats.instruction import as_conversation
    except ImportError:  # jinja2 comes with fedtrain[local]
        return
    try:
        template = ChatTemplate(base.chat_template, base.special_tokens)
    except DataError as error:
        yield _of_data(error)
        return
    renderer = Conversations(template, base.end_tokens, logs=False)
    for row in [as_conversation(row) if "instruction" in row.fields else row for row in sample]:
        try:
            if "messages" in row.fields:
                renderer.examples(row)
        except DataError as error:
            yield _of_data(error)
            return


def _of_data(error: DataError) -> BaseProblem:
    return BaseProblem(BASE, f"{error.problem}.", f"{error.fix[:1].upper()}{error.fix[1:]}." if error.fix else "")


def _target_problems(base: BaseFiles, spec: FederatedTrainingSpec) -> Iterator[BaseProblem]:
    experts = sorted(tensor.name for tensor in base.tensors if ".experts." in tensor.name and len(tensor.shape) == 3)
    if spec.model.adapter.target_modules.type == "AllLinear" and experts:
        yield BaseProblem(
            TARGETS,
            f"AllLinear does not adapt experts that are fused in one tensor ({experts[0]}).",
            "Use {type: Names, names: [...]} with the linear layers to adapt.",
        )
    for name in unknown_targets(base.tensors, spec.model.adapter):
        linear = ", ".join(coverage(base.tensors, None).names)
        yield BaseProblem((*TARGETS, "names"), f"{name} is not a linear layer of the base model.", f"Use {linear}.")


def _summary(base: BaseFiles, covered: Coverage) -> str:
    parameters = sum(tensor.elements for tensor in base.tensors)
    context = f", context {base.context:,} tokens" if base.context else ""
    return (
        f"{base.model_type or 'base model'}, {parameters:,} parameters{context}; adapter {covered.parameters:,} "
        f"parameters on {', '.join(covered.names) or 'no layer'}: {covered.share:.0%} of the linear parameters"
    )


def _notes(base: BaseFiles, spec: FederatedTrainingSpec, covered: Coverage) -> Iterator[str]:
    if base.context and spec.data.max_length > base.context:
        yield (
            f"data.maxLength is {spec.data.max_length}, but the base model has a context of {base.context} tokens: "
            f"longer rows are refused. Set it to {base.context} or less."
        )
    if covered.untouched:
        yield f"The adapter does not change the linear layers {', '.join(covered.untouched)}."
