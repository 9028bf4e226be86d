"""Rules on `spec.model`: the base model and the initial adapter."""

import hashlib
import re
from itertools import islice
from pathlib import Path

from fedtrain.api.base_model_folder import ADAPTER_FILES, CONFIG, not_a_base
from fedtrain.api.model import InitialFrom, Model, TargetModules
from fedtrain.api.places import base_kind, is_file, is_folder, scheme
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.disk import denied, folder_problem
from fedtrain.api.rules.rule import Cel, Violations, broken, quoted, regex, rule
from fedtrain.api.rules.unique import unique
from fedtrain.api.rules.uris import (
    SCHEME,
    SCHEMES,
    SUPPORTED,
    bucket_is_valid,
    path_is_absolute,
    s3_only_with_bucket,
    scheme_is_supported,
)
from fedtrain.api.unread_paths import UNREAD, advice

HUB_ID = "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
COMMIT = "^[0-9a-f]{40}$"
RELATIVE = r"^([.~]|file://[^/]|[^:/]+/[^/]*/)"
"""A base that looks like a relative path. Without a disk to look at, `org/name` is a Hugging Face model id."""

_NOT_A_PATH = f"!self.base.matches({regex('^[./~]|^[A-Za-z][A-Za-z0-9+.-]*://|^(?i:s3):|/.*/')})"
_IS_ID = f"{_NOT_A_PATH} && self.base.matches({regex(HUB_ID)})"
_OTHER_SCHEME = f"(self.base.matches({regex(SCHEME)}) && !self.base.matches({regex(SUPPORTED)}))"
_LOOKED_AT = 1000
"""Folders in a directory that are looked into for a base model."""
_ID_OR_DIRECTORY = "Use `org/name` or `./directory`"
_COMMIT_FIX = "the 40-digit commit from https://huggingface.co/{base}/commits/main"


def _is_id(model: Model, context: Context) -> bool:
    return base_kind(model.base, context.folder) == "Hub" and re.search(HUB_ID, model.base) is not None


def _broken_folder(path: Path, uri: str, *files: str) -> Violations:
    if problem := folder_problem(path, uri, *files):
        yield broken(problem=problem[0], use=problem[1])


base_scheme = scheme_is_supported(Model, "base", "a model id such as `org/name`, a path, or `s3://bucket/prefix`")
base_bucket = bucket_is_valid(Model, "base")
model_s3 = s3_only_with_bucket(Model, "base", "adapter.initialFrom.uri")


@rule(
    Model,
    "base",
    message="{base} is neither a model id on Hugging Face nor a directory.",
    fix="{use}.",
    cel=Cel(
        valid=f"!({_NOT_A_PATH}) || self.base.matches({regex(HUB_ID)})",
        values={
            "base": "self.base",
            "use": "".join(f"self.base.contains({quoted(part)}) ? {quoted(fix)} : " for part, fix in UNREAD.items())
            + quoted(_ID_OR_DIRECTORY),
        },
    ),
)
def base_is_id_or_directory(model: Model, context: Context) -> Violations:
    """A base that is neither a directory nor `s3://bucket/prefix` is a model id on Hugging Face."""
    if base_kind(model.base, context.folder) == "Hub" and not re.search(HUB_ID, model.base):
        yield broken(base=model.base, use=advice(model.base) or _ID_OR_DIRECTORY)


@rule(
    Model,
    "base",
    message="{base} is a relative path, which pods cannot resolve.",
    fix="Use an absolute path inside the pods, `s3://bucket/prefix`, or a model id on Hugging Face.",
    cel=Cel(valid=f"!self.matches({regex(RELATIVE)})", values={"base": "self"}, of_field=True),
    scope="Cluster",
)
def base_is_absolute(model: Model, context: Context) -> Violations:
    """On a cluster, a base that is a directory has an absolute path."""
    if re.search(RELATIVE, model.base):
        yield broken(base=model.base)


@rule(
    Model,
    "revision",
    message="revision is required because {base} is a model id on Hugging Face, and its files can change.",
    fix=f"Set it to {_COMMIT_FIX}; if {{base}} is a directory, write `base: ./{{base}}`.",
    cel=Cel(valid=f"!({_IS_ID}) || has(self.revision)", values={"base": "self.base"}),
    reason="FieldValueRequired",
)
def revision_is_set(model: Model, context: Context) -> Violations:
    """A base from Hugging Face has a `revision`."""
    if _is_id(model, context) and model.revision is None:
        yield broken(base=model.base)


