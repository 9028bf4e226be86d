"""Each place of a task has its own server and credentials; none falls back to another's."""

from fedtrain.api.evaluation import EvaluationData
from fedtrain.api.model import Model
from fedtrain.api.participant_policy import BaseModel, Dataset, ParticipantPolicySpec
from fedtrain.api.storage import S3, S3Access, SecretRef, Storage
from fedtrain.contracts.places import places_of_hub, places_of_participant
from fedtrain.manifests.mounted_secrets import secrets_of_places

KEYS = SecretRef(name="hub")
LEDGER = Storage(type="S3", s3=S3(bucket="ledger", endpoint="https://hub", credentials_secret_ref=KEYS))
BASE = "s3://models/base"


def access(name: str) -> S3Access:
    return S3Access(endpoint=f"https://{name}", credentials_secret_ref=SecretRef(name=name))


def policy(dataset: Dataset, base: S3Access | None = None) -> ParticipantPolicySpec:
    return ParticipantPolicySpec(datasets=(dataset,), base_model=BaseModel(s3=base) if base else None)


def test_a_place_without_s3_block_uses_neither_server_nor_secret_of_the_ledger() -> None:
    rows = Dataset(name="rows", uri="s3://rows/a.jsonl")
    model = Model(base=BASE)
    for places in (
        places_of_participant(LEDGER, model, policy(rows), [rows]),
        places_of_hub(LEDGER, model, EvaluationData(uri="s3://held-out/a.jsonl")),
    ):
        assert secrets_of_places(places) == {"ledger": "hub"}
        assert places.base.s3 == S3Access()
        assert [place.s3 for place in places.data] == [S3Access()]


def test_the_policy_declares_the_access_to_data() -> None:
    rows = Dataset(name="rows", uri="s3://rows/a.jsonl", s3=access("bank"))
    places = places_of_participant(LEDGER, Model(base=BASE), policy(rows), [rows])
    assert secrets_of_places(places) == {"ledger": "hub", "data": "bank"}
    (place,) = places.data
    assert (place.s3.endpoint, place.setting) == ("https://bank", "datasets[rows].s3")


def test_each_data_set_of_a_mix_has_its_own_access_and_secret() -> None:
    notes = Dataset(name="notes", uri="s3://notes/a.jsonl", s3=access("clinic"))
    guidelines = Dataset(name="guidelines", uri="/guidelines.jsonl")
    papers = Dataset(name="papers", uri="s3://papers/a.jsonl", s3=access("library"))
    places = places_of_participant(LEDGER, Model(base=BASE), policy(notes), [notes, guidelines, papers])
    assert secrets_of_places(places) == {"ledger": "hub", "data": "clinic", "data-3": "library"}
    assert [place.folder for place in places.data] == ["data", "data-2", "data-3"]
    assert [place.s3.endpoint for place in places.data] == ["https://clinic", None, "https://library"]


def test_the_policys_access_to_base_models_replaces_the_trainings_as_a_whole() -> None:
    """Otherwise a training could send the participant's requests to a server of its choice."""
    rows = Dataset(name="rows", uri="/rows.jsonl")
    model = Model(base=BASE, s3=S3Access(endpoint="https://elsewhere", region="x"))
    own = S3Access(credentials_secret_ref=SecretRef(name="mirror"))
    assert places_of_participant(LEDGER, model, policy(rows, own), [rows]).base.s3 == own
    assert places_of_participant(LEDGER, model, policy(rows), [rows]).base.s3.endpoint == "https://elsewhere"


def test_only_tasks_that_read_rows_have_a_place_for_data() -> None:
    assert places_of_hub(LEDGER, Model(base=BASE)).data == ()
