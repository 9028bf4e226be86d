"""The blocks of a task on the wire. Defaults belong to the receiver: a field that is None is left out."""

from fedtrain.contracts.wire.base import Wire


class TargetModules(Wire):
    type: str | None = None
    names: tuple[str, ...] | None = None


class InitialFrom(Wire):
    uri: str
    digest: str


class Adapter(Wire):
    rank: int | None = None
    alpha: float | None = None
    dropout: float | None = None
    target_modules: TargetModules | None = None
    initial_from: InitialFrom | None = None


class S3Access(Wire):
    """A server. Credentials are never on the wire."""

    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    ca_file: str | None = None


class Model(Wire):
    base: str
    revision: str | None = None
    s3: S3Access | None = None
    adapter: Adapter | None = None


class Fields(Wire):
    messages: str | None = None
    tools: str | None = None
    prompt: str | None = None
    completion: str | None = None
    text: str | None = None
    instruction: str | None = None
    input: str | None = None
    output: str | None = None
    conversations: str | None = None
    system: str | None = None
    choices: str | None = None


class MixedDataset(Wire):
    name: str
    share: float
    format: str | None = None
    fields: Fields | None = None


class Data(Wire):
    dataset: str | None = None
    datasets: tuple[MixedDataset, ...] | None = None
    format: str
    fields: Fields | None = None
    max_length: int | None = None
    validation_fraction: float | None = None


class Length(Wire):
    type: str
    steps: int | None = None
    epochs: float | None = None


class Training(Wire):
    length: Length
    batch_size: int | None = None
    micro_batch_size: int | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup_ratio: float | None = None
    optimizer: str | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    precision: str | None = None
    gradient_checkpointing: str | None = None
    keep: str | None = None
    seed: int | None = None


class ExactMatch(Wire):
    pattern: str
    max_new_tokens: int | None = None


class Metric(Wire):
    name: str
    type: str
    exact_match: ExactMatch | None = None


class PastReleases(Wire):
    multiplier: float
    count: int


class PrivacyPromise(Wire):
    unit: str
    multiplier: float
    delta: float
    released: tuple[PastReleases, ...] | None = None


class BaseFingerprint(Wire):
    settings: str | None = None
    tokenizer: str | None = None
    weights: str | None = None


class UpdateClipping(Wire):
    bound: float
    reports_within: bool | None = None


class NoiseShare(Wire):
    multiplier: float
    updates: int
    indicator_noise: float | None = None
    testing_seed: int | None = None


class ExampleNoise(Wire):
    probability: float
    batch: int
    steps: int
    bound: float
    multiplier: float


class MixedSlice(Wire):
    name: str
    population: int
    start: int
    samples: int


class Work(Wire):
    """The fields of all types of work; `type` says which apply."""

    type: str
    seed: int | None = None
    adapter: str | None = None
    config: str | None = None
    fingerprint: str | None = None
    population: int | None = None
    start: int | None = None
    samples: int | None = None
    distinct: int | None = None
    datasets: tuple[MixedSlice, ...] | None = None
    progress_start: float | None = None
    progress_end: float | None = None
    train_only_b: bool | None = None
    proximal_mu: float | None = None
    metrics: tuple[Metric, ...] | None = None
    clipping: UpdateClipping | None = None
    noise: NoiseShare | None = None
    example_noise: ExampleNoise | None = None
    testing_seed: int | None = None
    states_norm: bool | None = None
    plan: str | None = None
    k: int | None = None


class S3(S3Access):
    bucket: str
    prefix: str | None = None


class File(Wire):
    path: str


class Storage(Wire):
    """The place of the ledger. Credentials are never on the wire."""

    type: str
    s3: S3 | None = None
    file: File | None = None
