"""The aggregator's input: one JSON object, `{namespace, name, round, k, storage}`."""

import errno
import logging
import tempfile

from pydantic import ValidationError

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.records import Aggregate, Close, Run
from fedtrain.contracts.wire.aggregation import AggregationOrder
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.run_spec import spec_of
from fedtrain.ledger.store import StoreError, StoreRefused, StoreUnavailable
from fedtrain.plurals import several
from fedtrain_aggregator.aggregate import aggregate
from fedtrain_aggregator.errors import Refused

log = logging.getLogger("fedtrain.aggregator")


def carry_out(text: str) -> tuple[int, str]:
    """Carry out the assignment that the JSON in `text` holds. Return (exit code of fedtrain.contracts.tasks, outcome in
    words)."""
    try:
        return EXIT_DONE, _outcome(_aggregate(AggregationOrder.model_validate_json(text)))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        return EXIT_REFUSED, f"{error.title}: {where}: {problem['msg']}"
    except StoreError as error:
        return _of_store(error)
    except (Refused, ValueError) as error:
        return EXIT_REFUSED, str(error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            folder = error.filename or tempfile.gettempdir()
            return EXIT_RETRY, f"the disk of {folder} is full ({error.strerror}). Free some space"
        return EXIT_RETRY, f"{type(error).__name__}: {error}"
    except MemoryError as error:
        return EXIT_RETRY, f"{type(error).__name__}: {error}"


def _aggregate(order: AggregationOrder) -> Aggregate | Close:
    if order.contract_version > CONTRACT_VERSION:
        raise Refused(
            f"the order has contract version {order.contract_version}, but this aggregator supports up to "
            f"{CONTRACT_VERSION}. Update the operator's image."
        )
    if order.required_features:
        raise Refused(
            f"the order requires unknown features: {', '.join(order.required_features)}. Update the operator's image."
        )
    ledger = open_ledger(order.ledger_storage(), order.namespace, order.name)
    run = ledger.read(names.RUN, Run)
    if run is None:
        raise Refused(f"{ledger.url} has no {names.RUN}: the run does not exist. Check namespace, name and storage.")
    return aggregate(ledger, order.round, order.k, spec_of(ledger, run))


def _of_store(error: StoreError) -> tuple[int, str]:
    if error.unanswered is not None:
        log.warning("%s", error)
        return EXIT_RETRY, error.outcome
    if isinstance(error, StoreUnavailable):
        return EXIT_RETRY, str(error)
    return EXIT_LEDGER if isinstance(error, StoreRefused) else EXIT_REFUSED, str(error)


def _outcome(made: Aggregate | Close) -> str:
    if isinstance(made, Aggregate):
        zero = ", ".join(weight.participant for weight in made.weights if weight.norm == 0)
        warning = f". Warning: the updates of these participants are all zeros: {zero}" if zero else ""
        return f"round {made.round}: {several(len(made.weights), 'update')} aggregated into {made.adapter}{warning}"
    out = ", ".join(f"{bad.participant} ({bad.reason})" for bad in made.quarantined)
    return f"round {made.round}: close {made.k} leaves {several(len(made.updates), 'update')}; quarantined: {out}"
