"""The works that need torch. Importing this module takes seconds: `import_torch` does it when it must."""

from fedtrain.contracts.tasks import Evaluate, Initialise, Measure, Train
from fedtrain_trainer.context import Context
from fedtrain_trainer.memory import limit
from fedtrain_trainer.precision import deterministic, device_here
from fedtrain_trainer.works.evaluate import evaluate
from fedtrain_trainer.works.initialise import initialise
from fedtrain_trainer.works.measure import measure
from fedtrain_trainer.works.train import train_round


def run_with_model(context: Context, work: Initialise | Train | Measure | Evaluate) -> None:
    deterministic()
    limit(context.binding.gpu_memory, device_here())
    match work:
        case Train():
            train_round(context, work)
        case Measure():
            measure(context, work)
        case Evaluate():
            evaluate(context, work)
        case Initialise():
            if context.group.is_main:
                initialise(context, work)
