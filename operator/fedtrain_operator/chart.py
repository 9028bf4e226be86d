"""Commands of the chart's hooks: `python -m fedtrain_operator.chart uninstall RELEASE NAMESPACE REVISION` before a
release is deleted, and `... installed URL` for `helm test`."""

import asyncio
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

import kopf

from fedtrain.manifests.kinds import TRAINING, Json, ref
from fedtrain.manifests.settings import Settings
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.main import kinds_of, login

LONGEST = 10

# Helm marks a release as uninstalling before it runs the hook, and keeps the mark when the hook fails. The operator has
# no right to the release's Secret, which has the mark, so the message says how to remove it.
STAY = """\
{count}: {names}.
Their finalizers need a running operator, so the release stays. Delete them first, suspended and finished ones too, then
uninstall again. Ledgers and adapters stay in their buckets unless storage.retentionPolicy is Delete:
{commands}
  helm uninstall {release.name} -n {release.namespace}
Or leave them for an operator that you install later, which resumes them (the chart's value crds.keep must be true):
  helm uninstall {release.name} -n {release.namespace} --no-hooks
Or keep the operator, which is still running. Until you roll back to its revision, Helm lists the release as
uninstalling (helm list --all) and refuses to upgrade it ("has no deployed releases"):
  helm rollback {release.name} {release.revision} -n {release.namespace}"""


@dataclass(frozen=True)
class Release:
    """The release to be uninstalled."""

    name: str
    namespace: str
    revision: str


def left(trainings: Sequence[Json], release: Release) -> str:
    """Return what to do about the trainings that exist. Pure."""
    count = "1 FederatedTraining exists" if len(trainings) == 1 else f"{len(trainings)} FederatedTrainings exist"
    said = [f"{ref(body)} ({body.get('status', {}).get('phase', 'Pending')})" for body in trainings[:LONGEST]]
    if len(trainings) > LONGEST:
        said.append(f"and {len(trainings) - LONGEST} more")
    namespaces = sorted({ref(body).namespace for body in trainings})
    commands = "\n".join(f"  kubectl delete federatedtrainings --all -n {namespace}" for namespace in namespaces)
    return STAY.format(count=count, names=", ".join(said), commands=commands, release=release)


async def uninstall(cluster: Cluster, release: Release) -> str | None:
    """Return why the release cannot be uninstalled."""
    if not await cluster.offers(TRAINING):
        return None
    trainings = await cluster.list_everywhere(TRAINING, {})
    return left(trainings, release) if trainings else None


async def installed(cluster: Cluster, settings: Settings, url: str) -> str | None:
    """Return the error of the installation."""
    kinds = sorted(kinds_of(settings))
    lacking = [f"{kind.plural}.{kind.group}" for kind in kinds if not await cluster.offers(kind)]
    if lacking:
        return f"the API server does not serve {', '.join(lacking)}. Install the CustomResourceDefinitions"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            print(f"the operator is healthy: {answer.read().decode()}")
    except (urllib.error.URLError, TimeoutError) as error:
        return f"the operator does not answer at {url}: {error}"
    return None


async def _ask(arguments: Sequence[str], settings: Settings) -> str | None:
    operator = kopf.OperatorSettings()
    cluster = Cluster(lambda: login(operator), settings.namespaces)
    try:
        match arguments:
            case ["uninstall", name, namespace, revision]:
                return await uninstall(cluster, Release(name, namespace, revision))
            case ["installed", url]:
                return await installed(cluster, settings, url)
            case _:
                return __doc__
    except ApiError as error:
        return str(error)
    finally:
        await cluster.close()


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    wrong = asyncio.run(_ask(list(arguments), Settings.read()))
    print(wrong or "OK")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
