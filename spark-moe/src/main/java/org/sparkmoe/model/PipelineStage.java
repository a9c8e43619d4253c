package org.sparkmoe.model;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparkmoe.topology.PipelineGroups;

/**
 * What one pipeline stage has of a model: the first one the embedding, the last one final norm and
 * head, each some consecutive blocks.
 *
 * @param isFirst whether it reads the tokens
 * @param isLast whether it has the loss
 * @param firstLayer its first block
 * @param endLayer the block after its last
 * @param layers blocks of the whole model
 */
record PipelineStage(boolean isFirst, boolean isLast, int firstLayer, int endLayer, int layers) {
  static final String FINAL_NORM = "final_norm";
  static final String HEAD = "head.weight";
  private static final Pattern BLOCK = Pattern.compile("layers\\.([0-9]{1,9})\\..*");

  static PipelineStage of(ModelConfig config, PipelineGroups groups) {
    List<Integer> blocks = config.blocksOfStages(groups.stages());
    int first = blocks.subList(0, groups.index()).stream().mapToInt(Integer::intValue).sum();
    return new PipelineStage(
        groups.isFirst(),
        groups.isLast(),
        first,
        first + blocks.get(groups.index()),
        config.layers());
  }

  /** Whether a tensor of that name, if the whole model has it, is another stage's. */
  boolean isElsewhere(String parameter) {
    Matcher block = BLOCK.matcher(parameter);
    if (block.matches()) {
      int layer = Integer.parseInt(block.group(1));
      return layer < layers && (layer < firstLayer || layer >= endLayer);
    }
    if (parameter.equals(Embedding.TOKEN) || parameter.equals(Embedding.POSITION)) {
      return !isFirst;
    }
    return !isLast && (parameter.equals(HEAD) || parameter.startsWith(FINAL_NORM + "."));
  }
}
