"""What a key may look like: the same rules for every store, so that a run can move between them."""

from fedtrain.ledger.store import StoreError

MAX_KEY = 1024
MAX_PART = 255


def check_key(key: str) -> str:
    """`key` itself. Raises StoreError unless it is a relative path of plain parts: no `..`, no empty part, nothing
    that would leave the store's folder or read differently elsewhere."""
    reason = _objection(key)
    if reason:
        raise StoreError(
            f"{key!r} is not a valid object key: {reason}. Use a relative key, such as 'default/demo/run.json'."
        )
    return key


def _objection(key: str) -> str | None:
    if not key:
        return "it is empty"
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY:
        return f"it is longer than {MAX_KEY} bytes"
    if not key.isprintable() or "\\" in key:
        return "it contains a control character or a backslash"
    for part in key.split("/"):
        if part in ("", ".", ".."):
            return f"the part {part!r} of a path is not allowed"
        if part.startswith(".tmp"):
            return "parts that start with '.tmp' are the store's own"
        if len(part.encode("utf-8", "surrogatepass")) > MAX_PART:
            return f"a part is longer than {MAX_PART} bytes"
    return None
