"""`fedtrain participant invite`, `reinvite` and `revoke`: what they ask of kubectl, and what they refuse."""

import base64
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_kubectl import ANSWERS, Shell
from ruamel.yaml import YAML

from fedtrain.manifests.invitation import RULES, Invitation


def test_a_participant_has_these_rights_at_the_hub_and_no_others() -> None:
    rights = {(rule["resources"][0], tuple(rule["verbs"]), tuple(rule.get("resourceNames", ()))) for rule in RULES}
    assert rights == {
        ("trainingtasks", ("get", "list", "watch"), ()),
        ("trainingtasks/status", ("patch",), ()),
        ("secrets", ("get",), ("fedtrain-transfer",)),
        ("serviceaccounts/token", ("create",), ("fedtrain-participant",)),
    }
    objects = Invitation("bank-b", "at-bank-b", ("federations",)).objects()
    (cluster_wide,) = [body for body in objects if body["kind"] == "ClusterRole"]
    assert [(rule["resources"], rule["verbs"], rule["resourceNames"]) for rule in cluster_wide["rules"]] == [
        (["participants/status"], ["patch"], ["bank-b"])
    ]


def test_invite_applies_the_objects_and_writes_the_values_for_the_owner_alone(shell: Shell) -> None:
    done = shell.run("invite", "bank-b", "--allow=federations", "--context=hub")
    assert done.exit_code == 0, done.output
    values = YAML(typ="safe").load(Path("bank-b.yaml").read_text())
    assert values == {
        "participant": "bank-b",
        "hub": {
            "server": "https://hub.example.org:6443",
            "namespace": "bank-b",
            "serviceAccount": "fedtrain-participant",
            "token": "e30.e30.e30",
            "caCertificate": "PEM",
        },
    }
    assert Path("bank-b.yaml").stat().st_mode & 0o777 == 0o600
    assert "e30" not in done.output
    assert "The owner runs: helm install fedtrain-participant helm/fedtrain-participant --namespace" in done.output
    (applied,) = [given for words, given in shell.calls if "apply" in words]
    kinds = [body["kind"] for body in json.loads(applied)["items"]]
    assert kinds[0] == "Namespace"
    assert kinds.count("Participant") == 1
    assert all("--context=hub" in words for words, _ in shell.calls)
    assert ["--context=hub", "create", "token", "fedtrain-participant", "-n", "bank-b", "--duration=240h"] in [
        words for words, _ in shell.calls
    ]


@pytest.mark.parametrize(("hours", "note"), [(240, ""), (24, "bank-b may be offline for 21.6 hours")])
def test_invite_says_until_when_the_token_is_valid_and_notes_a_hub_that_limits_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, hours: int, note: str
) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": hours * 3600}).encode()).decode().rstrip("=")
    monkeypatch.setitem(ANSWERS, "create token fedtrain-participant", f"e30.{claims}.signature")
    shell.answer({})
    done = shell.run("invite", "bank-b", "--allow=federations")
    assert done.exit_code == 0, done.output
    assert f"contains a token, valid until 1970-01-{1 + hours // 24:02}T00:00:00Z: send it" in done.stdout
    assert note in done.stderr
    assert bool(done.stderr) == bool(note)


def test_invite_notes_an_operator_that_cannot_create_tasks(shell: Shell) -> None:
    done = shell.run("invite", "bank-b", "--allow=federations", "--operator=hub/mine")
    assert done.exit_code == 0, done.output
    assert "the hub has no ClusterRole mine-participant-namespace, so its operator cannot create tasks" in done.stderr


def test_invite_binds_the_roles_of_a_release_whose_service_account_has_another_name(shell: Shell) -> None:
    done = shell.run("invite", "bank-b", "--allow=federations", "--operator=hub/mine/fedtrain")
    assert done.exit_code == 0, done.output
    assert bound(shell) == [("hub", "mine", "fedtrain-participant-namespace")]
    assert "ClusterRole" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--allow is missing: it says which namespaces may use bank-b"),
        (["--allow=federations/tickets"], "'federations/tickets' is not a namespace. Use `--allow federations`."),
        (["--allow=a,b"], "'a,b' is a list. Repeat the option: `--allow a --allow b`."),
        (["--allow=x", "--namespace=Bank"], "'Bank' is not a namespace. Use `-n bank`."),
        (
            ["--allow=x", "--operator=fedtrain"],
            "'fedtrain' is not NAMESPACE/SERVICEACCOUNT or NAMESPACE/SERVICEACCOUNT/",
        ),
        (
            ["--allow=x", "--operator=a/b/"],
            "'a/b/' is not NAMESPACE/SERVICEACCOUNT or NAMESPACE/SERVICEACCOUNT/PREFIX.",
        ),
        (["--allow=x", "--operator=a/b/c/d"], "'a/b/c/d' is not NAMESPACE/SERVICEACCOUNT or"),
    ],
)
def test_invite_judges_its_options_before_it_asks_the_cluster(shell: Shell, arguments: list[str], message: str) -> None:
    done = shell.run("invite", "bank-b", *arguments)
    assert done.exit_code != 0
    assert message in done.stderr
    assert not (shell.folder / "calls").exists()


