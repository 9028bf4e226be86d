"""The privacy of a run for the report and the model card: epsilon with all that it depends on."""

from fedtrain.api.privacy_terms import not_in_epsilon
from fedtrain.results.run_summary import RunSummary


def privacy_about(summary: RunSummary, page: str) -> str:
    """Return in sentences what epsilon means and does not count; empty without privacy, or if the run is not private.
    `page`: where this is shown."""
    loss = summary.privacy
    if loss is None or not loss.private:
        return ""
    open_numbers = "Row counts" if loss.unit == "Example" else "Losses, row counts and metrics"
    said = (
        "The adapters of this run are differentially private: epsilon and delta limit how much they reveal about "
        f"{loss.protected}, and smaller is safer. {open_numbers} in this {page} were not protected by noise."
    )
    return " ".join(one for one in (said, not_in_epsilon(summary.spec)) if one is not None)


def privacy_facts(summary: RunSummary) -> list[tuple[str, str]]:
    """Return epsilon and its terms by name; empty without privacy, or if the run is not private. The number is that of
    the whole run."""
    loss, privacy = summary.privacy, summary.spec.privacy
    if loss is None or privacy is None or not loss.private:
        return []
    clipping = "adaptive" if privacy.clipping.norm is None else f"fixed at {privacy.clipping.norm:g}"
    epsilon = f"unknown ({loss.problem})" if loss.epsilon is None else f"{loss.epsilon:.4g}"
    return [
        ("epsilon", f"{epsilon} (budget {loss.budget:g})"),
        ("delta", f"{loss.delta:g}"),
        *([("epsilon towards the hub", loss.hub_text)] if loss.hub_text else []),
        ("protected", loss.protected),
        ("neighbouring relation", loss.relation),
        ("trust", loss.trust),
        ("accountant", loss.accountant),
        *([("epsilon by participant", loss.by_participant)] if loss.participants else []),
        ("clipping norm", clipping),
        *([("signal to noise", loss.ratio_text)] if loss.ratio else []),
    ]
