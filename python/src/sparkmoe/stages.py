"""The stages: each wraps the Java class of the same name in ``org.sparkmoe.ml``."""

from typing import Any, Generic, Mapping, Type, TypeVar, Union

from pyspark.ml.evaluation import JavaEvaluator
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLReader, JavaMLWritable
from pyspark.ml.wrapper import JavaEstimator, JavaModel, JavaParams, JavaTransformer

from sparkmoe.params import ArchitectureParams, ClusterParams, ScoringParams, TrainingParams

_PACKAGE = "org.sparkmoe.ml"
RL = TypeVar("RL")


class _Reader(JavaMLReader[RL]):
    @classmethod
    def _java_loader_class(cls, clazz: Type[Any]) -> str:
        return f"{_PACKAGE}.{clazz.__name__}"


class _Readable(JavaMLReadable[RL], Generic[RL]):
    @classmethod
    def read(cls) -> JavaMLReader[RL]:
        """Returns a reader of what ``write`` wrote."""
        return _Reader(cls)


class _Stage(JavaParams):
    """A stage that starts with the defaults of its Java twin and the given Params."""

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self._java_obj = self._new_java_obj(f"{_PACKAGE}.{type(self).__name__}", self.uid)
        self._transfer_params_from_java()
        self._set(**params)


class MoeLanguageModel(
    JavaModel,
    ScoringParams,
    JavaMLWritable,
    _Readable["MoeLanguageModel"],
):
    """A trained language model, which scores texts and goes on from them.

    ``transform`` adds the columns ``logLikelihood`` (nats), ``tokenCount`` and ``perplexity``,
    and, if ``generatedCol`` is set, what the model writes after the text.
    """

    @classmethod
    def fromModelDirectory(cls, directory: str) -> "MoeLanguageModel":
        """The model in a directory that ``spark-moe train`` made."""
        return cls._from_java(_Reader._load_java_obj(cls).fromModelDirectory(directory))

    def modelDirectory(self) -> str:
        """Where the weights lie; the command line generates from it and evaluates it too."""
        return self._call_java("modelDirectory")


class MoeLanguageModelTrainer(
    _Stage,
    JavaEstimator[MoeLanguageModel],
    ClusterParams,
    ArchitectureParams,
    TrainingParams,
    ScoringParams,
    JavaMLWritable,
    _Readable["MoeLanguageModelTrainer"],
):
    """Trains a language model with Mixture-of-Experts layers on a column of texts.

    ``MoeLanguageModelTrainer(ranks=2, experts=8).fit(texts)`` trains on two tasks of Spark. What
    is set as a Param goes over ``configuration``, which reaches every key there is, and that over
    the defaults. Unless ``outputDirectory`` is set, the model goes when the application ends, if
    it is not saved.
    """

    configuration: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "configuration",
        "HOCON text with any key of the configuration; Params that are set go over it",
        typeConverter=TypeConverters.toString,
    )

    showProgress: "Param[bool]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "showProgress",
        "Whether fit shows step, loss, tokens per second, time left and imbalance on standard "
        "error of the JVM",
        typeConverter=TypeConverters.toBoolean,
    )

    def getShowProgress(self) -> bool:
        """Whether fit shows how far training is."""
        return self.getOrDefault(self.showProgress)

    def setShowProgress(self, value: bool) -> "MoeLanguageModelTrainer":
        """Sets :py:attr:`showProgress`."""
        return self._set(showProgress=value)

    def getConfiguration(self) -> str:
        """HOCON text with any key of the configuration."""
        return self.getOrDefault(self.configuration)

    def setConfiguration(self, value: Union[str, Mapping[str, Any]]) -> "MoeLanguageModelTrainer":
        """Sets keys of the configuration: ``{"moe.z-loss": 1e-3}``, or HOCON text."""
        self._call_java("setConfiguration", value)
        return self._set(configuration=self._call_java("getConfiguration"))

    def _create_model(self, java_model: Any) -> MoeLanguageModel:
        return MoeLanguageModel(java_model)


class PerplexityEvaluator(
    _Stage,
    JavaEvaluator,
    JavaMLWritable,
    _Readable["PerplexityEvaluator"],
):
    """Perplexity of all rows together; smaller is better."""

    logLikelihoodCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "logLikelihoodCol",
        "Column with the log-likelihood of each text, nats",
        typeConverter=TypeConverters.toString,
    )

    tokenCountCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "tokenCountCol",
        "Column with the number of its tokens",
        typeConverter=TypeConverters.toString,
    )

    def getLogLikelihoodCol(self) -> str:
        """Column with the log-likelihood of each text, double, nats."""
        return self.getOrDefault(self.logLikelihoodCol)

    def setLogLikelihoodCol(self, value: str) -> "PerplexityEvaluator":
        """Sets :py:attr:`logLikelihoodCol`."""
        return self._set(logLikelihoodCol=value)

    def getTokenCountCol(self) -> str:
        """Column with the number of its tokens, long."""
        return self.getOrDefault(self.tokenCountCol)

    def setTokenCountCol(self, value: str) -> "PerplexityEvaluator":
        """Sets :py:attr:`tokenCountCol`."""
        return self._set(tokenCountCol=value)


class TextNormalizer(
    _Stage,
    JavaTransformer,
    JavaMLWritable,
    _Readable["TextNormalizer"],
):
    """Gives equal text equal bytes: Unicode NFC, line feeds as line ends, no control characters."""

    inputCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "inputCol",
        "Column of strings",
        typeConverter=TypeConverters.toString,
    )

    outputCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "outputCol",
        "Column to add: the normalized text; null where it was null",
        typeConverter=TypeConverters.toString,
    )

    def getInputCol(self) -> str:
        """Column of strings."""
        return self.getOrDefault(self.inputCol)

    def setInputCol(self, value: str) -> "TextNormalizer":
        """Sets :py:attr:`inputCol`."""
        return self._set(inputCol=value)

    def getOutputCol(self) -> str:
        """Column to add."""
        return self.getOrDefault(self.outputCol)

    def setOutputCol(self, value: str) -> "TextNormalizer":
        """Sets :py:attr:`outputCol`."""
        return self._set(outputCol=value)


class ExactDeduplicator(
    _Stage,
    JavaTransformer,
    JavaMLWritable,
    _Readable["ExactDeduplicator"],
):
    """Keeps one row of those with the same text, and drops rows without text."""

    inputCol: "Param[str]" = Param(
        Params._dummy(),  # type: ignore[attr-defined]
        "inputCol",
        "Column of strings, of which each is kept once",
        typeConverter=TypeConverters.toString,
    )

    def getInputCol(self) -> str:
        """Column of strings."""
        return self.getOrDefault(self.inputCol)

    def setInputCol(self, value: str) -> "ExactDeduplicator":
        """Sets :py:attr:`inputCol`."""
        return self._set(inputCol=value)
