"""The cache keeps the newest versions, by owner, and no deleted object."""

from fedtrain_operator.kube.cache import Cache, is_new, summary
from fedtrain_operator.participant.task_reconciler import whole_until_begun

from fedtrain.manifests.kinds import Json, Ref
from fedtrain.manifests.labels import TRAINING, TRAINING_NAMESPACE, training_of

OWNER = Ref("hub", "tickets")


def task(name: str, version: int, uid: str = "", owner: Ref = OWNER) -> Json:
    labels = {TRAINING: owner.name, TRAINING_NAMESPACE: owner.namespace}
    metadata = {"name": name, "namespace": "at", "uid": uid or name, "resourceVersion": str(version), "labels": labels}
    return {"metadata": metadata}


def names(cache: Cache, owner: Ref = OWNER) -> list[str]:
    return [body["metadata"]["name"] for body in cache.of(owner)]


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    cache = Cache(training_of)
    cache.put(task("one", 10))
    cache.put(task("one", 9))
    found = cache.get(Ref("at", "one"))
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "10"


def test_a_late_answer_does_not_restore_a_deleted_object() -> None:
    cache = Cache(training_of)
    cache.put(task("one", 1))
    cache.drop(task("one", 2))
    cache.put(task("one", 1))
    assert names(cache) == []


def test_another_object_of_the_same_name_is_another_object() -> None:
    cache = Cache(training_of)
    cache.put(task("one", 1, uid="first"))
    cache.drop(task("one", 2, uid="first"))
    cache.put(task("one", 3, uid="second"))
    cache.drop(task("one", 2, uid="first"))
    assert names(cache) == ["one"]


def test_an_object_whose_labels_change_belongs_to_its_new_owner_only() -> None:
    cache, other = Cache(training_of), Ref("hub", "letters")
    cache.put(task("one", 1))
    cache.put(task("one", 2, owner=other))
    assert names(cache) == []
    assert names(cache, other) == ["one"]
    cache.put({"metadata": task("one", 3)["metadata"] | {"labels": {}}})
    assert names(cache, other) == []
    cache.drop(task("one", 4, owner=other))
    assert names(cache) == names(cache, other) == cache.all() == []


def test_a_version_that_a_list_or_an_answer_has_brought_is_not_new() -> None:
    cache = Cache(training_of)
    cache.put(task("one", 5))
    assert not is_new(cache, {"type": "MODIFIED", "object": task("one", 5)})
    assert is_new(cache, {"type": "MODIFIED", "object": task("one", 4)}), "a write of another client before the answer"
    assert is_new(cache, {"type": "MODIFIED", "object": task("one", 6)})
    assert is_new(cache, {"type": "DELETED", "object": task("one", 5)})
    assert is_new(cache, {"type": None, "object": task("two", 5)})


def test_of_our_own_job_the_status_is_kept_and_the_spec_is_not() -> None:
    cache, job = Cache(seen=summary), task("one", 1)
    cache.put({**job, "spec": {"template": "long"}, "status": {"active": 1}})
    assert cache.get(Ref("at", "one")) == {**job, "status": {"active": 1}}


def test_of_a_task_that_has_begun_all_is_kept_but_what_it_is_to_do() -> None:
    new = task("one", 1) | {"spec": {"task": {"round": 1}, "desiredState": "Run"}}
    cache = Cache(seen=whole_until_begun)
    cache.put(new)
    assert cache.get(Ref("at", "one")) == new
    begun = task("one", 2) | {"spec": {"task": {"round": 1}, "desiredState": "Cancel"}, "status": {"phase": "Running"}}
    cache.put(begun)
    assert cache.get(Ref("at", "one")) == begun | {"spec": {"desiredState": "Cancel"}}