@pytest.mark.parametrize(
    ("answers", "arguments", "message"),
    [
        ({"get participant.fedtrain.dev bank-b": {"spec": {}}}, ["--allow=x"], "Participant 'bank-b' exists"),
        (
            {"get namespace bank-b": {"metadata": {"labels": {"team": "x"}}}},
            ["--allow=x"],
            "namespace 'bank-b' exists, and a participant could read the tasks of others there",
        ),
    ],
)
def test_invite_refuses(shell: Shell, answers: dict[str, Any], arguments: list[str], message: str) -> None:
    shell.answer(answers)
    done = shell.run("invite", "bank-b", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not any("apply" in words for words, _ in shell.calls)


INVITED = {
    "get participant.fedtrain.dev bank-b": {
        "spec": {"namespace": "at-bank-b", "allowedNamespaces": ["federations"], "cluster": "Own"}
    }
}
OTHER_OPERATOR = {
    "get rolebinding fedtrain-operator": {
        "roleRef": {"kind": "ClusterRole", "name": "mine-participant-namespace"},
        "subjects": [{"kind": "ServiceAccount", "name": "mine", "namespace": "hub"}],
    }
}


def bound(shell: Shell) -> list[tuple[str, str, str]]:
    """Namespace, ServiceAccount and role of the hub's operator in what was applied."""
    applied = [body for words, given in shell.calls if words[0] == "apply" for body in json.loads(given)["items"]]
    bindings = [body for body in applied if body["metadata"]["name"] == "fedtrain-operator"]
    return [
        (subject["namespace"], subject["name"], body["roleRef"]["name"])
        for body in bindings
        for subject in body["subjects"]
    ]


def test_reinvite_recreates_the_account_so_that_old_tokens_end_once_all_else_is_applied(shell: Shell) -> None:
    shell.answer(INVITED)
    done = shell.run("reinvite", "bank-b")
    assert done.exit_code == 0, done.output
    assert "The owner runs: helm upgrade fedtrain-participant helm/fedtrain-participant" in done.output
    assert "--reset-then-reuse-values --values bank-b.yaml" in done.output, "what the owner has set stays"
    changes = [(words, given) for words, given in shell.calls if words[0] not in ("get", "config")]
    assert [words[0] for words, _ in changes] == ["apply", "delete", "apply", "create"]
    assert changes[1][0][1:3] == ["serviceaccount", "fedtrain-participant"]
    assert [body["kind"] for body in json.loads(changes[2][1])["items"]] == ["ServiceAccount"]
    assert YAML(typ="safe").load(Path("bank-b.yaml").read_text())["hub"]["namespace"] == "at-bank-b"


def test_reinvite_keeps_the_operator_of_the_invitation(shell: Shell) -> None:
    shell.answer(INVITED | OTHER_OPERATOR)
    done = shell.run("reinvite", "bank-b")
    assert done.exit_code == 0, done.output
    assert bound(shell) == [("hub", "mine", "mine-participant-namespace")]
    assert "the hub has no ClusterRole mine-participant-namespace" in done.stderr


def test_reinvite_into_another_namespace_ends_the_tokens_of_the_previous_one(shell: Shell) -> None:
    shell.answer(INVITED)
    done = shell.run("reinvite", "bank-b", "--namespace=elsewhere")
    assert done.exit_code == 0, done.output
    deleted = [words[1:5] for words, _ in shell.calls if words[0] == "delete"]
    assert deleted == [
        ["serviceaccount", "fedtrain-participant", "-n", "elsewhere"],
        ["serviceaccount", "fedtrain-participant", "-n", "at-bank-b"],
        ["rolebinding", "fedtrain-participant", "-n", "at-bank-b"],
        ["role", "fedtrain-participant", "-n", "at-bank-b"],
        ["secret", "fedtrain-transfer", "-n", "at-bank-b"],
    ]
    assert "The namespace at-bank-b stays: `kubectl delete namespace at-bank-b` deletes it" in done.output


def test_reinvite_ends_the_tokens_that_an_interrupted_one_has_left(shell: Shell) -> None:
    """It had changed the Participant's namespace, and nothing more."""
    namespaces = {"items": [{"metadata": {"name": name}} for name in ("at-bank-b", "before")]}
    shell.answer(INVITED | {"get namespaces fedtrain.dev/participant=bank-b": namespaces})
    assert shell.run("reinvite", "bank-b").exit_code == 0
    deleted = [(words[1], words[4]) for words, _ in shell.calls if words[0] == "delete"]
    assert ("serviceaccount", "before") in deleted
    assert ("rolebinding", "at-bank-b") not in deleted


def test_reinvite_into_another_namespace_keeps_the_operator(shell: Shell) -> None:
    shell.answer(INVITED | {f"{key} at-bank-b": OTHER_OPERATOR[key] for key in OTHER_OPERATOR})
    assert shell.run("reinvite", "bank-b", "--namespace=elsewhere").exit_code == 0
    assert bound(shell) == [("hub", "mine", "mine-participant-namespace")]
    assert not any(
        words[:2] == ["delete", "rolebinding"] and words[2] == "fedtrain-operator" for words, _ in shell.calls
    )


@pytest.mark.parametrize("out", ["missing/bank-b.yaml", "."])
def test_a_file_that_cannot_be_written_costs_no_token(shell: Shell, out: str) -> None:
    shell.answer(INVITED)
    done = shell.run("reinvite", "bank-b", f"--out={out}")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {out}: it ")
    assert not any(words[0] in ("delete", "apply", "create") for words, _ in shell.calls)


def test_an_existing_file_is_replaced_by_one_that_only_its_user_can_read(shell: Shell) -> None:
    file = Path("bank-b.yaml")
    file.write_text("old")
    file.chmod(0o644)
    done = shell.run("invite", "bank-b", "--allow=federations")
    assert done.exit_code == 0, done.output
    assert "token" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in Path().iterdir() if path.name.startswith(".fedtrain")] == []


