"""Rules on `spec.data`."""

from fedtrain.api.data import FORMAT_FIELDS, Data, Fields, Format
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule
from fedtrain.api.rules.unique import unique

data_sets_are_unique = unique(Data, "datasets", "data set", "name")


@rule(
    Data,
    "dataset",
    message="data names no data set.",
    fix="Add `dataset: NAME`, or `datasets:` with a name and a share for each data set.",
    cel=Cel(valid="has(self.dataset) || has(self.datasets)"),
    reason="FieldValueRequired",
)
def data_names_a_data_set(data: Data, context: Context) -> Violations:
    """`data` has `dataset` or `datasets`."""
    if getattr(data, "dataset", "malformed") is None and getattr(data, "datasets", "malformed") is None:
        yield broken()


@rule(
    Data,
    "dataset",
    message="`dataset` is not allowed together with `datasets`.",
    fix="Remove it{and_list}.",
    cel=Cel(
        valid="!has(self.dataset) || !has(self.datasets)",
        values={
            "and_list": "self.datasets.exists(d, d.name == self.dataset) ? ': `datasets` lists it' : "
            "', and list the data set in `datasets`'"
        },
    ),
    reason="FieldValueForbidden",
    at_key=True,
)
def one_data_set_or_several(data: Data, context: Context) -> Violations:
    """`data` does not have both `dataset` and `datasets`."""
    name, mix = getattr(data, "dataset", "malformed"), getattr(data, "datasets", None)
    if name is not None and getattr(data, "datasets", "malformed") is not None:
        listed = any(one.name == name for one in mix or ())
        yield broken(and_list=": `datasets` lists it" if listed else ", and list the data set in `datasets`")


@rule(
    Data,
    "datasets",
    message="`datasets` has only {name}, but a mix has at least two data sets.",
    fix="Add another one, or write `dataset: {name}` instead of `datasets`.",
    cel=Cel(
        valid="!has(self.datasets) || self.datasets.size() != 1",
        values={"name": "self.datasets[0].name"},
    ),
)
def a_mix_has_two_data_sets(data: Data, context: Context) -> Violations:
    """`data.datasets` has at least two data sets."""
    if data.datasets is not None and len(data.datasets) == 1:
        yield broken(name=data.datasets[0].name)


def _unread(format: Format) -> list[str]:
    return [field for field in Fields.model_fields if field not in FORMAT_FIELDS[format]]


def _unset(owner: str, format: Format) -> str:
    return " && ".join(f"!has({owner}.fields.{field})" for field in _unread(format))


def _rule(format: Format) -> Rule:
    def check(data: Data, context: Context) -> Violations:
        if data.format == format and data.fields is not None:
            for field in _unread(format):
                if getattr(data.fields, field) is not None:
                    yield broken("fields", field)

    read = FORMAT_FIELDS[format]
    check.__name__ = f"fields_of_{format}"
    check.__doc__ = f"With `format: {format}`, `data.fields` names only {', '.join(f'`{field}`' for field in read)}."
    return rule(
        Data,
        "fields",
        message=f"rows of `format: {format}` do not have this field.",
        fix=f"Name only {', '.join(f'`{field}`' for field in read)}.",
        cel=Cel(valid=f"self.format != '{format}' || !has(self.fields) || ({_unset('self', format)})"),
        reason="FieldValueForbidden",
        at_key=True,
    )(check)


def _rule_of_mix(format: Format) -> Rule:
    def check(data: Data, context: Context) -> Violations:
        for number, one in enumerate(data.datasets or ()):
            if one.fields is not None and (one.format or data.format) == format:
                for field in _unread(format):
                    if getattr(one.fields, field) is not None:
                        yield broken("datasets", number, "fields", field, name=one.name)

    read = FORMAT_FIELDS[format]
    wrong = f"has(d.fields) && (has(d.format) ? d.format : self.format) == '{format}' && !({_unset('d', format)})"
    check.__name__ = f"fields_of_{format}_in_a_mix"
    check.__doc__ = (
        f"With `format: {format}`, `fields` of a data set in `data.datasets` names only "
        f"{', '.join(f'`{field}`' for field in read)}."
    )
    return rule(
        Data,
        "datasets",
        message=f"rows of `format: {format}` in data set {{name}} do not have this field.",
        fix=f"Name only {', '.join(f'`{field}`' for field in read)}.",
        cel=Cel(
            valid=f"!has(self.datasets) || !self.datasets.exists(d, {wrong})",
            values={"name": f"self.datasets.filter(d, {wrong})[0].name"},
        ),
        reason="FieldValueForbidden",
        at_key=True,
    )(check)


fields_of_the_format = tuple(_rule(name) for name in FORMAT_FIELDS)
fields_of_the_format_in_a_mix = tuple(_rule_of_mix(name) for name in FORMAT_FIELDS)
