from tiny_federation import Federation


def test_a_round_of_training_lowers_the_loss_of_what_is_sent(federation: Federation) -> None:
    update = federation.trained(metrics=[{"name": "loss", "type": "Loss"}, {"name": "right", "type": "Choices"}])
    assert update.validation_loss is not None
    assert update.validation_loss < update.received["loss"]
    assert update.steps == 4
    print(update)
