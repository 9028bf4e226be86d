"""Names that other tools, or fedtrain in another place, use for its fields."""

from fedtrain.api.similar_words import plain_form

_NAMES = {
    # a field of fedtrain, with the block around it where the name alone is ambiguous: names elsewhere
    "model.base": "baseModel, modelName, modelNameOrPath, modelId, modelPath, pretrainedModel, hfModel, model",
    "model.revision": "commit, sha",
    "model.adapter": "lora, loraConfig, peft, peftConfig, qlora",
    "adapter.rank": "r, loraRank, loraR, loraDim, adapterRank",
    "adapter.alpha": "loraAlpha, scaling",
    "adapter.dropout": "loraDropout",
    "adapter.targetModules": "targets, loraTargetModules, modules, layers",
    "adapter.initialFrom": "initAdapter, resumeFrom, resumeFromCheckpoint, adapterPath",
    "data.dataset": "datasetName, trainData, trainFile, dataPath, datasetPath",
    "datasets.share": "weight, probability, proportion, ratio, fraction, sampleRatio",
    "data.format": "type",
    "datasets.format": "type",
    "data.maxLength": "maxSeqLength, maxSeqLen, sequenceLen, sequenceLength, blockSize, cutoffLen, contextLength, "
    "modelMaxLength, maxTokens",
    "data.validationFraction": "valFraction, valSetSize, validationSplit, valSplit, testSize",
    "data.fields": "columns, columnMapping, fieldMapping",
    "spec.participants": "clients, parties, silos, sites, members, organisations, organizations",
    "compute.gpusPerNode": "nvidia.com/gpu, gpus, numGpus, gpuCount, nGpus, nprocPerNode",
    "compute.nodes": "numNodes, nnodes, replicas, workers",
    "rounds.count": "total, numberOfRounds, maxRounds, numRounds, nRounds, totalRounds, globalRounds, commRounds",
    "rounds.deadline": "timeout, roundTimeout, roundDeadline",
    "rounds.minParticipants": "minClients, quorum, minFitClients, minAvailableClients, minUpdates",
    "rounds.retries": "maxRetries, attempts, backoffLimit",
    "earlyStopping.patience": "earlyStoppingPatience",
    "length.steps": "maxSteps, localSteps, stepsPerRound, iterations, maxIters",
    "length.epochs": "numTrainEpochs, numEpochs, localEpochs, epochsPerRound, nEpochs",
    "training.batchSize": "effectiveBatchSize, globalBatchSize, trainBatchSize",
    "training.microBatchSize": "perDeviceTrainBatchSize, perDeviceBatchSize",
    "training.learningRate": "lr, gamma, eta, clientLr, localLr",
    "training.schedule": "lrSchedulerType, lrScheduler, scheduler",
    "training.optimizer": "optim",
    "training.maxGradNorm": "gradientClipping, gradClip, gradClipNorm, clipGradNorm",
    "training.warmupRatio": "warmup",
    "training.weightDecay": "wd, l2",
    "training.precision": "dtype, torchDtype, mixedPrecision",
    "training.gradientCheckpointing": "activationCheckpointing",
    "training.seed": "randomSeed, dataSeed",
    "partitioning.strategy": "method",
    "fixedSize.samples": "samplesPerRound, rowsPerRound, numSamples, maxSamples",
    "aggregation.strategy": "algorithm, aggregator",
    "fedProx.mu": "proximalMu, proximalTerm",
    "fedAvgM.serverLearningRate": "serverLr, serverLearningRate, lr, eta, learningRate",
    "fedAdam.serverLearningRate": "lr, eta, learningRate",
    "fedAdagrad.serverLearningRate": "lr, eta, learningRate",
    "fedYogi.serverLearningRate": "lr, eta, learningRate",
    "fedAvgM.momentum": "serverMomentum",
    "budget.epsilon": "targetEpsilon, maxEpsilon, eps",
    "budget.delta": "targetDelta",
    "noise.multiplier": "noiseMultiplier, sigma, dpNoise, noiseScale",
    "clipping.norm": "clippingNorm, clipNorm, maxGradNorm, l2NormClip, clippingThreshold, clip, clipValue",
    "hub.data": "dataset, file, path, testDataset, testFile, testData, evalData, testSet, evalDataset, evaluationData",
    "evaluation.every": "evalSteps, evalEvery, evaluationInterval, frequency",
    "spec.privacy": "differentialPrivacy, dp",
    "s3.endpoint": "url, endpointUrl, host, server",
    "file.path": "outputDir, outDir, ledgerPath",
    "datasets.uri": "path, file, url, source, location, data",
    "data.uri": "path, file, url, source, location",
    "initialFrom.uri": "path, file, url",
    "spec.datasets": "data, dataSets",
    "minimums.rowsPerRound": "rows, minRows",
    "minimums.participantsPerRound": "participants, minParticipants",
    "privacy.maxEpsilon": "epsilon",
    "limits.adapterRank": "maxRank, rank",
    "limits.gpus": "nvidia.com/gpu, maxGpus, gpuCount",
    "exactMatch.maxNewTokens": "maxTokens",
}  # fmt: skip

