"""Params of the stages, twins of those in Java, which know defaults and valid values."""

from typing import TypeVar

from pyspark.ml.param import Param, Params, TypeConverters

S = TypeVar("S", bound=Params)


class ClusterParams(Params):
    """Ranks, how they are grouped, and where they compute."""

    ranks: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "ranks",
        "P, number of ranks (cluster.ranks)",
        typeConverter=TypeConverters.toInt,
    )

    pp: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "pp",
        "N_PP, pipeline stages (cluster.pp)",
        typeConverter=TypeConverters.toInt,
    )

    mp: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "mp",
        "N_MP, ranks that share attention and dense layers (cluster.mp)",
        typeConverter=TypeConverters.toInt,
    )

    ep: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "ep",
        "N_EP, ranks that share out the experts; unless it is set, all ranks "
        "(cluster.ep)",
        typeConverter=TypeConverters.toInt,
    )

    esp: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "esp",
        "N_ESP, ranks that share each expert (cluster.esp)",
        typeConverter=TypeConverters.toInt,
    )

    device: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "device",
        "cpu or cuda (device.kind)",
        typeConverter=TypeConverters.toString,
    )

    policy: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "policy",
        "How MoE layers run where experts are on several ranks (schedule.policy)",
        typeConverter=TypeConverters.toString,
    )

    def getRanks(self) -> int:
        """P, number of ranks (cluster.ranks)."""
        return self.getOrDefault(self.ranks)

    def setRanks(self: S, value: int) -> S:
        """Sets :py:attr:`ranks`."""
        return self._set(ranks=value)

    def getPp(self) -> int:
        """N_PP, pipeline stages (cluster.pp)."""
        return self.getOrDefault(self.pp)

    def setPp(self: S, value: int) -> S:
        """Sets :py:attr:`pp`."""
        return self._set(pp=value)

    def getMp(self) -> int:
        """N_MP, ranks that share attention and dense layers (cluster.mp)."""
        return self.getOrDefault(self.mp)

    def setMp(self: S, value: int) -> S:
        """Sets :py:attr:`mp`."""
        return self._set(mp=value)

    def getEp(self) -> int:
        """N_EP, ranks that share out the experts; unless it is set, all ranks (cluster.ep)."""
        return self.getOrDefault(self.ep)

    def setEp(self: S, value: int) -> S:
        """Sets :py:attr:`ep`."""
        return self._set(ep=value)

    def getEsp(self) -> int:
        """N_ESP, ranks that share each expert (cluster.esp)."""
        return self.getOrDefault(self.esp)

    def setEsp(self: S, value: int) -> S:
        """Sets :py:attr:`esp`."""
        return self._set(esp=value)

    def getDevice(self) -> str:
        """cpu or cuda (device.kind)."""
        return self.getOrDefault(self.device)

    def setDevice(self: S, value: str) -> S:
        """Sets :py:attr:`device`."""
        return self._set(device=value)

    def getPolicy(self) -> str:
        """How MoE layers run where experts are on several ranks (schedule.policy)."""
        return self.getOrDefault(self.policy)

    def setPolicy(self: S, value: str) -> S:
        """Sets :py:attr:`policy`."""
        return self._set(policy=value)


