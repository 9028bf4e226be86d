"""Rules on the base model. There is no disk to look at: what doesn't look like a path is a hub id."""

from fedtrain.api.crd.rule import Rule, regex
from fedtrain.api.crd.rules.places import SCHEME, readable

_HUB = f"!self.base.matches({regex('^[./~]|^[A-Za-z][A-Za-z0-9+.-]*://|/.*/')})"
_HUB_ID = f"self.base.matches({regex('^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$')})"
_COMMIT = regex("^[0-9a-f]{40}$")
_FIX = "Write the commit of 40 digits that https://huggingface.co/{self.base}/commits/main shows"
_KIND = f"self.base.matches({SCHEME}) && !self.base.startsWith('file://') ? 'place in a bucket' : 'directory'"

RULES = (
    *readable("base"),
    Rule(
        holds=f"!({_HUB}) || {_HUB_ID}",
        field="base",
        says="{self.base} is neither a hub id nor a directory. Write org/name or ./directory.",
    ),
    Rule(
        holds=f"!({_HUB} && {_HUB_ID}) || has(self.revision)",
        field="revision",
        says="It is missing: {self.base} is a hub id, and a moving base is another model. "
        f"{_FIX}, or begin base with ./ for a directory.",
        reason="FieldValueRequired",
    ),
    Rule(
        holds=f"!({_HUB} && {_HUB_ID}) || !has(self.revision) || self.revision.matches({_COMMIT})",
        field="revision",
        says=f"{{self.revision}} is a name or a short commit, and may move. {_FIX}.",
    ),
    Rule(
        holds=f"!has(self.revision) || {_HUB}",
        field="revision",
        says=f"The base {{self.base}} is a {{({_KIND})}}, which has no revisions. Remove the line.",
        reason="FieldValueForbidden",
    ),
)
