package org.sparkmoe;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.Set;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.tensor.DeviceMemory;

/** Imports run downwards only. */
class ArchitectureTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("org.sparkmoe");
  private static final String TORCH = "org.bytedeco..";
  private static final String SPARK = "org.apache.spark..";

  private static final Set<String> MAY_WAIT =
      Set.of(
          "org.sparkmoe.tensor.HostReads",
          "org.sparkmoe.tensor.DeviceMemory",
          // When parameters are made, before there is a step.
          "org.sparkmoe.tensor.ParameterInitializer",
          "org.sparkmoe.model.RotaryEmbedding",
          "org.sparkmoe.interchange.TensorCheckup",
          // Kernels of the CPU, and their arguments there.
          "org.sparkmoe.kernel.CppRoutingKernels",
          "org.sparkmoe.kernel.RoutingArguments",
          // Whether kernels met an index out of range is asked outside of steps.
          "org.sparkmoe.kernel.Device",
          // Between steps: checkpoints and measurements.
          "org.sparkmoe.train.TensorSource$InMemory",
          "org.sparkmoe.profile.KernelTimes",
          // Tensors of the host that travel over NCCL, as those of an agreement between steps.
          "org.sparkmoe.collective.NcclCommunicator");

  private static final Set<String> READS =
      Set.of(
          "item",
          "cpu",
          "createBuffer",
          "createIndexer",
          "nonzero",
          "argwhere",
          "masked_select",
          "is_nonzero",
          "equal",
          "allclose",
          "unique_dim",
          "bincount");

  private static final Set<String> MAKES =
      Set.of(
          "arange",
          "zeros",
          "ones",
          "full",
          "empty",
          "empty_strided",
          "eye",
          "linspace",
          "rand",
          "randn",
          "randint",
          "randperm",
          "scalar_tensor",
          "tensor",
          "from_blob");

  private static final Set<String> ON_THE_HOST =
      Set.of(
          "org.sparkmoe.tensor.DeviceMemory",
          // Taken to the device in the next line, when parameters are made or kernels measured.
          "org.sparkmoe.tensor.ParameterInitializer",
          "org.sparkmoe.model.RotaryEmbedding",
          "org.sparkmoe.profile.KernelTimes",
          // Work of the host.
          "org.sparkmoe.kernel.CppGateKernels",
          "org.sparkmoe.kernel.CppRoutingKernels",
          "org.sparkmoe.collective.GlooCommunicator",
          "org.sparkmoe.train.BoxedWeights",
          "org.sparkmoe.train.SafetensorsReader",
          "org.sparkmoe.interchange.GatheredTensor",
          // Names its GPU.
          "org.sparkmoe.collective.NcclWorld",
          // For products measured on the host.
          "org.sparkmoe.profile.Stopwatch");

  @Test
  void importsRunDownwards() {
    Architectures.layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("org.sparkmoe..")
        .optionalLayer("app")
        .definedBy("org.sparkmoe.app..")
        .optionalLayer("ml")
        .definedBy("org.sparkmoe.ml..")
        .optionalLayer("interchange")
        .definedBy("org.sparkmoe.interchange..")
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
        .whereLayer("interchange")
        .mayOnlyBeAccessedByLayers("app", "ml")
        .whereLayer("runtime")
        .mayOnlyBeAccessedByLayers("app", "ml", "interchange")
        .whereLayer("train")
        .mayOnlyBeAccessedByLayers("app", "ml", "interchange", "runtime")
        .whereLayer("model")
        .mayOnlyBeAccessedByLayers("app", "ml", "interchange", "runtime", "train")
        .whereLayer("moe")
        .mayOnlyBeAccessedByLayers(
            "app", "ml", "interchange", "runtime", "train", "model", "profile")
        .check(OURS);
  }

  @Test
  void schedulesKnowNoTensors() {
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
        .allowEmptyShould(true)
        .check(OURS);
  }

  @Test
  void onlyTheTopKnowsSpark() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "org.sparkmoe.app..",
            "org.sparkmoe.ml..",
            "org.sparkmoe.runtime..",
            "org.sparkmoe.data..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage(SPARK)
        .check(OURS);
  }

  @Test
  void dataKnowsNoTensors() {
    noClasses()
        .that()
        .resideInAPackage("org.sparkmoe.data..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(TORCH, "org.sparkmoe.tensor..", "org.sparkmoe.collective..")
        .check(OURS);
  }

  @Test
  void leavesKnowNothingOfOurs() {
    noClasses()
        .that()
        .resideInAnyPackage("org.sparkmoe.conf..", "org.sparkmoe.trace..", "org.sparkmoe.tensor..")
        .should()
        .dependOnClassesThat(
            JavaClass.Predicates.resideInAPackage("org.sparkmoe..")
                .and(
                    JavaClass.Predicates.resideOutsideOfPackages(
                        "org.sparkmoe.conf..",
                        "org.sparkmoe.trace..",
                        "org.sparkmoe.tensor..",
                        "org.sparkmoe.schedule.graph..")))
        .check(OURS);
  }

  @Test
  void packagesHaveNoCycles() {
    SlicesRuleDefinition.slices()
        .matching("org.sparkmoe.(**)")
        .should()
        .beFreeOfCycles()
        .check(OURS);
  }

  @Test
  void noNameIsVague() {
    noClasses().should().haveNameMatching(".*(Utils?|Helper|Manager|Impl|Base)$").check(OURS);
  }

  @Test
  void exceptionsAreNamedSo() {
    classes()
        .that()
        .areAssignableTo(Throwable.class)
        .should()
        .haveSimpleNameEndingWith("Exception")
        .check(OURS);
  }

  @Test
  void noStaticFieldChanges() {
    noFields().that().areStatic().should().notBeFinal().check(OURS);
  }

  /**
   * A copy from ordinary memory of the host lets it wait for a GPU, and so does reading a value.
   */
  @Test
  void theHostWaitsForAGpuInListedPlacesOnly() {
    DescribedPredicate<JavaMethodCall> waits =
        DescribedPredicate.describe(
            "let the host wait for a GPU: HostReads and DeviceMemory count or avoid that",
            call -> reads(call) || copies(call));
    noClasses()
        .that(
            DescribedPredicate.describe(
                "are not listed here", type -> !MAY_WAIT.contains(type.getFullName())))
        .should()
        .callMethodWhere(waits)
        .check(OURS);
  }

  /**
   * Where nobody says where a tensor lies, it lies on the host, and no kernel of a GPU takes it.
   */
  @Test
  void tensorsSayWhereTheyLieExceptInListedPlaces() {
    DescribedPredicate<JavaCall<?>> onTheHost =
        DescribedPredicate.describe(
            "make tensors on the host: give the options of another tensor, or use DeviceMemory",
            call -> makesOnTheHost(call) || leavesOnTheHost(call));
    noClasses()
        .that(
            DescribedPredicate.describe(
                "are not listed here", type -> !ON_THE_HOST.contains(type.getFullName())))
        .should()
        .callCodeUnitWhere(onTheHost)
        .check(OURS);
  }

  private static boolean makesOnTheHost(JavaCall<?> call) {
    boolean saysWhere =
        call.getTarget().getRawParameterTypes().stream()
            .anyMatch(type -> type.isEquivalentTo(TensorOptions.class));
    boolean makes =
        call.getTargetOwner().isEquivalentTo(torch.class) && MAKES.contains(call.getName());
    boolean options =
        call.getTargetOwner().isEquivalentTo(TensorOptions.class)
            && call.getName().equals("<init>");
    return options || (makes && !saysWhere);
  }

  /** An array of the host's that no line of the same method takes to the device. */
  private static boolean leavesOnTheHost(JavaCall<?> call) {
    return call.getTargetOwner().isAssignableTo("org.bytedeco.pytorch.AbstractTensor")
        && call.getName().equals("create")
        && call.getOrigin().getMethodCallsFromSelf().stream()
            .noneMatch(
                other ->
                    other.getTargetOwner().isEquivalentTo(DeviceMemory.class)
                        && other.getName().equals("copied"));
  }

  private static boolean reads(JavaMethodCall call) {
    String name = call.getName();
    boolean ofTensor =
        call.getTargetOwner().isAssignableTo("org.bytedeco.pytorch.TensorBase")
            || call.getTargetOwner().isEquivalentTo(torch.class);
    return ofTensor
        && (READS.contains(name) || name.startsWith("item_") || name.startsWith("data_ptr_"));
  }

  private static boolean copies(JavaMethodCall call) {
    return call.getTargetOwner().isAssignableTo("org.bytedeco.pytorch.TensorBase")
        && call.getName().equals("to")
        && call.getTarget().getRawParameterTypes().stream()
            .anyMatch(type -> type.isEquivalentTo(Device.class));
  }
}
