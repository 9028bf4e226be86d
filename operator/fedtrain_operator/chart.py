"""What the chart asks of this image beside the operator: `python -m fedtrain_operator.chart uninstall RELEASE NAMESPACE
REVISION`, before a release is removed, and `... installed URL`, for `helm test`."""

import asyncio
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

import kopf

from fedtrain.manifests.kinds import TRAINING, Json, ref
from fedtrain.manifests.settings import Settings
from fedtrain_operator.kube.client import ApiError, Cluster
from fedtrain_operator.main import KINDS, login

LONGEST = 10

# Helm marks a release as uninstalling before it asks, and a hook's failure does not take that back. Only its Secret
# says so, and rights to that are not the operator's to have: so this tells how the mark goes.
STAY = """\
{count} here: {names}.
Their finalizers need a running operator, so it stays. Delete them first (ledgers and adapters stay in their buckets,
unless a file says storage.retentionPolicy: Delete), suspended or finished ones too; then uninstall again:
{commands}
  helm uninstall {release.name} -n {release.namespace}
Or leave them to an operator that you install later, and that goes on with them (the chart's value crds.keep must be
true):
  helm uninstall {release.name} -n {release.namespace} --no-hooks
Or keep the operator. It works on as before; but Helm calls the release uninstalling, leaves it out of `helm list` and
refuses to upgrade it ("has no deployed releases") until you take it back, with its revision:
  helm rollback {release.name} {release.revision} -n {release.namespace}"""


@dataclass(frozen=True)
class Release:
    """What helm calls the installation that is to go."""

    name: str
    namespace: str
    revision: str


def left(trainings: Sequence[Json], release: Release) -> str:
    """What to do with those that are still here. Pure."""
    count = "1 FederatedTraining is" if len(trainings) == 1 else f"{len(trainings)} FederatedTrainings are"
    said = [f"{ref(body)} ({body.get('status', {}).get('phase', 'Pending')})" for body in trainings[:LONGEST]]
    if len(trainings) > LONGEST:
        said.append(f"and {len(trainings) - LONGEST} more")
    namespaces = sorted({ref(body).namespace for body in trainings})
    commands = "\n".join(f"  kubectl delete federatedtrainings --all -n {namespace}" for namespace in namespaces)
    return STAY.format(count=count, names=", ".join(said), commands=commands, release=release)


async def uninstall(cluster: Cluster, release: Release) -> str | None:
    """Why the release can't be removed."""
    if not await cluster.offers(TRAINING):
        return None
    trainings = await cluster.list_everywhere(TRAINING, {})
    return left(trainings, release) if trainings else None


async def installed(cluster: Cluster, settings: Settings, url: str) -> str | None:
    """What is wrong with the release."""
    kinds = sorted({kind for name in settings.controllers for kind in KINDS[name]})
    lacking = [f"{kind.plural}.{kind.group}" for kind in kinds if not await cluster.offers(kind)]
    if lacking:
        return f"the API server lacks {', '.join(lacking)}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            print(f"the operator is well: {answer.read().decode()}")
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
    print(wrong or "all is well")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
