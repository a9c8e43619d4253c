"""Where PySpark looks for the twins of our Java classes when it loads a pipeline."""

from sparkmoe import (
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
