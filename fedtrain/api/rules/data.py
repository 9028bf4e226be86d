"""Rules on `spec.data`."""

from fedtrain.api.data import FORMAT_FIELDS, Data, Fields, Format
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule


def _rule(format: Format, read: tuple[str, ...]) -> Rule:
    others = [field for field in Fields.model_fields if field not in read]

    def check(data: Data, context: Context) -> Violations:
        if data.format == format and data.fields is not None:
            for field in others:
                if getattr(data.fields, field) is not None:
                    yield broken("fields", field)

    check.__name__ = f"fields_of_{format}"
    check.__doc__ = f"With `format: {format}`, `data.fields` names only {', '.join(f'`{field}`' for field in read)}."
    unset = " && ".join(f"!has(self.fields.{field})" for field in others)
    return rule(
        Data,
        "fields",
        message=f"rows of format: {format} do not have this field.",
        fix=f"Name only {', '.join(read)}.",
        cel=Cel(valid=f"self.format != '{format}' || !has(self.fields) || ({unset})"),
        reason="FieldValueForbidden",
        at_key=True,
    )(check)


fields_of_the_format = tuple(_rule(name, read) for name, read in FORMAT_FIELDS.items())