class ArchitectureParams(Params):
    """The model and its MoE layers."""

    architecture: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "architecture",
        "gpt2 or mixtral (model.architecture)",
        typeConverter=TypeConverters.toString,
    )

    layers: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "layers",
        "Number of blocks (model.layers)",
        typeConverter=TypeConverters.toInt,
    )

    hiddenSize: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "hiddenSize",
        "M, width of the residual stream (model.hidden-size)",
        typeConverter=TypeConverters.toInt,
    )

    heads: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "heads",
        "Query heads of a block (model.heads)",
        typeConverter=TypeConverters.toInt,
    )

    kvHeads: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "kvHeads",
        "Key and value heads; 0: as many as heads (model.kv-heads)",
        typeConverter=TypeConverters.toInt,
    )

    feedForwardSize: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "feedForwardSize",
        "Hidden size of the feed-forward in blocks that are not MoE layers "
        "(model.feed-forward-size)",
        typeConverter=TypeConverters.toInt,
    )

    maxSequenceLength: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "maxSequenceLength",
        "Most tokens of a sequence (model.max-sequence-length)",
        typeConverter=TypeConverters.toInt,
    )

    moeLayers: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "moeLayers",
        "Which blocks are MoE layers (model.moe-layers)",
        typeConverter=TypeConverters.toString,
    )

    experts: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "experts",
        "E, experts of one layer (moe.experts)",
        typeConverter=TypeConverters.toInt,
    )

    topK: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "topK",
        "k, experts that a token goes to (moe.top-k)",
        typeConverter=TypeConverters.toInt,
    )

    capacityFactor: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "capacityFactor",
        "f, a number or * (moe.capacity-factor)",
        typeConverter=TypeConverters.toString,
    )

    gate: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "gate",
        "Name of the gate (moe.gate)",
        typeConverter=TypeConverters.toString,
    )

    expert: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "expert",
        "Name of the expert (moe.expert)",
        typeConverter=TypeConverters.toString,
    )

    expertHiddenSize: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "expertHiddenSize",
        "H, hidden size of one expert (moe.hidden-size)",
        typeConverter=TypeConverters.toInt,
    )

    auxLoss: "Param[float]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "auxLoss",
        "Coefficient of the gate's own balancing loss (moe.aux-loss)",
        typeConverter=TypeConverters.toFloat,
    )

    def getArchitecture(self) -> str:
        """gpt2 or mixtral (model.architecture)."""
        return self.getOrDefault(self.architecture)

    def setArchitecture(self: S, value: str) -> S:
        """Sets :py:attr:`architecture`."""
        return self._set(architecture=value)

    def getLayers(self) -> int:
        """Number of blocks (model.layers)."""
        return self.getOrDefault(self.layers)

    def setLayers(self: S, value: int) -> S:
        """Sets :py:attr:`layers`."""
        return self._set(layers=value)

    def getHiddenSize(self) -> int:
        """M, width of the residual stream (model.hidden-size)."""
        return self.getOrDefault(self.hiddenSize)

    def setHiddenSize(self: S, value: int) -> S:
        """Sets :py:attr:`hiddenSize`."""
        return self._set(hiddenSize=value)

    def getHeads(self) -> int:
        """Query heads of a block (model.heads)."""
        return self.getOrDefault(self.heads)

    def setHeads(self: S, value: int) -> S:
        """Sets :py:attr:`heads`."""
        return self._set(heads=value)

    def getKvHeads(self) -> int:
        """Key and value heads; 0: as many as heads (model.kv-heads)."""
        return self.getOrDefault(self.kvHeads)

    def setKvHeads(self: S, value: int) -> S:
        """Sets :py:attr:`kvHeads`."""
        return self._set(kvHeads=value)

    def getFeedForwardSize(self) -> int:
        """Hidden size of the feed-forward in blocks that are not MoE layers (model.feed-forward-size)."""
        return self.getOrDefault(self.feedForwardSize)

    def setFeedForwardSize(self: S, value: int) -> S:
        """Sets :py:attr:`feedForwardSize`."""
        return self._set(feedForwardSize=value)

    def getMaxSequenceLength(self) -> int:
        """Most tokens of a sequence (model.max-sequence-length)."""
        return self.getOrDefault(self.maxSequenceLength)

    def setMaxSequenceLength(self: S, value: int) -> S:
        """Sets :py:attr:`maxSequenceLength`."""
        return self._set(maxSequenceLength=value)

    def getMoeLayers(self) -> str:
        """Which blocks are MoE layers (model.moe-layers)."""
        return self.getOrDefault(self.moeLayers)

    def setMoeLayers(self: S, value: str) -> S:
        """Sets :py:attr:`moeLayers`."""
        return self._set(moeLayers=value)

    def getExperts(self) -> int:
        """E, experts of one layer (moe.experts)."""
        return self.getOrDefault(self.experts)

    def setExperts(self: S, value: int) -> S:
        """Sets :py:attr:`experts`."""
        return self._set(experts=value)

    def getTopK(self) -> int:
        """k, experts that a token goes to (moe.top-k)."""
        return self.getOrDefault(self.topK)

    def setTopK(self: S, value: int) -> S:
        """Sets :py:attr:`topK`."""
        return self._set(topK=value)

    def getCapacityFactor(self) -> str:
        """f, a number or * (moe.capacity-factor)."""
        return self.getOrDefault(self.capacityFactor)

    def setCapacityFactor(self: S, value: str) -> S:
        """Sets :py:attr:`capacityFactor`."""
        return self._set(capacityFactor=value)

    def getGate(self) -> str:
        """Name of the gate (moe.gate)."""
        return self.getOrDefault(self.gate)

    def setGate(self: S, value: str) -> S:
        """Sets :py:attr:`gate`."""
        return self._set(gate=value)

    def getExpert(self) -> str:
        """Name of the expert (moe.expert)."""
        return self.getOrDefault(self.expert)

    def setExpert(self: S, value: str) -> S:
        """Sets :py:attr:`expert`."""
        return self._set(expert=value)

    def getExpertHiddenSize(self) -> int:
        """H, hidden size of one expert (moe.hidden-size)."""
        return self.getOrDefault(self.expertHiddenSize)

    def setExpertHiddenSize(self: S, value: int) -> S:
        """Sets :py:attr:`expertHiddenSize`."""
        return self._set(expertHiddenSize=value)

    def getAuxLoss(self) -> float:
        """Coefficient of the gate's own balancing loss (moe.aux-loss)."""
        return self.getOrDefault(self.auxLoss)

    def setAuxLoss(self: S, value: float) -> S:
        """Sets :py:attr:`auxLoss`."""
        return self._set(auxLoss=value)


