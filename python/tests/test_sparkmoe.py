"""The package against a real PySpark, where there is one.

Needs ``pyspark`` on the path (or its folder, with ``py4j`` in it, in SPARK_MOE_PYSPARK), a Spark
in SPARK_HOME or inside ``pyspark``, and spark-moe.jar, by default the one that Maven built:

    python3 -m unittest discover -s python/tests
"""

import compileall
import importlib.util
import math
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
JAR = Path(
    os.environ.get("SPARK_MOE_JAR", PYTHON.parent / "spark-moe" / "target" / "spark-moe.jar")
)
sys.path.insert(0, str(PYTHON / "src"))
if "SPARK_MOE_PYSPARK" in os.environ:
    sys.path.insert(0, os.environ["SPARK_MOE_PYSPARK"])

HAS_PYSPARK = importlib.util.find_spec("pyspark") is not None


def missing() -> str:
    """What keeps the tests from running; empty if nothing does."""
    if not HAS_PYSPARK:
        return "no pyspark can be imported: pip install pyspark, or set SPARK_MOE_PYSPARK"
    if not JAR.is_file():
        return f"there is no {JAR}: mvn package, or set SPARK_MOE_JAR"
    return ""


class SourcesTest(unittest.TestCase):
    def test_every_module_compiles(self) -> None:
        self.assertTrue(compileall.compile_dir(str(PYTHON / "src"), quiet=1, force=True))

    def test_versions_agree(self) -> None:
        pom = (PYTHON.parent / "pom.xml").read_text(encoding="utf-8")
        version = re.search(r"<version>([\d.]+)(-SNAPSHOT)?</version>", pom)
        expected = version.group(1) + (".dev0" if version.group(2) else "")
        for file in ("pyproject.toml", "src/sparkmoe/__init__.py"):
            self.assertIn(f'"{expected}"', (PYTHON / file).read_text(encoding="utf-8"))


