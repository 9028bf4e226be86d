"""The style sheet of reports and comparisons, with the colours of `fedtrain.palette`."""

from importlib.resources import files
from typing import Literal

from markupsafe import Markup

from fedtrain.palette import css_variables

_LOOKS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def style_sheet() -> Markup:
    """Return the CSS."""
    css = files("fedtrain.results.report").joinpath("style.css").read_text(encoding="utf-8")
    for look in _LOOKS:
        css = css.replace(f"/* palette: {look} */", css_variables(look))
    return Markup(css)