class TrainingParams(Params):
    """The data, the optimisation and what training leaves behind."""

    tokenizer: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "tokenizer",
        "byte, gpt2 or the path of a tokenizer.json (data.tokenizer)",
        typeConverter=TypeConverters.toString,
    )

    sequenceLength: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "sequenceLength",
        "L, tokens predicted in a sequence (data.sequence-length)",
        typeConverter=TypeConverters.toInt,
    )

    validationFraction: "Param[float]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "validationFraction",
        "Share of documents held out (data.validation-fraction)",
        typeConverter=TypeConverters.toFloat,
    )

    dataSeed: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "dataSeed",
        "Decides the split and the order of sequences (data.seed)",
        typeConverter=TypeConverters.toInt,
    )

    steps: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "steps",
        "Optimiser steps (train.steps)",
        typeConverter=TypeConverters.toInt,
    )

    globalBatch: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "globalBatch",
        "GB, sequences in a step over all ranks (train.global-batch)",
        typeConverter=TypeConverters.toInt,
    )

    microBatch: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "microBatch",
        "B, sequences that a data-parallel rank passes through the model at once "
        "(train.micro-batch)",
        typeConverter=TypeConverters.toInt,
    )

    precision: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "precision",
        "f32, bf16 or f64 (train.precision)",
        typeConverter=TypeConverters.toString,
    )

    learningRate: "Param[float]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "learningRate",
        "The highest learning rate (train.learning-rate)",
        typeConverter=TypeConverters.toFloat,
    )

    warmupSteps: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "warmupSteps",
        "Steps over which the learning rate rises from 0 (train.warmup-steps)",
        typeConverter=TypeConverters.toInt,
    )

    seed: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "seed",
        "Of the first weights and of the gates' random choices (train.seed)",
        typeConverter=TypeConverters.toInt,
    )

    outputDirectory: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "outputDirectory",
        "The model directory; unless it is set, a temporary one for each fit "
        "(output.directory)",
        typeConverter=TypeConverters.toString,
    )

    checkpointDirectory: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "checkpointDirectory",
        "Where checkpoints go; empty: into the model directory "
        "(checkpoint.directory)",
        typeConverter=TypeConverters.toString,
    )

    checkpointEvery: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "checkpointEvery",
        "Steps from one checkpoint to the next; 0 writes the last one only "
        "(checkpoint.every)",
        typeConverter=TypeConverters.toInt,
    )

    resume: "Param[bool]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "resume",
        "Whether to go on from the newest usable checkpoint (checkpoint.resume)",
        typeConverter=TypeConverters.toBoolean,
    )

    def getTokenizer(self) -> str:
        """byte, gpt2 or the path of a tokenizer.json (data.tokenizer)."""
        return self.getOrDefault(self.tokenizer)

    def setTokenizer(self: S, value: str) -> S:
        """Sets :py:attr:`tokenizer`."""
        return self._set(tokenizer=value)

    def getSequenceLength(self) -> int:
        """L, tokens predicted in a sequence (data.sequence-length)."""
        return self.getOrDefault(self.sequenceLength)

    def setSequenceLength(self: S, value: int) -> S:
        """Sets :py:attr:`sequenceLength`."""
        return self._set(sequenceLength=value)

    def getValidationFraction(self) -> float:
        """Share of documents held out (data.validation-fraction)."""
        return self.getOrDefault(self.validationFraction)

    def setValidationFraction(self: S, value: float) -> S:
        """Sets :py:attr:`validationFraction`."""
        return self._set(validationFraction=value)

    def getDataSeed(self) -> int:
        """Decides the split and the order of sequences (data.seed)."""
        return self.getOrDefault(self.dataSeed)

    def setDataSeed(self: S, value: int) -> S:
        """Sets :py:attr:`dataSeed`."""
        return self._set(dataSeed=value)

    def getSteps(self) -> int:
        """Optimiser steps (train.steps)."""
        return self.getOrDefault(self.steps)

    def setSteps(self: S, value: int) -> S:
        """Sets :py:attr:`steps`."""
        return self._set(steps=value)

    def getGlobalBatch(self) -> int:
        """GB, sequences in a step over all ranks (train.global-batch)."""
        return self.getOrDefault(self.globalBatch)

    def setGlobalBatch(self: S, value: int) -> S:
        """Sets :py:attr:`globalBatch`."""
        return self._set(globalBatch=value)

    def getMicroBatch(self) -> int:
        """B, sequences that a data-parallel rank passes through the model at once (train.micro-batch)."""
        return self.getOrDefault(self.microBatch)

    def setMicroBatch(self: S, value: int) -> S:
        """Sets :py:attr:`microBatch`."""
        return self._set(microBatch=value)

    def getPrecision(self) -> str:
        """f32, bf16 or f64 (train.precision)."""
        return self.getOrDefault(self.precision)

    def setPrecision(self: S, value: str) -> S:
        """Sets :py:attr:`precision`."""
        return self._set(precision=value)

    def getLearningRate(self) -> float:
        """The highest learning rate (train.learning-rate)."""
        return self.getOrDefault(self.learningRate)

    def setLearningRate(self: S, value: float) -> S:
        """Sets :py:attr:`learningRate`."""
        return self._set(learningRate=value)

    def getWarmupSteps(self) -> int:
        """Steps over which the learning rate rises from 0 (train.warmup-steps)."""
        return self.getOrDefault(self.warmupSteps)

    def setWarmupSteps(self: S, value: int) -> S:
        """Sets :py:attr:`warmupSteps`."""
        return self._set(warmupSteps=value)

    def getSeed(self) -> int:
        """Of the first weights and of the gates' random choices (train.seed)."""
        return self.getOrDefault(self.seed)

    def setSeed(self: S, value: int) -> S:
        """Sets :py:attr:`seed`."""
        return self._set(seed=value)

    def getOutputDirectory(self) -> str:
        """The model directory; unless it is set, a temporary one for each fit (output.directory)."""
        return self.getOrDefault(self.outputDirectory)

    def setOutputDirectory(self: S, value: str) -> S:
        """Sets :py:attr:`outputDirectory`."""
        return self._set(outputDirectory=value)

    def getCheckpointDirectory(self) -> str:
        """Where checkpoints go; empty: into the model directory (checkpoint.directory)."""
        return self.getOrDefault(self.checkpointDirectory)

    def setCheckpointDirectory(self: S, value: str) -> S:
        """Sets :py:attr:`checkpointDirectory`."""
        return self._set(checkpointDirectory=value)

    def getCheckpointEvery(self) -> int:
        """Steps from one checkpoint to the next; 0 writes the last one only (checkpoint.every)."""
        return self.getOrDefault(self.checkpointEvery)

    def setCheckpointEvery(self: S, value: int) -> S:
        """Sets :py:attr:`checkpointEvery`."""
        return self._set(checkpointEvery=value)

    def getResume(self) -> bool:
        """Whether to go on from the newest usable checkpoint (checkpoint.resume)."""
        return self.getOrDefault(self.resume)

    def setResume(self: S, value: bool) -> S:
        """Sets :py:attr:`resume`."""
        return self._set(resume=value)


