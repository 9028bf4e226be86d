"""Rules on a policy's `pods`."""

from fedtrain.api.crd.rule import Rule
from fedtrain.api.rules.pods import RESERVED

_VOLUMES = "has(self.volumes) && self.volumes.exists(v, v.name == m.name)"
_STRAY = f"self.volumeMounts.filter(m, !({_VOLUMES}))[0].name"

MOUNTS = (
    Rule(
        holds=f"!has(self.volumeMounts) || self.volumeMounts.all(m, {_VOLUMES})",
        field="volumeMounts",
        says=f"There is no volume {{{_STRAY}}}. Add it to spec.pods.volumes.",
    ),
)

VARIABLE = (
    Rule(
        holds="has(self.value) != has(self.valueFrom)",
        says="{self.name} has {(has(self.value) ? 'a value and a valueFrom' : 'no value')}. "
        "Write value: or valueFrom:, one of the two.",
    ),
    Rule(
        holds=f"!self.name.startsWith('{RESERVED}')",
        field="name",
        says=f"{{self.name}} is fedtrain's own: names that begin with {RESERVED} are. "
        "Write another name, or remove it.",
        reason="FieldValueForbidden",
    ),
)

SOURCE = (
    Rule(
        holds="has(self.secretKeyRef) != has(self.configMapKeyRef)",
        says="{(has(self.secretKeyRef) ? 'Two sources are' : 'No source is')} named. "
        "Write secretKeyRef: or configMapKeyRef:.",
    ),
)
