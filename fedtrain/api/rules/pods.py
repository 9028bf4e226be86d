"""Rules on the settings of pods: errors that Kubernetes would otherwise report for each pod of each task."""

from collections.abc import Mapping

from fedtrain.api.base import amount, smallest
from fedtrain.api.pods import Pods, Resources, Toleration, ValueFrom, Variable, is_device
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule
from fedtrain.api.rules.unique import unique

RESERVED = "FEDTRAIN_"
"""Prefix of the variables that fedtrain sets itself."""

variables_are_unique = unique(Pods, "env", "variable", "name")
secrets_are_unique = unique(Pods, "imagePullSecrets", "secret", "name")


@rule(
    Variable,
    "name",
    message="{name} must have either `value` or `valueFrom`.",
    fix="Set one of the two.",
    cel=Cel(valid="has(self.value) != has(self.valueFrom)", values={"name": "self.name"}),
)
def variable_has_one_value(variable: Variable, context: Context) -> Violations:
    """A variable has either `value` or `valueFrom`."""
    if (variable.value is None) == (variable.value_from is None):
        yield broken(name=variable.name)


@rule(
    Variable,
    "name",
    message=f"{{name}} is reserved: variables that begin with {RESERVED} are set by fedtrain.",
    fix="Use another name, or remove the variable.",
    cel=Cel(valid=f"!self.startsWith('{RESERVED}')", values={"name": "self"}, of_field=True),
    reason="FieldValueForbidden",
)
def variable_is_not_reserved(variable: Variable, context: Context) -> Violations:
    """No variable begins with FEDTRAIN_."""
    if variable.name.startswith(RESERVED):
        yield broken(name=variable.name)


@rule(
    ValueFrom,
    message="`valueFrom` must have either `secretKeyRef` or `configMapKeyRef`.",
    fix="Set one of the two.",
    cel=Cel(valid="has(self.secretKeyRef) != has(self.configMapKeyRef)"),
    at_key=True,
)
def value_has_one_source(value_from: ValueFrom, context: Context) -> Violations:
    """`valueFrom` has either `secretKeyRef` or `configMapKeyRef`."""
    if (value_from.secret_key_ref is None) == (value_from.config_map_key_ref is None):
        yield broken()


@rule(
    Toleration,
    "value",
    message="With `operator: Exists`, a toleration has no value, but value is {value}.",
    fix="Remove `value`, or write `operator: Equal`.",
    cel=Cel(
        valid="!(has(self.operator) && self.operator == 'Exists') || !has(self.value) || self.value == ''",
        values={"value": "self.value"},
    ),
    reason="FieldValueForbidden",
)
def toleration_of_any_value_has_no_value(toleration: Toleration, context: Context) -> Violations:
    """A toleration with `operator: Exists` has no `value`."""
    if toleration.operator == "Exists" and toleration.value:
        yield broken(value=toleration.value)


@rule(
    Toleration,
    "operator",
    message="A toleration without `key` needs `operator: Exists`, but operator is Equal.",
    fix="Add `key`, or write `operator: Exists` to tolerate all taints.",
    cel=Cel(valid="(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')"),
)
def toleration_of_a_value_has_a_key(toleration: Toleration, context: Context) -> Violations:
    """A toleration without `key` has `operator: Exists`."""
    if not toleration.key and toleration.operator != "Exists":
        yield broken()


@rule(
    Toleration,
    "tolerationSeconds",
    message="`tolerationSeconds` is allowed only with `effect: NoExecute`.",
    fix="Remove it, or write `effect: NoExecute`.",
    cel=Cel(valid="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')"),
    reason="FieldValueForbidden",
)
def toleration_for_some_time_is_of_running_pods(toleration: Toleration, context: Context) -> Violations:
    """`tolerationSeconds` is set only with `effect: NoExecute`."""
    if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
        yield broken()


_COMPARED = "(has(self.limits) && k in self.limits && isQuantity(self.requests[k]) && isQuantity(self.limits[k]))"
_EXCEEDS = f"({_COMPARED} && quantity(self.requests[k]).isGreaterThan(quantity(self.limits[k])))"


def _of_first(value: str) -> str:
    """CEL of a value of the first request that exceeds its limit."""
    return f"self.requests.filter(k, {_EXCEEDS}).map(k, {value})[0]"


@rule(
    Resources,
    "requests",
    message="The request of {name} is {request}, but its limit is {limit}.",
    fix="Lower the request, or raise `limits.{name}`.",
    cel=Cel(
        valid=f"!has(self.requests) || self.requests.all(k, !{_EXCEEDS})",
        values={"name": _of_first("k"), "request": _of_first("self.requests[k]"), "limit": _of_first("self.limits[k]")},
    ),
)
def requests_are_within_limits(resources: Resources, context: Context) -> Violations:
    """No request exceeds the limit of its resource."""
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        if smallest(request, limit) != request:
            yield broken("requests", name, name=name, request=request, limit=limit)


_IS_DEVICE = "k.contains('/')"
"""`is_device` in CEL."""


def _whole_devices(field: str) -> Rule:
    """The rule on the amounts of devices in a field of `resources`."""
    own = f"self.{field}"
    broken_amount = f"{_IS_DEVICE} && isQuantity({own}[k]) && !quantity({own}[k]).isInteger()"
    first = f"{own}.filter(k, {broken_amount})"

    def check(resources: Resources, context: Context) -> Violations:
        amounts: Mapping[str, str] = getattr(resources, field)
        for name, value in amounts.items():
            if is_device(name) and amount(value) % 1:
                yield broken(field, name, name=name, value=value)

    check.__name__ = f"{field}_of_devices_are_whole"
    check.__doc__ = f"The {field} of devices, such as `nvidia.com/gpu`, are whole numbers."
    return rule(
        Resources,
        field,
        message="{name} is {value}, but a device cannot be divided.",
        fix='Use a whole number, such as `"1"`.',
        cel=Cel(
            valid=f"!has({own}) || {own}.all(k, !({broken_amount}))",
            values={"name": f"{first}[0]", "value": f"{first}.map(k, {own}[k])[0]"},
        ),
    )(check)


requests_of_devices_are_whole = _whole_devices("requests")
limits_of_devices_are_whole = _whole_devices("limits")


_UNLIMITED = (
    f"({_IS_DEVICE} && isQuantity(self.requests[k]) && quantity(self.requests[k]).isInteger() && "
    "(!has(self.limits) || !(k in self.limits) || (isQuantity(self.limits[k]) && "
    "quantity(self.requests[k]).isLessThan(quantity(self.limits[k])))))"
)


@rule(
    Resources,
    "requests",
    message="The request of {name} is {request}, but a device needs a limit of the same amount.",
    fix='Set `limits.{name}` to `"{request}"`, or remove the request.',
    cel=Cel(
        valid=f"!has(self.requests) || self.requests.all(k, !{_UNLIMITED})",
        values={
            "name": f"self.requests.filter(k, {_UNLIMITED})[0]",
            "request": f"self.requests.filter(k, {_UNLIMITED}).map(k, self.requests[k])[0]",
        },
    ),
)
def requests_of_devices_have_equal_limits(resources: Resources, context: Context) -> Violations:
    """The request of a device has a limit of the same amount."""
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        if is_device(name) and not amount(request) % 1 and (limit is None or amount(request) < amount(limit)):
            yield broken("requests", name, name=name, request=request)
