"""The charts' pages list every right that the charts grant, and no other."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

HELM = Path(__file__).parents[3] / "helm"
PLACES = {"everywhere": "everywhere", "training": "training's namespace", "participant": "participant's namespace"}
RESOURCES = (
    *("federatedtrainings", "trainingtasks", "participantpolicies", "participants", "jobs", "pytorchjobs"),
    *("pods", "events", "secrets", "configmaps"),
)
Rights = dict[tuple[str, str], set[str]]
"""Verbs by resource and name of the object ("": any)."""


def test_the_page_of_the_hubs_chart() -> None:
    """Participants are not compared: their rule depends on the controllers that run."""
    text = (HELM / "fedtrain/templates/_rules.tpl").read_text(encoding="utf-8")
    granted: dict[tuple[str, str], Rights] = {}
    for place, controller, rules in re.findall(
        r'define "fedtrain\.rules\.(\w+)\.(\w+)" -}}\n(.*?)\{\{- end -}}', text, re.DOTALL
    ):
        rules = rules.replace("{{ toYaml . | nindent 2 }}", "[rbac.credentialsSecretNames]")
        granted[PLACES[place], controller] = with_names_of_created_objects(rights_of(rules))
    listed: dict[tuple[str, str], Rights] = defaultdict(dict)
    for where, kind, *cells in rows("fedtrain/README.md", 4):
        for controller, cell in zip(("coordinator", "participant"), cells, strict=True):
            if cell and kind != "participants":
                listed[where, controller] |= {key: verbs_in(cell) for key in objects_in(kind)}
    assert listed == granted


def test_the_page_of_the_participants_chart() -> None:
    text = (HELM / "fedtrain-participant/templates/rbac.yaml").read_text(encoding="utf-8")
    rules = text.partition("rules:\n")[2].partition("---\n")[0]
    granted = rights_of(rules.replace('{{ include "fedtrain.renewed" . }}', "<release>-hub-renewed"))
    listed = [(objects_in(kind), verbs_in(cell)) for kind, cell in rows("fedtrain-participant/README.md", 2)]
    assert {key: verbs for keys, verbs in listed for key in keys} == granted


def rights_of(rules: str) -> Rights:
    found: Rights = defaultdict(set)
    for rule in YAML(typ="safe").load("\n".join(line for line in rules.splitlines() if "{{" not in line)):
        for resource in rule["resources"]:
            kind, _, part = resource.partition("/")
            for name in rule.get("resourceNames", [""]):
                found[kind, name] |= {f"{verb} {part}".strip() for verb in rule["verbs"]}
    return dict(found)


def with_names_of_created_objects(rights: Rights) -> Rights:
    """A rule cannot limit `create` to a name; the page lists the verb with the object that may be changed, too."""
    for kind in ("secrets", "configmaps"):
        if created := rights.pop((kind, ""), None):
            assert created == {"create"}
            (changed,) = (verbs for (one, _), verbs in rights.items() if one == kind and "patch" in verbs)
            changed |= created
    return rights


def rows(page: str, columns: int) -> Iterator[list[str]]:
    """Yield the rows of the page's table of rights."""
    section = (HELM / page).read_text(encoding="utf-8").partition("\n## Rights\n")[2].partition("\n## ")[0]
    tables = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    lines = [[cell.strip() for cell in line] for line in tables if len(line) == columns]
    yield from lines[2:]


def objects_in(cell: str) -> list[tuple[str, str]]:
    """`secrets (`fedtrain-transfer` only)`: the resource, and the name."""
    words = re.findall(r"[a-z]+", cell.partition("`")[0].lower())
    kinds = [one for one in RESOURCES if one in words or one.removesuffix("s") in words]
    return [(kind, name) for kind in kinds for name in re.findall("`(.+?)`", cell) or [""]]


def verbs_in(cell: str) -> set[str]:
    return set(re.split("[,;] ", cell))
