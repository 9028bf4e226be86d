"""The checks of chart-testing (`ct lint --all`, with `ct.yaml`) for both charts, without building it: yamllint and
yamale with its files, and `helm lint` with each file of values in `ci`."""

from pathlib import Path

import pytest
import yamale
from ruamel.yaml import YAML
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.controlplane.chart import CHART, PARTICIPANT_CHART, helm
from tests.controlplane.training import ROOT

RULES = Path(__file__).parent / "chart_testing"
CHARTS = pytest.mark.parametrize("chart", [CHART, PARTICIPANT_CHART], ids=lambda chart: chart.name)


def test_chart_testing_finds_the_charts_and_these_files() -> None:
    settings = YAML(typ="safe").load((ROOT / "ct.yaml").read_text())
    found = {chart.parent for folder in settings["chart-dirs"] for chart in (ROOT / folder).glob("*/Chart.yaml")}
    assert found == {CHART, PARTICIPANT_CHART}
    assert (ROOT / settings["lint-conf"]).parent == (ROOT / settings["chart-yaml-schema"]).parent == RULES


@CHARTS
def test_values_and_metadata_pass_yamllint(chart: Path) -> None:
    rules = YamlLintConfig((RULES / "lintconf.yaml").read_text())
    files = [chart / "Chart.yaml", chart / "values.yaml", *chart.glob("ci/*-values.yaml")]
    problems = [f"{file}:{problem}" for file in files for problem in linter.run(file.read_text(), rules, str(file))]
    assert problems == []


@CHARTS
def test_metadata_has_the_fields_of_chart_testings_schema(chart: Path) -> None:
    schema = yamale.make_schema(RULES / "chart_schema.yaml", parser="ruamel")
    yamale.validate(schema, yamale.make_data(chart / "Chart.yaml", parser="ruamel"))


@CHARTS
def test_every_file_of_values_passes_helm_lint(chart: Path) -> None:
    files = sorted(chart.glob("ci/*-values.yaml"))
    assert files
    for file in files:
        assert "0 chart(s) failed" in helm("lint", "--strict", chart, f"--values={file}")
