package org.sparkmoe;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;

/** Imports run downwards only. */
@AnalyzeClasses(
    packages = "org.sparkmoe",
    importOptions = {ImportOption.DoNotIncludeTests.class})
class ArchitectureTest {
  private static final String TORCH = "org.bytedeco..";
  private static final String SPARK = "org.apache.spark..";

  @ArchTest
  static final ArchRule layers =
      Architectures.layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("org.sparkmoe..")
          .optionalLayer("app")
          .definedBy("org.sparkmoe.app..")
          .optionalLayer("ml")
          .definedBy("org.sparkmoe.ml..")
          .optionalLayer("runtime")
          .definedBy("org.sparkmoe.runtime..")
          .optionalLayer("train")
          .definedBy("org.sparkmoe.train..")
          .optionalLayer("model")
          .definedBy("org.sparkmoe.model..")
          .optionalLayer("moe")
          .definedBy("org.sparkmoe.moe..")
          .optionalLayer("profile")
          .definedBy("org.sparkmoe.profile..")
          .optionalLayer("exec")
          .definedBy("org.sparkmoe.schedule.exec..")
          .whereLayer("app")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("ml")
          .mayOnlyBeAccessedByLayers("app")
          .whereLayer("runtime")
          .mayOnlyBeAccessedByLayers("app", "ml")
          .whereLayer("train")
          .mayOnlyBeAccessedByLayers("app", "ml", "runtime")
          .whereLayer("model")
          .mayOnlyBeAccessedByLayers("app", "ml", "runtime", "train")
          .whereLayer("moe")
          .mayOnlyBeAccessedByLayers("app", "ml", "runtime", "train", "model", "profile");

  @ArchTest
  static final ArchRule schedulesKnowNoTensors =
      noClasses()
          .that()
          .resideInAnyPackage(
              "org.sparkmoe.schedule.cost..",
              "org.sparkmoe.schedule.graph..",
              "org.sparkmoe.schedule.policy..",
              "org.sparkmoe.schedule.sim..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(TORCH, SPARK, "org.sparkmoe.tensor..", "org.sparkmoe.collective..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule onlyTheTopKnowsSpark =
      noClasses()
          .that()
          .resideOutsideOfPackages(
              "org.sparkmoe.app..",
              "org.sparkmoe.ml..",
              "org.sparkmoe.runtime..",
              "org.sparkmoe.data..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(SPARK);

  @ArchTest
  static final ArchRule dataKnowsNoTensors =
      noClasses()
          .that()
          .resideInAPackage("org.sparkmoe.data..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(TORCH, "org.sparkmoe.tensor..", "org.sparkmoe.collective..");

  @ArchTest
  static final ArchRule leavesKnowNothingOfOurs =
      noClasses()
          .that()
          .resideInAnyPackage(
              "org.sparkmoe.conf..", "org.sparkmoe.trace..", "org.sparkmoe.tensor..")
          .should()
          .dependOnClassesThat(
              JavaClass.Predicates.resideInAPackage("org.sparkmoe..")
                  .and(
                      JavaClass.Predicates.resideOutsideOfPackages(
                          "org.sparkmoe.conf..",
                          "org.sparkmoe.trace..",
                          "org.sparkmoe.tensor..",
                          "org.sparkmoe.schedule.graph..")));

  @ArchTest
  static final ArchRule noCyclesBetweenPackages =
      SlicesRuleDefinition.slices().matching("org.sparkmoe.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule namesSayWhatAClassIs =
      noClasses().should().haveNameMatching(".*(Utils?|Helper|Manager|Impl|Base)$");

  @ArchTest
  static final ArchRule exceptionsAreNamedSo =
      classes()
          .that()
          .areAssignableTo(Throwable.class)
          .should()
          .haveSimpleNameEndingWith("Exception");

  @ArchTest
  static final ArchRule noStaticStateThatChanges =
      noFields().that().areStatic().should().notBeFinal();
}
