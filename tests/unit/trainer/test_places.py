"""Base models and adapters from folders, the Hugging Face cache and buckets."""

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import huggingface_hub.constants
import pytest
from fedtrain_trainer.base import base_folder
from fedtrain_trainer.outcome import Refused
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects
from tiny_federation import Federation, classified

from fedtrain.api.model import Model
from fedtrain.api.storage import S3Access, Storage
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.exit_codes import EXIT_REFUSED
from fedtrain.contracts.places import Place, Places
from fedtrain.contracts.tasks import Binding
from tests.support.moto_server import serving_s3

REVISION = "93efa2f097d58c2a74874c7e644dbc9b0cee75a2"
NO_BUCKETS = Binding(places=Places(ledger=Storage(), base=Place(name="base", setting="model.s3")))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bases: dict[str, Path]) -> Path:
    """A cache in the hub's layout with one revision of one model, and no way to the hub."""
    cache = tmp_path / "hub"
    snapshot = cache / "models--org--tiny" / "snapshots" / REVISION
    shutil.copytree(bases["llama"], snapshot)
    (cache / "models--org--tiny" / "refs").mkdir()
    (cache / "models--org--tiny" / "refs" / "main").write_text(REVISION)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def test_a_hub_model_is_taken_from_the_cache_and_named_as_the_file_does(
    hub: Path, tmp_path: Path, bases: dict[str, Path]
) -> None:
    federation = Federation(tmp_path, bases["llama"], classified(20))
    federation.model.update(base="org/tiny", revision=REVISION)
    initial = federation.initialised()
    config = json.loads(federation.blob_bytes(initial.config))
    assert (config["base_model_name_or_path"], config["revision"]) == ("org/tiny", REVISION)
    assert federation.trained().steps == 4


def test_round_0_needs_no_weights_of_a_hub_model(hub: Path, tmp_path: Path, bases: dict[str, Path]) -> None:
    (weights,) = hub.glob("models--org--tiny/snapshots/*/model.safetensors")
    weights.unlink()
    federation = Federation(tmp_path, bases["llama"], classified(20))
    local = federation.initialised()
    remote = Federation(federation.sibling("remote"), bases["llama"], classified(20))
    remote.model.update(base="org/tiny", revision=REVISION)
    found = remote.initialised()
    assert (found.adapter, found.facts) == (local.adapter, local.facts)