@rule(
    Model,
    "revision",
    message="{revision} is not a full commit id, so it can change.",
    fix=f"Set it to {_COMMIT_FIX}.",
    cel=Cel(
        valid=f"!({_IS_ID}) || !has(self.revision) || self.revision.matches({regex(COMMIT)})",
        values={"revision": "self.revision", "base": "self.base"},
    ),
)
def revision_is_a_commit(model: Model, context: Context) -> Violations:
    """A `revision` is a commit of 40 hexadecimal digits: branches and tags can change."""
    if _is_id(model, context) and model.revision is not None and not re.search(COMMIT, model.revision):
        yield broken(revision=model.revision, base=model.base)


@rule(
    Model,
    "revision",
    message="`revision` is allowed only with a model id such as `org/name`, but `base` is the {kind} {base}.",
    fix="Remove `revision`, or write the model id in `base`.",
    cel=Cel(
        valid=f"!has(self.revision) || {_NOT_A_PATH} || {_OTHER_SCHEME}",
        values={
            "base": "self.base",
            "kind": f"(self.base.matches({regex(SCHEME)}) && !self.base.startsWith('file://') ? 'bucket' : "
            "'directory')",
        },
    ),
    reason="FieldValueForbidden",
    at_key=True,
)
def revision_only_with_id(model: Model, context: Context) -> Violations:
    """A base that is a directory or in a bucket has no `revision`."""
    kind = base_kind(model.base, context.folder)
    if model.revision is not None and kind != "Hub" and scheme(model.base) in SCHEMES:
        yield broken(base=model.base, kind="directory" if kind == "Folder" else "bucket")


@rule(
    Model,
    "base",
    message="{problem}.",
    fix="{use}.",
    scope="Disk",
)
def base_exists(model: Model, context: Context) -> Violations:
    """A base that looks like a path is a directory that the user may read."""
    if model.revision is not None:
        return  # the rule on revision says that a directory has none, or asks for a model id
    if base_kind(model.base, context.folder) == "Folder":
        yield from _broken_folder(Path(context.resolve(model.base)), model.base, CONFIG)


@rule(
    Model,
    "base",
    message="{folder} contains {contents}.",
    fix="{use}.",
    scope="Disk",
)
def base_is_a_model(model: Model, context: Context) -> Violations:
    """A base that is a directory contains a `config.json`."""
    folder = Path(context.resolve(model.base))
    if base_kind(model.base, context.folder) != "Folder" or not is_folder(folder):
        return
    if denied(folder / CONFIG) is None and (contents := not_a_base(folder)) is not None:
        use = "Use a directory that `save_pretrained` of transformers wrote"
        if below := [one.name for one in islice(folder.iterdir(), _LOOKED_AT) if is_file(one / CONFIG)]:
            use = f"Use `{model.base.rstrip('/') or ''}/{min(below)}`"
        if is_file(folder / ADAPTER_FILES[0]):
            use = "Use the base model of the adapter"
        if is_file(weights := folder / ADAPTER_FILES[1]) and denied(weights) is None:
            with weights.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            use += "; to start from the adapter, also add "
            use += f'`initialFrom: {{uri: {model.base}, digest: "sha256:{digest}"}}` to spec.model.adapter'
        yield broken(folder=folder, contents=contents, use=use)


initial_scheme = scheme_is_supported(InitialFrom, "uri")
initial_bucket = bucket_is_valid(InitialFrom, "uri")
initial_path = path_is_absolute(InitialFrom, "uri")


@rule(
    InitialFrom,
    "uri",
    message="{problem}.",
    fix="{use}.",
    scope="Disk",
)
def initial_adapter_exists(initial: InitialFrom, context: Context) -> Violations:
    """`adapter.initialFrom.uri`, if it is a path, is a folder that the user may read."""
    if scheme(initial.uri) == "file":
        yield from _broken_folder(Path(context.resolve(initial.uri)), initial.uri, *ADAPTER_FILES)


@rule(
    InitialFrom,
    "uri",
    message="{folder} is not a PEFT adapter: it contains no {files}.",
    fix="Name the folder of an adapter: one that `fedtrain export` or `save_pretrained` of PEFT wrote.",
    scope="Disk",
)
def initial_adapter_is_complete(initial: InitialFrom, context: Context) -> Violations:
    """`adapter.initialFrom.uri`, if it is a path, contains `adapter_model.safetensors` and `adapter_config.json`."""
    folder = Path(context.resolve(initial.uri))
    if scheme(initial.uri) == "file" and is_folder(folder):
        files = (folder / file for file in ADAPTER_FILES)
        lacking = [file.name for file in files if denied(file) is None and not is_file(file)]
        if lacking:
            yield broken(folder=folder, files=" and no ".join(lacking))


target_modules_are_unique = unique(TargetModules, "names", "module")