def test_an_invitation_may_go_into_a_pipe(shell: Shell) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        done = shell.run("invite", "bank-b", "--allow=federations", f"--out=/dev/fd/{writing}")
        os.close(writing)
        assert done.exit_code == 0, done.output
        assert "token" in pipe.read()


def test_a_file_that_cannot_be_replaced_gets_the_invitation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is mounted by itself into a container."""

    def busy(self: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(target))

    monkeypatch.setattr(Path, "replace", busy)
    file = Path("bank-b.yaml")
    file.write_text("old")
    file.chmod(0o644)
    assert shell.run("invite", "bank-b", "--allow=federations").exit_code == 0
    assert "token" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in Path().iterdir() if path.name.startswith(".fedtrain")] == []


def test_an_existing_file_stays_if_kubectl_fails(shell: Shell) -> None:
    Path("bank-b.yaml").write_text("old")
    tool = shell.folder / "kubectl"
    tool.write_text(tool.read_text() + "if 'apply' in words: sys.exit('refused')\n")
    assert shell.run("invite", "bank-b", "--allow=federations").exit_code == 1
    assert Path("bank-b.yaml").read_text() == "old"
    assert [path.name for path in Path().iterdir() if path.name.startswith(".fedtrain")] == []


def test_reinvite_gives_the_rights_to_another_operator(shell: Shell) -> None:
    shell.answer(INVITED | OTHER_OPERATOR)
    done = shell.run("reinvite", "bank-b", "--operator=fedtrain/fedtrain")
    assert done.exit_code == 0, done.output
    assert bound(shell) == [("fedtrain", "fedtrain", "fedtrain-participant-namespace")]
    changes = [words for words, _ in shell.calls if words[0] in ("delete", "apply")]
    assert changes[0][1:5] == ["rolebinding", "fedtrain-operator", "-n", "at-bank-b"], "its roleRef cannot change"
    assert changes[1][0] == "apply"


def test_revoke_deletes_the_credentials_first_and_keeps_the_namespace(shell: Shell) -> None:
    shell.answer({"get participant.fedtrain.dev bank-b": {"spec": {"namespace": "at-bank-b"}}})
    done = shell.run("revoke", "bank-b")
    assert done.exit_code == 0, done.output
    deleted = [words[1:3] for words, _ in shell.calls if words[0] == "delete"]
    assert deleted[0] == ["serviceaccount", "fedtrain-participant"]
    assert ["participant.fedtrain.dev", "bank-b"] in deleted
    assert not any(kind == "namespace" for kind, _ in deleted)