def test_of_a_hub_model_only_the_files_that_the_index_names_are_fetched(
    hub: Path, tmp_path: Path, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot with the same weights in other formats and folders, as several publishers upload them."""
    listed = ["config.json", "model.safetensors", "tokenizer.json", "original/params.json", "metal/model.safetensors"]
    listed += ["consolidated.safetensors", "original/consolidated.00.pth", "chat_template.jinja", "README.md"]
    (snapshot,) = hub.glob("models--org--tiny/snapshots/*")
    (snapshot / "model.safetensors").unlink()
    fetched: set[str] = set()

    def download(name: str, *, local_files_only: bool = False, **options: Any) -> str:
        chosen = set(
            filter_repo_objects(listed, **{key: options[key] for key in ("allow_patterns", "ignore_patterns")})
        )
        if not local_files_only:
            fetched.update(chosen)
            for file in chosen - {"config.json", "tokenizer.json"}:
                shutil.copy(bases["llama"] / file, snapshot / file)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    model, binding = Model(base="org/tiny", revision=REVISION), NO_BUCKETS
    base_folder(model, binding, weights=False)
    assert fetched == set()
    base_folder(model, binding)
    assert fetched == {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"}


@pytest.mark.parametrize(("name", "revision"), [("org/tiny", "1" * 40), ("org/other", REVISION)])
def test_a_hub_model_that_is_not_cached_is_refused_offline_with_the_command(
    hub: Path, name: str, revision: str
) -> None:
    with pytest.raises(Refused, match=rf"`hf download {name} --revision {revision}`"):
        base_folder(Model(base=name, revision=revision), NO_BUCKETS)


def test_a_hub_that_does_not_resolve_is_refused_with_the_command(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unresolved(*_: object, local_files_only: bool = False, **__: object) -> str:
        error = LocalEntryNotFoundError("not found")
        if not local_files_only:
            error.__cause__ = socket.gaierror(-2, "Name or service not known")
        raise error

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unresolved)
    with pytest.raises(
        Refused, match=r"cannot be resolved. On a machine that reaches Hugging Face, run `hf download org/b"
    ):
        base_folder(Model(base="org/b", revision=REVISION), NO_BUCKETS)


def test_the_binding_says_where_the_base_is_here(bases: dict[str, Path]) -> None:
    model, binding = Model(base="./base"), NO_BUCKETS.model_copy(update={"base_path": str(bases["gpt2"])})
    assert base_folder(model, binding) == bases["gpt2"]


@pytest.mark.parametrize(
    ("base", "message"), [("./nowhere", "directory not found"), ("a b c", "neither a folder here nor")]
)
def test_a_base_that_is_nowhere_is_refused(base: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        base_folder(Model(base=base), NO_BUCKETS)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Refused, match=r"model\.safetensors not found"):
        base_folder(Model(base=str(tmp_path)), NO_BUCKETS)


def test_weights_that_lack_a_layer_are_refused(federation: Federation, bases: dict[str, Path]) -> None:
    folder = federation.sibling("broken")
    shutil.copytree(bases["llama"], folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3, "layer_types": None}))
    federation.model["base"] = str(folder)
    refused = federation.run(federation.assignment({"type": "Initialise", "seed": 1}))
    assert refused.code == EXIT_REFUSED
    assert "for example model.layers.2" in refused.reason


def test_a_misspelt_target_module_is_refused_with_those_that_there_are(federation: Federation) -> None:
    federation.model["adapter"]["targetModules"] = {"type": "Names", "names": ["q_proj", "v_porj"]}
    refused = federation.run(federation.assignment({"type": "Initialise", "seed": 1}))
    assert refused.code == EXIT_REFUSED
    assert "v_porj is not a layer" in refused.reason
    assert "v_proj" in refused.reason


def test_named_target_modules_are_those_that_get_an_adapter(federation: Federation) -> None:
    federation.model["adapter"]["targetModules"] = {"type": "Names", "names": ["q_proj", "v_proj"]}
    weights = federation.blob(federation.initialised().adapter)
    assert {name.split(".")[-3] for name in weights} == {"q_proj", "v_proj"}


def earlier(federation: Federation) -> Path:
    """A trained adapter as a folder."""
    return federation.exported(federation.initialised(), federation.weights(federation.trained()))


def started_from(federation: Federation, uri: str, digest: str, name: str, **adapter: Any) -> Federation:
    """A new run that starts from an adapter."""
    later = Federation(federation.sibling(name), Path(federation.model["base"]), classified(5))
    later.model["adapter"].update(initialFrom={"uri": uri, "digest": digest}, **adapter)
    return later


def test_a_run_starts_from_an_earlier_adapter(federation: Federation) -> None:
    folder = earlier(federation)
    weights = folder / "adapter_model.safetensors"
    sha = hashlib.sha256(weights.read_bytes()).hexdigest()
    for name, uri, digest in (("one", str(folder), f"sha256:{sha}"), ("two", str(weights), digest_file(weights))):
        later = started_from(federation, uri, digest, name)
        found, expected = later.blob(later.initialised().adapter), federation_weights(folder)
        assert all(bool((found[key] == tensor).all()) for key, tensor in expected.items())


def federation_weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        (
            {"rank": 8},
            "adapter.rank is 8, but the adapter of model.adapter.initialFrom has rank 4. Set `rank: 4`",
        ),
        (
            {"alpha": 16.0},
            "but the adapter of model.adapter.initialFrom has alpha 8. Set `alpha: 8`",
        ),
        (
            {"targetModules": {"type": "Names", "names": ["q_proj"]}},
            "targetModules is q_proj, but the adapter of model.adapter.initialFrom changes down_proj, ",
        ),
    ],
)
def test_an_earlier_adapter_that_does_not_fit_is_refused_with_what_differs(
    federation: Federation, adapter: dict[str, Any], message: str
) -> None:
    folder = earlier(federation)
    digest = digest_file(folder / "adapter_model.safetensors")
    later = started_from(federation, str(folder), digest, "later", **adapter)
    refused = later.run(later.assignment({"type": "Initialise", "seed": 1}))
    assert refused.code == EXIT_REFUSED
    assert message in refused.reason


def test_an_earlier_adapter_with_another_digest_is_refused(federation: Federation) -> None:
    later = started_from(federation, str(earlier(federation)), "sha256:" + "0" * 64, "later")
    refused = later.run(later.assignment({"type": "Initialise", "seed": 1}))
    assert refused.code == EXIT_REFUSED
    assert "has digest sha256:" in refused.reason


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Any, S3Access]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("FEDTRAIN_CACHE", str(tmp_path / "cache"))
    with serving_s3() as endpoint:
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="models")
        yield client, S3Access(endpoint=endpoint, region="us-east-1")


def test_base_data_and_adapter_come_from_a_bucket(
    bucket: tuple[Any, S3Access], federation: Federation, bases: dict[str, Path], tmp_path: Path
) -> None:
    client, s3 = bucket
    folder = earlier(federation)
    for name, source in (("base", bases["llama"]), ("adapters/v3", folder)):
        for file in source.iterdir():
            client.upload_file(str(file), "models", f"{name}/{file.name}")
    for name in ("original/params.json", "consolidated.safetensors"):
        client.put_object(Bucket="models", Key=f"base/{name}", Body=b"{}")
    client.upload_file(str(federation.data), "models", "rows/data.jsonl")
    digest = digest_file(folder / "adapter_model.safetensors")
    later = started_from(federation, "s3://models/adapters/v3", digest, "later")
    (folder / "adapter_config.json").unlink()
    later.model["base"] = "s3://models/base"
    remote = later.assignment({"type": "Initialise", "seed": 1})
    places = Places(
        ledger=remote.binding.places.ledger,
        base=Place(name="base", s3=s3, setting="model.s3"),
        data=(Place(name="data", s3=s3, setting="datasets[words].s3"),),
    )
    refused = later.run(remote.model_copy(update={"binding": remote.binding.model_copy(update={"places": places})}))
    assert "was trained on" in refused.reason  # it was trained on a folder of another name
    later.model["adapter"].pop("initialFrom")
    for work in ({"type": "Initialise", "seed": 1}, {"type": "Inspect"}):
        remote = later.assignment(work)
        changes = {"places": places, "data_uris": ("s3://models/rows/data.jsonl",)}
        binding = remote.binding.model_copy(update=changes)
        assert later.run(remote.model_copy(update={"binding": binding})).reason == ""
    assert later.inspected().fingerprint == federation.inspected().fingerprint
    cached = {path.name for path in (tmp_path / "cache").rglob("*.safetensors")}
    assert cached == {"adapter_model.safetensors"}, "round 0 needs no weights of the base"
    base = base_folder(later.assignment({"type": "Inspect"}).task.model, Binding(places=places))
    assert (base / "model.safetensors").is_file()
    assert not (base / "original").exists()
    assert not (base / "consolidated.safetensors").exists()
    missing = remote.binding.model_copy(update={"places": places, "data_uris": ("s3://models/none",)})
    other = Federation(federation.sibling("other"), bases["llama"], classified(5))
    inspect = other.assignment({"type": "Inspect"}).model_copy(update={"binding": missing})
    assert "no such object or folder" in other.run(inspect).reason


@pytest.mark.parametrize("named", ["adapters/v3", "adapters/v3/adapter_model.safetensors"])
def test_nothing_beside_an_adapter_is_downloaded(
    bucket: tuple[Any, S3Access], federation: Federation, tmp_path: Path, named: str
) -> None:
    """Checkpoints of a training, for example."""
    client, s3 = bucket
    folder = earlier(federation)
    for file in folder.iterdir():
        client.upload_file(str(file), "models", f"adapters/v3/{file.name}")
    for name in ("optimizer.pt", "checkpoint-100/adapter_model.safetensors"):
        client.put_object(Bucket="models", Key=f"adapters/v3/{name}", Body=b"x" * 100)
    later = started_from(federation, f"s3://models/{named}", digest_file(folder / "adapter_model.safetensors"), "later")
    remote = later.assignment({"type": "Initialise", "seed": 1})
    base = Place(name="base", s3=s3, setting="model.s3")
    places = Places(ledger=remote.binding.places.ledger, base=base, data=remote.binding.places.data)
    done = later.run(remote.model_copy(update={"binding": remote.binding.model_copy(update={"places": places})}))
    assert done.reason == ""
    cached = [path for path in (tmp_path / "cache" / "downloads").rglob("[!.]*") if path.is_file()]
    assert sorted(path.name for path in cached) == ["adapter_config.json", "adapter_model.safetensors"]
