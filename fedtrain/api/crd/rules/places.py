"""Rules on places: paths and `s3://bucket/key`, and no other scheme."""

from fedtrain.api.crd.rule import Rule, regex

SCHEME = regex("^[A-Za-z][A-Za-z0-9+.-]*://")
READABLE = regex("^(?i)(s3|file)://")
NO_BUCKET = regex("^(?i)s3://(/|$)")


def readable(field: str) -> tuple[Rule, ...]:
    """That the place in `field` is of a kind that can be read."""
    place = f"self.{field}"
    return (
        Rule(
            holds=f"!{place}.matches({SCHEME}) || {place}.matches({READABLE})",
            field=field,
            says=f"{{{place}.split('://')[0].lowerAscii()}}:// can't be read. Write a path, or s3://bucket/key.",
        ),
        Rule(
            holds=f"!{place}.matches({NO_BUCKET})",
            field=field,
            says=f"{{{place}}} names no bucket. Write s3://bucket/key.",
        ),
    )


URI = readable("uri")
