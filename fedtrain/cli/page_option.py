"""The option `--out FILE` of commands that write one page."""

from pathlib import Path

from fedtrain.cli.errors import UserError
from fedtrain.quoting import quoted


def check_page(out: Path | None, default: str) -> None:
    """Raise UserError if `out` is a folder, is in a folder that does not exist, or is a file of another type than
    `default`."""
    if out is None:
        return
    if out.is_dir():
        raise UserError(
            f"--out needs a file, and {out} is a folder", f"Name a file in it: `--out {quoted(out / default)}`"
        )
    suffix = Path(default).suffix
    if out.suffix.lower() != suffix:
        pdf = "; to get a PDF, open it in a browser and print it to a file" if out.suffix.lower() == ".pdf" else ""
        raise UserError(f"--out {out} does not end in {suffix}", f"Use `--out {quoted(out.with_suffix(suffix))}`{pdf}")
    if not out.parent.exists():
        made = f"mkdir -p {quoted(out.parent)}"
        raise UserError(f"the folder {out.parent} does not exist", f"Correct --out, or make it: `{made}`")
