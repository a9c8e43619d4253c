package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingLogTest {

  @Test
  void aStepOfAModelWithoutMoeLayersReadsBack() throws Exception {
    StepMetrics step =
        new StepMetrics(
            3, 4.5, 0, 1e-3, 0.5, false, 100, 0.25, 0.5, 20, 1024, 7, 2, List.of(), null);
    TrainingLog log = new TrainingLog();
    log.add(step);
    ObjectMapper json =
        new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    assertThat(json.readValue(log.lines().get(0), StepMetrics.class)).isEqualTo(step);
  }
}