INSTEAD = {
    plain_form(name): advice
    for names, advice in {
        "gradientAccumulationSteps, gradAccum, gradientAccumulation": "Remove it, and set `training.batchSize` to the "
        "rows of one optimizer step; gradients are accumulated as needed",
        "bf16": "Write `precision: BF16` in spec.training instead",
        "fp16": "Write `precision: FP16` in spec.training instead",
        "loadIn4bit, loadIn8bit, quantization, quantizationConfig, bnb4bitQuantType, bnb4bitComputeDtype, "
        "bnb4bitUseDoubleQuant, useQlora": "Remove it; base models are not quantized",
        "loadBestModelAtEnd, saveBest, saveBestModel": "Remove it, and set `keep: Best` in spec.training",
        "warmupSteps": "Write `warmupRatio` in spec.training instead: the number of warm-up steps, divided by the "
        "steps of all rounds, such as `warmupRatio: 0.03`",
        "accessKey, accessKeyId, awsAccessKeyId, secretKey, secretAccessKey, awsSecretAccessKey": "Remove it; "
        "keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, on a cluster from the Secret in "
        "`credentialsSecretRef`",
        "saveSteps, loggingSteps, reportTo, logging, wandb, mlflow, tensorboard, tracking": "Remove it; `fedtrain "
        "track RUN` copies the metrics to a tracker",
        "fractionFit, clientsPerRound, participantsPerRound, sampling, clientFraction": "Remove it; every participant "
        "trains in every round",
        "bias, loraBias, taskType, peftType, fanInFanOut, inferenceMode": "Remove it; adapters are LoRA for causal "
        "language models, without biases",
        "robust, secureAggregation, encryption, compression, transport": "Remove it; this version does not have it",
    }.items()
    for name in names.split(", ")
}
"""Fields of other tools that no field of fedtrain replaces one to one: what to do instead, without a full stop."""


_VALUES = {
    # a value of fedtrain: values elsewhere
    "Messages": "chat, openai, chatml, conversation, conversational, chatTemplate",
    "Instruction": "alpaca, instruct",
    "PromptCompletion": "completion, inputOutput, qa, questionAnswer, pairs",
    "Text": "raw, plainText, pretraining, corpus",
    "Cosine": "cosineWithRestarts, cosineAnnealing",
    "AdamW": "adamwTorch, adamwHf, adamw8bit, pagedAdamw",
    "BF16": "bfloat16, torch.bfloat16",
    "FP16": "float16, half, torch.float16",
    "FP32": "float32, float, full, torch.float32",
    "Participant": "user, client, group, silo, organisation",
    "Example": "sample, record, row, instance",
    "File": "local, disk, filesystem, folder",
    "S3": "minio, bucket, aws, gcs",
    "Choices": "accuracy, classification, multipleChoice",
    "ExactMatch": "exact, em, regex",
    "Loss": "crossEntropy, nll, evalLoss",
    "Perplexity": "ppl",
    "Percentage": "fraction, percent",
    "FixedSize": "fixed, count, samples",
}
_VALUE_OF = {plain_form(name): value for value, names in _VALUES.items() for name in names.split(", ")}


def value_named(word: str) -> str | None:
    """Return the value that another tool names `word`."""
    return _VALUE_OF.get(plain_form(word))


def fields_named(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the ends of the paths that `name` may mean, best first: `("adapter", "rank")` for `r`."""
    return MEANINGS.get(plain_form(name), ())


def _meanings() -> dict[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for field, names in _NAMES.items():
        for name in names.split(", "):
            found[plain_form(name)] = (*found.get(plain_form(name), ()), tuple(field.split(".")))
    return found


MEANINGS = _meanings()
"""The ends of the paths that each other name leads to."""
