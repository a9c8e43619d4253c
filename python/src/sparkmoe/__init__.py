"""Mixture-of-Experts language models as stages of Spark ML.

    >>> from sparkmoe import MoeLanguageModelTrainer
    >>> model = MoeLanguageModelTrainer(ranks=2, experts=8, steps=500).fit(texts)
    >>> model.transform(texts).select("text", "perplexity").show()

The classes wrap those of ``org.sparkmoe.ml`` in ``spark-moe.jar``, which Spark must have:
``SparkSession.builder.config("spark.jars", "spark-moe.jar")``.
"""

from sparkmoe.stages import (
    ExactDeduplicator,
    MoeLanguageModel,
    MoeLanguageModelTrainer,
    PerplexityEvaluator,
    TextNormalizer,
)

__all__ = [
    "ExactDeduplicator",
    "MoeLanguageModel",
    "MoeLanguageModelTrainer",
    "PerplexityEvaluator",
    "TextNormalizer",
]
__version__ = "0.1.0.dev0"
