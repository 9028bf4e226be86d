"""Fields of Kubernetes pods in a policy: the table and the fields that it passes on. rule_cases.yaml has the errors."""

import pytest
from federation_files import SECTIONS, write

from fedtrain.api.reading import read_file
from hack.kubernetes_fields import FILE, written

VALID = (
    "{volumes: [{name: rows, nfs: {server: nfs.example.org, path: /rows}}]}",
    "{volumes: [{name: rows, emptyDir: {sizeLimit: 1000, medium: Memory}}]}",
    "{volumes: [{name: rows, hostPath: {path: /data, type: ''}}]}",
    "{volumes: [{name: rows, fromTheFuture: {path: /data}}]}",
    "{volumes: [{name: ca, projected: {sources: [{configMap: {name: ca, items: [{key: ca.crt, path: ca.crt}]}}]}}]}",
    "{volumes: [{name: rows, ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: {accessModes: "
    "[ReadWriteOnce], resources: {requests: {storage: 10Gi}}}}}}]}",
)


def test_the_table_has_the_fields_of_the_kubernetes_client():
    assert FILE.read_text() == written(), "run `python -m hack.kubernetes_fields`"


@pytest.mark.parametrize("pods", VALID)
def test_valid_pod_settings_are_accepted(pods: str, tmp_path):
    policy = SECTIONS["bank-b"].replace("}]}}", f"}}], pods: {pods}}}}}")
    assert read_file(write(tmp_path, **{"bank-b": policy})).policies["bank-b"].spec.pods
