"""`allow.images`: trainer images, by digest."""

from fedtrain.api.participant_policy import Allow, ParticipantPolicySpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.policy.rule import Request, refuses
from fedtrain.api.rules.rule import Cel, Violations, broken, regex, rule

_DIGEST = "@sha256:[0-9a-f]{64}$"


@refuses(
    "allow.images",
    change="Set `images.trainer.digest` of the fedtrain chart in the participant's cluster to an allowed one",
    owner="add the image to {field}",
)
def image_is_allowed(request: Request, policy: ParticipantPolicySpec) -> str | None:
    if not policy.allow.images or request.image in policy.allow.images:
        return None
    return f"the trainer image {request.image} is not allowed"


@rule(
    Allow,
    "images",
    message="{image} has no digest, so its tag can point to another image later.",
    fix="Use registry/name@sha256:...",
    cel=Cel(
        valid=f"self.all(i, i.matches({regex(_DIGEST)}))",
        values={"image": f"self.filter(i, !i.matches({regex(_DIGEST)}))[0]"},
        of_field=True,
    ),
)
def images_have_digests(allow: Allow, context: Context) -> Violations:
    """`allow.images` contains digests, not tags."""
    for number, image in enumerate(allow.images):
        if not _has_digest(image):
            yield broken("images", number, image=image)


def _has_digest(image: str) -> bool:
    name, _, digest = image.rpartition("@sha256:")
    return bool(name) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")
