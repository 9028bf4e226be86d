"""docs/privacy.md lists every field that leaves a participant without noise."""

import re
from pathlib import Path

from pydantic.alias_generators import to_camel

from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.records import Measurement, Preflight, Update

PAGE = Path(__file__).parents[3] / "docs/privacy.md"


def test_every_field_of_a_participants_record_is_in_the_table() -> None:
    table = PAGE.read_text().split("## What is not protected")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    sent = {to_camel(name) for kind in (Update, Preflight, Measurement, NoiseDraw) for name in kind.model_fields}
    assert listed == sent
