package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.TensorScope;

/** What every implementation of grouped products must do. */
abstract class GroupedProductsContract {

  abstract GroupedProducts products();

  /** Where they run. */
  Device device() {
    return new Device("cpu");
  }

  @Provide
  Arbitrary<ScalarType> dtypes() {
    return Arbitraries.of(ScalarType.Float, ScalarType.BFloat16);
  }

  @Property(tries = 40)
  void rowsMeetTheMatrixOfTheirGroup(
      @ForAll @Size(min = 1, max = 5) List<@IntRange(max = 9) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 3) int k,
      @ForAll @IntRange(min = 1, max = 3) int n,
      @ForAll boolean transposed,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      RowGroups groups = groups(sizes);
      Tensor rows = random(dtype, groups.rows(), 8 * k);
      Tensor matrices =
          transposed
              ? random(dtype, sizes.size(), 8 * n, 8 * k).transpose(1, 2)
              : random(dtype, sizes.size(), 8 * k, 8 * n);

      Tensor product = products().rows(rows, matrices, groups);

      assertThat(product.sizes().vec().get()).containsExactly(groups.rows(), 8 * n);
      long first = 0;
      for (int g = 0; g < sizes.size(); g++) {
        Tensor exact = wide(rows.narrow(0, first, sizes.get(g))).mm(wide(matrices.select(0, g)));
        assertClose(product.narrow(0, first, sizes.get(g)), exact);
        first += sizes.get(g);
      }
    }
  }

  @Property(tries = 40)
  void theirGradientsSumOverTheRowsOfTheGroup(
      @ForAll @Size(min = 1, max = 5) List<@IntRange(max = 9) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 3) int k,
      @ForAll @IntRange(min = 1, max = 3) int n,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      RowGroups groups = groups(sizes);
      Tensor left = random(dtype, groups.rows(), 8 * k);
      Tensor right = random(dtype, groups.rows(), 8 * n);

      Tensor sums = products().matrices(left, right, groups);

      assertThat(sums.sizes().vec().get()).containsExactly(sizes.size(), 8 * k, 8 * n);
      long first = 0;
      for (int g = 0; g < sizes.size(); g++) {
        Tensor exact =
            wide(left.narrow(0, first, sizes.get(g)))
                .t()
                .mm(wide(right.narrow(0, first, sizes.get(g))));
        assertClose(sums.select(0, g), exact);
        first += sizes.get(g);
      }
    }
  }

  @Property(tries = 40)
  void sizesThatOnlyTheDeviceKnowsGiveTheSameBits(
      @ForAll @Size(min = 1, max = 5) List<@IntRange(max = 9) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 9) int rest,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      RowGroups known = groups(sizes);
      long used = known.rows();
      Tensor sizesG = Tensor.create(sizes.stream().mapToLong(Integer::longValue).toArray());
      RowGroups within = RowGroups.within(sizesG.to(device(), ScalarType.Long), used + rest);
      Tensor left = random(dtype, used + rest, 8);
      Tensor right = random(dtype, used + rest, 16);
      Tensor matrices = random(dtype, sizes.size(), 8, 16);
      // Must not count, whatever it is.
      left.narrow(0, used, rest).fill_(new Scalar(Double.NaN));
      right.narrow(0, used, rest).fill_(new Scalar(Double.NaN));

      Tensor product = products().rows(left, matrices, within);
      within.clearRest(product);

      Tensor usedLeft = left.narrow(0, 0, used);
      assertThat(product.narrow(0, 0, used).equal(products().rows(usedLeft, matrices, known)))
          .isTrue();
      assertThat(product.narrow(0, used, rest).count_nonzero(new LongOptional()).item_long())
          .isZero();
      assertThat(
              products()
                  .matrices(left, right, within)
                  .equal(products().matrices(usedLeft, right.narrow(0, 0, used), known)))
          .isTrue();
      assertThat(within.sizes()).isEqualTo(known.sizes());
      assertThat(within.groupOfRow(device()).narrow(0, 0, used).equal(known.groupOfRow(device())))
          .isTrue();
    }
  }

  @Example
  void wrongArgumentsAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      RowGroups groups = groups(List.of(2, 3));
      Tensor rows = random(ScalarType.Float, 5, 8);
      assertThatThrownBy(() -> products().rows(rows, random(ScalarType.Float, 3, 8, 8), groups))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("matrices has shape [3, 8, 8], expected [2, 8, any]");
      assertThatThrownBy(() -> products().matrices(rows, random(ScalarType.BFloat16, 5, 8), groups))
          .hasMessage("right has dtype BFloat16, but left has Float");
    }
  }

  private RowGroups groups(List<Integer> sizes) {
    return RowGroups.of(sizes.stream().mapToLong(Integer::longValue).toArray(), device());
  }

  private Tensor random(ScalarType dtype, long... shape) {
    return torch.randn(shape).to(device(), dtype);
  }

  private static Tensor wide(Tensor tensor) {
    return tensor.to(new Device("cpu"), ScalarType.Double);
  }

  private static void assertClose(Tensor actual, Tensor exact) {
    if (actual.numel() > 0) {
      double relative = actual.scalar_type().intern() == ScalarType.BFloat16 ? 0.02 : 1e-5;
      double most = exact.abs().max().item_double();
      assertThat(wide(actual).sub(exact).abs().max().item_double())
          .isLessThanOrEqualTo(relative * (most + 1));
    }
  }
}