class ScoringParams(Params):
    """Columns that a model reads and adds; its trainer hands them on."""

    inputCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "inputCol",
        "Column of strings, a text a row; null gives null scores",
        typeConverter=TypeConverters.toString,
    )

    promptCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "promptCol",
        "Column of strings that stand before the texts: read, but neither learnt nor scored; "
        "empty: none (data.prompt-column)",
        typeConverter=TypeConverters.toString,
    )

    logLikelihoodCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "logLikelihoodCol",
        "Column to add: log-likelihood of the text, double, nats",
        typeConverter=TypeConverters.toString,
    )

    tokenCountCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "tokenCountCol",
        "Column to add: tokens that were predicted, long",
        typeConverter=TypeConverters.toString,
    )

    perplexityCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "perplexityCol",
        "Column to add: perplexity of the text, double",
        typeConverter=TypeConverters.toString,
    )

    generatedCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "generatedCol",
        "Column to add: what the model writes after the text, string",
        typeConverter=TypeConverters.toString,
    )

    maxNewTokens: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "maxNewTokens",
        "Most tokens to generate for a row",
        typeConverter=TypeConverters.toInt,
    )

    temperature: "Param[float]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "temperature",
        "What logits are divided by in generation",
        typeConverter=TypeConverters.toFloat,
    )

    samplingTopK: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "samplingTopK",
        "How many likeliest tokens generation draws from",
        typeConverter=TypeConverters.toInt,
    )

    samplingTopP: "Param[float]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "samplingTopP",
        "Probability of the tokens that generation draws from",
        typeConverter=TypeConverters.toFloat,
    )

    samplingSeed: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "samplingSeed",
        "Of the draws of each row",
        typeConverter=TypeConverters.toInt,
    )

    batchSize: "Param[int]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "batchSize",
        "Most sequences that pass through the model at once",
        typeConverter=TypeConverters.toInt,
    )

    def getInputCol(self) -> str:
        """Column of strings, a text a row; null gives null scores."""
        return self.getOrDefault(self.inputCol)

    def setInputCol(self: S, value: str) -> S:
        """Sets :py:attr:`inputCol`."""
        return self._set(inputCol=value)

    def getPromptCol(self) -> str:
        """Column of what stands before the texts and is context only; empty: none."""
        return self.getOrDefault(self.promptCol)

    def setPromptCol(self: S, value: str) -> S:
        """Sets :py:attr:`promptCol`."""
        return self._set(promptCol=value)

    def getLogLikelihoodCol(self) -> str:
        """Column to add: log-likelihood of the text, double, nats."""
        return self.getOrDefault(self.logLikelihoodCol)

    def setLogLikelihoodCol(self: S, value: str) -> S:
        """Sets :py:attr:`logLikelihoodCol`."""
        return self._set(logLikelihoodCol=value)

    def getTokenCountCol(self) -> str:
        """Column to add: tokens that were predicted, long."""
        return self.getOrDefault(self.tokenCountCol)

    def setTokenCountCol(self: S, value: str) -> S:
        """Sets :py:attr:`tokenCountCol`."""
        return self._set(tokenCountCol=value)

    def getPerplexityCol(self) -> str:
        """Column to add: perplexity of the text, double."""
        return self.getOrDefault(self.perplexityCol)

    def setPerplexityCol(self: S, value: str) -> S:
        """Sets :py:attr:`perplexityCol`."""
        return self._set(perplexityCol=value)

    def getGeneratedCol(self) -> str:
        """Column to add: what the model writes after the text, string."""
        return self.getOrDefault(self.generatedCol)

    def setGeneratedCol(self: S, value: str) -> S:
        """Sets :py:attr:`generatedCol`."""
        return self._set(generatedCol=value)

    def getMaxNewTokens(self) -> int:
        """Most tokens to generate for a row."""
        return self.getOrDefault(self.maxNewTokens)

    def setMaxNewTokens(self: S, value: int) -> S:
        """Sets :py:attr:`maxNewTokens`."""
        return self._set(maxNewTokens=value)

    def getTemperature(self) -> float:
        """What logits are divided by in generation."""
        return self.getOrDefault(self.temperature)

    def setTemperature(self: S, value: float) -> S:
        """Sets :py:attr:`temperature`."""
        return self._set(temperature=value)

    def getSamplingTopK(self) -> int:
        """How many likeliest tokens generation draws from."""
        return self.getOrDefault(self.samplingTopK)

    def setSamplingTopK(self: S, value: int) -> S:
        """Sets :py:attr:`samplingTopK`."""
        return self._set(samplingTopK=value)

    def getSamplingTopP(self) -> float:
        """Probability of the tokens that generation draws from."""
        return self.getOrDefault(self.samplingTopP)

    def setSamplingTopP(self: S, value: float) -> S:
        """Sets :py:attr:`samplingTopP`."""
        return self._set(samplingTopP=value)

    def getSamplingSeed(self) -> int:
        """Of the draws of each row."""
        return self.getOrDefault(self.samplingSeed)

    def setSamplingSeed(self: S, value: int) -> S:
        """Sets :py:attr:`samplingSeed`."""
        return self._set(samplingSeed=value)

    def getBatchSize(self) -> int:
        """Most sequences that pass through the model at once."""
        return self.getOrDefault(self.batchSize)

    def setBatchSize(self: S, value: int) -> S:
        """Sets :py:attr:`batchSize`."""
        return self._set(batchSize=value)
