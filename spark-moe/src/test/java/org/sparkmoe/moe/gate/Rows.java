package org.sparkmoe.moe.gate;

import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.SharedLoss;
import org.sparkmoe.tensor.HostReads;

/** Matrices as Java arrays, for plain loops. */
final class Rows {
  private Rows() {}

  static double[][] normal(long seed, int rows, int columns) {
    Random random = new Random(seed);
    double[][] values = new double[rows][columns];
    for (double[] row : values) {
      for (int c = 0; c < columns; c++) {
        row[c] = random.nextGaussian();
      }
    }
    return values;
  }

  static Tensor tensor(double[]... rows) {
    return Tensor.create(flat(rows), rows.length, rows[0].length);
  }

  static double[] flat(double[]... rows) {
    int columns = rows[0].length;
    double[] all = new double[rows.length * columns];
    for (int r = 0; r < rows.length; r++) {
      System.arraycopy(rows[r], 0, all, r * columns, columns);
    }
    return all;
  }

  static double[][] of(Tensor matrix) {
    double[] all = HostReads.doubles(matrix);
    int rows = Math.toIntExact(matrix.size(0));
    int columns = rows == 0 ? 0 : all.length / rows;
    double[][] values = new double[rows][columns];
    for (int r = 0; r < rows; r++) {
      System.arraycopy(all, r * columns, values[r], 0, columns);
    }
    return values;
  }

  static int[][] ints(Tensor matrix) {
    double[][] values = of(matrix);
    int[][] whole = new int[values.length][];
    for (int r = 0; r < values.length; r++) {
      whole[r] = new int[values[r].length];
      for (int c = 0; c < values[r].length; c++) {
        whole[r][c] = (int) values[r][c];
      }
    }
    return whole;
  }

  static double scalar(Tensor tensor) {
    return HostReads.doubles(tensor)[0];
  }

  /** The loss where one rank has all tokens. */
  static double scalar(SharedLoss loss) {
    return scalar(loss.of().apply(loss.sumsN()));
  }

  static double[][] product(double[][] left, double[][] right) {
    double[][] result = new double[left.length][right[0].length];
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right[0].length; j++) {
        for (int m = 0; m < right.length; m++) {
          result[i][j] += left[i][m] * right[m][j];
        }
      }
    }
    return result;
  }
}