@unittest.skipIf(missing(), missing())
class PySparkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        from pyspark.sql import SparkSession

        cls.folder = tempfile.TemporaryDirectory()
        cls.spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.jars", str(JAR))
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", cls.folder.name)
            .getOrCreate()
        )
        # Made in the JVM: the package itself needs no Python workers.
        words = "array('rank', 'gate', 'expert', 'token', 'spark')"
        word = f"element_at({words}, cast((id * k) % 5 + 1 as int))"
        text = f"concat_ws(' ', 'text', id, transform(sequence(1, 2 + id % 9), k -> {word}))"
        cls.texts = cls.spark.range(60).selectExpr("id", f"{text} as text").coalesce(1).cache()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.spark.stop()
        cls.folder.cleanup()

    def path(self, name: str) -> str:
        return os.path.join(self.folder.name, name)

    def trainer(self, **params):
        from sparkmoe import MoeLanguageModelTrainer

        tiny = dict(
            architecture="mixtral",
            layers=2,
            hiddenSize=16,
            heads=2,
            feedForwardSize=32,
            maxSequenceLength=32,
            experts=4,
            gate="mixtral",
            expert="mixtral",
            expertHiddenSize=16,
            sequenceLength=32,
            validationFraction=0.2,
            steps=2,
            globalBatch=8,
            microBatch=2,
            learningRate=1e-2,
            warmupSteps=0,
            showProgress=False,
        )
        return MoeLanguageModelTrainer(**{**tiny, **params})

    def test_params_have_the_defaults_of_java(self) -> None:
        from sparkmoe import MoeLanguageModelTrainer

        trainer = MoeLanguageModelTrainer(seed=2**40)
        self.assertEqual(trainer.getExperts(), 8)
        self.assertEqual(trainer.getCapacityFactor(), "1.25")
        self.assertFalse(trainer.hasDefault("ep"))
        self.assertEqual(trainer.setTopK(1).getTopK(), 1)
        self.assertEqual(trainer._to_java().getSeed(), 2**40)
        with self.assertRaises(TypeError):
            trainer.setExperts("many")
        trainer.setConfiguration({"moe.z-loss": 1e-3})
        self.assertIn("z-loss", trainer.getConfiguration())
        hocon = "moe.z-loss = 0"
        self.assertEqual(trainer.setConfiguration(hocon).getConfiguration(), hocon)

    def test_a_pipeline_is_fitted_saved_and_loaded(self) -> None:
        from pyspark.ml import Pipeline, PipelineModel
        from sparkmoe import ExactDeduplicator, PerplexityEvaluator, TextNormalizer

        stages = [
            TextNormalizer(),
            ExactDeduplicator(inputCol="normalized"),
            self.trainer(inputCol="normalized", ranks=2),
        ]
        model = Pipeline(stages=stages).fit(self.texts.union(self.texts))
        scored = model.transform(self.texts)
        rows = scored.orderBy("id").collect()
        self.assertEqual(len(rows), 60)
        for row in rows:
            self.assertEqual(row.tokenCount, len(row.text))
            self.assertAlmostEqual(
                row.perplexity, math.exp(-row.logLikelihood / row.tokenCount), places=6
            )
        perplexity = PerplexityEvaluator().evaluate(scored)
        self.assertGreater(perplexity, 1)
        self.assertLess(perplexity, 300)

        model.save(self.path("pipeline"))
        loaded = PipelineModel.load(self.path("pipeline"))
        self.assertEqual(loaded.transform(self.texts).orderBy("id").collect(), rows)
        self.assertEqual(loaded.stages[2].getInputCol(), "normalized")

    def test_cross_validation_prefers_the_rate_that_learns(self) -> None:
        from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
        from sparkmoe import PerplexityEvaluator

        trainer = self.trainer()
        grid = ParamGridBuilder().addGrid(trainer.learningRate, [1e-9, 1e-2]).build()
        validator = CrossValidator(
            estimator=trainer,
            estimatorParamMaps=grid,
            evaluator=PerplexityEvaluator(),
            numFolds=2,
        )
        chosen = validator.fit(self.texts)
        self.assertLess(chosen.avgMetrics[1], chosen.avgMetrics[0])
        chosen.save(self.path("chosen"))
        loaded = CrossValidatorModel.load(self.path("chosen"))
        self.assertEqual(loaded.avgMetrics, chosen.avgMetrics)

    def test_text_is_generated_and_a_model_directory_opened(self) -> None:
        from sparkmoe import MoeLanguageModel

        trainer = self.trainer(outputDirectory=self.path("named"), generatedCol="more")
        model = trainer.setMaxNewTokens(4).fit(self.texts)
        few = self.texts.limit(2)
        generated = model.transform(few).collect()
        again = model.transform(few).collect()
        self.assertEqual([row.more for row in generated], [row.more for row in again])
        opened = MoeLanguageModel.fromModelDirectory(self.path("named"))
        self.assertEqual(
            [row.logLikelihood for row in opened.transform(few).collect()],
            [row.logLikelihood for row in generated],
        )

    def test_prompts_are_context_and_not_scored(self) -> None:
        from pyspark.sql.functions import concat, lit

        pairs = self.texts.withColumn("ask", concat(lit("What is "), "id", lit("? ")))
        model = self.trainer(promptCol="ask").fit(pairs)
        self.assertEqual(model.getPromptCol(), "ask")
        with_prompt = model.transform(pairs).orderBy("id").collect()
        without = model.copy().setPromptCol("").transform(pairs).orderBy("id").collect()
        for row, plain in zip(with_prompt, without):
            self.assertEqual(row.tokenCount, len(row.text))
            self.assertEqual(plain.tokenCount, row.tokenCount)
        self.assertNotEqual(
            [row.logLikelihood for row in with_prompt], [row.logLikelihood for row in without]
        )

    def test_stages_are_saved_and_loaded(self) -> None:
        from sparkmoe import ExactDeduplicator, MoeLanguageModelTrainer, PerplexityEvaluator

        self.trainer(resume=True).save(self.path("trainer"))
        loaded = MoeLanguageModelTrainer.load(self.path("trainer"))
        self.assertTrue(loaded.getResume())
        self.assertEqual(loaded.getHiddenSize(), 16)
        ExactDeduplicator(inputCol="a").save(self.path("deduplicator"))
        self.assertEqual(ExactDeduplicator.load(self.path("deduplicator")).getInputCol(), "a")
        PerplexityEvaluator(tokenCountCol="n").save(self.path("evaluator"))
        self.assertEqual(PerplexityEvaluator.load(self.path("evaluator")).getTokenCountCol(), "n")


if __name__ == "__main__":
    unittest.main()
