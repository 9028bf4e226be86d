"""`evaluation.hub.samples`: answers that an adapter generates for prompts of the hub's data."""

from collections.abc import Sequence
from functools import partial

from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.generated_answers import Generated, GeneratedAnswer
from fedtrain.contracts.record_fields import MAX_TEXT, Digest
from fedtrain.data.row import Row, answer
from fedtrain_trainer.context import Context
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.generation import generate
from fedtrain_trainer.known_tokens import check_tokens
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.precision import chosen

MAX_NEW_TOKENS = 64


def spread(rows: int, wanted: int) -> list[int]:
    """Return positions of at most `wanted` rows, spread evenly: the same in each round."""
    count = min(rows, wanted)
    return [number * rows // count for number in range(count)]


def generated(
    context: Context, model: AdaptedModel, encoder: Encoder, rows: Sequence[Row], wanted: int, adapter: Digest
) -> Digest:
    """Generate and store the answers; return their digest. Prompts are cut from the left where the base model has too
    few positions. Raises Refused."""
    positions = spread(len(rows), wanted)
    chosen_rows = [rows[at] for at in positions]
    room = model.positions
    prompts = encoder.prompts(chosen_rows)
    if room is not None:
        prompts = [prompt[-max(room - MAX_NEW_TOKENS, 1) :] for prompt in prompts]
    check_tokens(context, model, prompts)
    dtype = chosen(context.task.training.precision, model.device)
    texts = generate(model, prompts, MAX_NEW_TOKENS, dtype, partial(context.report, "generating"))
    found = Generated(
        run_id=context.task.run_id,
        adapter=adapter,
        answers=tuple(
            GeneratedAnswer(
                row=at,
                prompt=model.tokenizer.decode(ids, skip_special_tokens=True)[-MAX_TEXT:],
                expected=answer(row)[:MAX_TEXT],
                text=text[:MAX_TEXT],
            )
            for at, row, ids, text in zip(positions, chosen_rows, prompts, texts, strict=True)
        ),
    )
    file = context.folder / "generated.json"
    file.write_bytes(canonical(found))
    return context.ledger.put_blob(file)
