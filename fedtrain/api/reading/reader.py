"""Read a file: text, documents, models, rules. All errors are reported at once."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path as File
from typing import Any, TypeVar

from fedtrain.api.base import API_VERSION, Block
from fedtrain.api.data_files import file_type
from fedtrain.api.federated_training import FederatedTraining, FederatedTrainingSpec
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.paths import Path
from fedtrain.api.reading.adapter_digest import without_digests_of_nothing
from fedtrain.api.reading.document_model import read_model
from fedtrain.api.reading.documents import Documents, Located
from fedtrain.api.reading.errors import NO_TRAINING, FieldError, Invalid
from fedtrain.api.reading.federation import Federation
from fedtrain.api.reading.fields_beside_spec import with_fields_in_spec
from fedtrain.api.reading.formatting import is_map, shown
from fedtrain.api.reading.indentation import with_fields_in_blocks
from fedtrain.api.reading.kinds import KINDS
from fedtrain.api.reading.named_items import named_item
from fedtrain.api.reading.other_changes import missing_unit
from fedtrain.api.reading.source import read_text
from fedtrain.api.rules.context import Context, Found, Place
from fedtrain.api.rules.validate import has_no_policies, validate
from fedtrain.api.similar_words import nearest
from fedtrain.quoting import quoted

B = TypeVar("B", bound=Block)

_UNIT = ("spec", "privacy", "unit")


def read_file(
    path: File,
    *more: File,
    elsewhere: bool = False,
    policies_elsewhere: bool = False,
    judged: bool = True,
    data_elsewhere: Collection[str] = (),
) -> Federation:
    """Return the federation that a file describes, together with `more` files. Raises Invalid with all errors.
    `elsewhere`: the files are for a cluster, so paths are those of pods and objects of other APIs are ignored.
    `policies_elsewhere`: policies of participants may be missing. `judged`: whether to check the rules; types are
    enough to find a run. `data_elsewhere`: as in `Context`."""
    return _Reader((path, *more), elsewhere, policies_elsewhere, judged, frozenset(data_elsewhere)).read()


class _Reader:
    def __init__(
        self,
        paths: tuple[File, ...],
        elsewhere: bool,
        policies_elsewhere: bool,
        judged: bool,
        data_elsewhere: frozenset[str],
    ) -> None:
        self.path, *self.more = paths
        self.elsewhere = elsewhere
        self.policies_elsewhere = policies_elsewhere
        self.judged = judged
        self.data_elsewhere = data_elsewhere
        self.files: list[File] = []  # of each document
        self.errors: list[FieldError] = []
        self.documents: list[Located] = []
        self.training: list[Found[FederatedTraining]] = []
        self.policies: list[Found[ParticipantPolicy]] = []
        self.records: list[Found[ParticipantRecord]] = []

    def read(self) -> Federation:
        for path in (self.path, *self.more):
            self._parse(path)
        strange = [number for number in range(len(self.documents)) if not self._document(number)]
        alone: tuple[str, ...] = ()
        if not strange and not self.training and (self.documents or not self.errors):
            fix = "Add the file with the training." if self.elsewhere else "Add one; `fedtrain init` writes an example."
            alone = self._check_without_training() if self.judged else ()
            if alone and not self.elsewhere:
                fix = f"Name the file of the training. `fedtrain validate {quoted(self.path)}` checks this one alone."
            self._flaw(self.path, 0, 0, NO_TRAINING, fix)
        self._check_single_training()
        without_policies = False
        if self.training and self.judged:
            folder = self.path.absolute().parent
            policies, records = tuple(self.policies), tuple(self.records)
            context = Context(self.training[0], policies, folder, records, self.data_elsewhere)
            elsewhere = self.policies_elsewhere or bool(strange)  # a document of an unknown kind may be the policy
            of_types, self.errors = self.errors, []
            for problem in validate(context, cluster=self.elsewhere, policies_elsewhere=elsewhere):
                self._error(problem.place, problem.message, problem.fix, key=problem.at_key)
            judged = {error.position for error in self.errors}  # a rule knows the other names of the file
            self.errors, of_types = without_digests_of_nothing(self.errors, of_types)
            self.errors += [error for error in of_types if error.position not in judged]
            self.errors = [self._with_all_of_unit(error) for error in self.errors]
            without_policies = has_no_policies(context) and not self.policies_elsewhere
        if self.errors:
            raise Invalid(self.errors, without_policies, alone)
        training = self.training[0]
        return Federation(
            path=self.path.absolute(),
            training=training.value,
            policies={found.value.metadata.name: found.value for found in self.policies},
            records={found.value.metadata.name: found.value for found in self.records},
            error_at=lambda path, message, fix: self._located(training.place.at(*path), message, fix),
        )

    def _check_without_training(self) -> tuple[str, ...]:
        """Check policies and Participants alone. Returns the kind and the name of each; none if the file has no such
        document."""
        empty = FederatedTraining.model_construct(spec=FederatedTrainingSpec.model_construct())
        policies, records = tuple(self.policies), tuple(self.records)
        context = Context(Found(empty, Place(-1, ())), policies, self.path.absolute().parent, records)
        found = validate(context, cluster=self.elsewhere, policies_elsewhere=True)
        for problem in [one for one in found if one.place.document >= 0]:
            self._error(problem.place, problem.message, problem.fix, key=problem.at_key)
        named = [(one.value.kind, getattr(one.value, "metadata", None)) for one in (*policies, *records)]
        return tuple(f"{kind} {getattr(metadata, 'name', '?')}" for kind, metadata in named)

    def _with_all_of_unit(self, error: FieldError) -> FieldError:
        """A missing `privacy.unit` with what each unit needs elsewhere in the file."""
        if error.path != _UNIT or error.value is not None:
            return error
        training = self.training[0]
        document = self.documents[training.place.document]
        fix = missing_unit(training, self.path.absolute().parent, document)
        return error if fix is None else replace(error, fix=fix)

    def _check_single_training(self) -> None:
        """Add an error for each training after the first."""
        for extra in self.training[1:]:
            place = extra.place.at("kind")
            if self.files[place.document] == self.files[self.training[0].place.document]:
                self._error(place, "The file contains a second FederatedTraining.", "Move it to another file.")
            else:
                count = "two" if len(self.training) == 2 else str(len(self.training))
                self._error(place, f"There are {count} FederatedTrainings in these files.", "Check one at a time.")

    def _parse(self, path: File) -> None:
        parsed = Documents(read_text(path))
        for flaw in parsed.flaws:
            self._flaw(path, *flaw.spot, flaw.message, flaw.fix, flaw.path)
        if not parsed.found and not parsed.flaws:
            self._flaw(path, 0, 0, "The file contains only comments.", "Run `fedtrain init` to write an example.")
        ours = [document for document in parsed.found if not (self.elsewhere and _foreign(document))]
        self.documents += ours
        self.files += [path] * len(ours)

    def _document(self, number: int) -> bool:
        """Read one document. False if its kind is unknown."""
        document, place = self.documents[number], Place(number, ())
        if not is_map(document.value):
            data = file_type(self.files[number].name) is not None
            fix = "Name the federation's YAML file instead." if data else "Begin it with `apiVersion:` and `kind:`."
            self._error(place, f"The document is {shown(document.value)}, not a map.", fix)
            return False
        raw, kind = document.value, document.value.get("kind")
        misspelt = {name: near for name in ("apiVersion", "kind") if name not in raw and (near := _near(name, raw))}
        for name, near in misspelt.items():
            self._error(place.at(near), f"{near} is not a field of the document.", f"Did you mean `{name}`?", key=True)
        if raw.get("apiVersion") != API_VERSION and "apiVersion" not in misspelt:
            self._expected(place.at("apiVersion"), raw.get("apiVersion"), (API_VERSION,))
        if not isinstance(kind, str) or kind not in KINDS:
            if "kind" not in misspelt:
                self._expected(place.at("kind"), kind, KINDS)
            return False
        self.documents[number], outdented = with_fields_in_blocks(KINDS[kind], document)
        self.documents[number], beside = with_fields_in_spec(KINDS[kind], self.documents[number])
        for block in (*outdented, *beside):
            self._error(place.at(*block.path), block.message, block.fix, key=True)
        raw = self.documents[number].value
        body = {name: value for name, value in raw.items() if name not in ("apiVersion", *misspelt.values())}
        if kind == "FederatedTraining":
            self.training.append(Found(self._model(FederatedTraining, body, place), place))
        elif kind == "Participant":
            self.records.append(Found(self._model(ParticipantRecord, body, place), place))
        else:
            self.policies.append(Found(self._model(ParticipantPolicy, body, place), place))
        return True

    def _model(self, model: type[B], raw: dict[str, Any], place: Place) -> B:
        """The document as a model; if it has errors, its valid part."""
        folder = None if self.elsewhere else self.path.absolute().parent
        read, errors = read_model(model, raw, self.documents[place.document], self.documents, folder)
        for error in errors:
            self._error(place.at(*error.path), error.message, error.fix, key=error.at_key)
        return read

    def _expected(self, place: Place, value: Any, choices: Collection[str]) -> None:
        if value is None:
            self._error(
                place,
                f"{place.path[-1]} is required.",
                f"Add {' or '.join(f'`{place.path[-1]}: {one}`' for one in choices)}.",
            )
            return
        guess = nearest(str(value), choices)
        fix = (
            f"Did you mean `{guess}`?"
            if guess and len(choices) > 1
            else f"Use {' or '.join(f'`{one}`' for one in choices)}."
        )
        self._error(place, f"{shown(value)} is not supported.", fix)

    def _error(self, place: Place, message: str, fix: str, *, key: bool = False) -> None:
        self.errors.append(self._located(place, message, fix, key=key))

    def _located(self, place: Place, message: str, fix: str, *, key: bool = False) -> FieldError:
        document = self.documents[place.document]
        line, column = document.spot_of(place.path, key=key)
        return FieldError(
            file=str(self.files[place.document]),
            line=line,
            column=column,
            path=place.path,
            value=document.at(place.path),
            message=message,
            fix=fix,
            item=named_item(document, place.path),
        )

    def _flaw(self, file: File, line: int, column: int, message: str, fix: str, path: Path = ()) -> None:
        self.errors.append(
            FieldError(file=str(file), line=line, column=column, path=path, value=None, message=message, fix=fix)
        )


def _near(name: str, raw: dict[str, Any]) -> str | None:
    """Return the field of a document whose name is a misspelt `name`."""
    return nearest(name, set(raw) - {"apiVersion", "kind", "metadata", "spec"})


def _foreign(document: Located) -> bool:
    """Whether the document is an object of another API."""
    version = document.value.get("apiVersion") if is_map(document.value) else None
    return isinstance(version, str) and version.partition("/")[0] != API_VERSION.partition("/")[0]
