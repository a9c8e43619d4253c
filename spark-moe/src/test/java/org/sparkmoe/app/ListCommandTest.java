package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.sparkmoe.conf.ConfigKey;
import org.sparkmoe.runtime.RunConfig;
import picocli.CommandLine;

class ListCommandTest {

  @Test
  void printsEachModuleWithItsSourceAndOptions() {
    StringWriter text = new StringWriter();
    int code = new CommandLine(new ListCommand()).setOut(new PrintWriter(text)).execute("modules");
    assertThat(code).isZero();
    assertThat(text.toString())
        .contains(
            "moe.gate\n",
            "  switch\n    Fedus et al. 2021",
            "moe.gate-options.jitter: ε",
            "  expert-choice\n",
            "looks at later tokens",
            "moe.order\n",
            "  einsum\n",
            "moe.dispatch\n  1dh\n",
            "  direct\n",
            "moe.expert\n  gpt\n",
            "moe.hooks\n  compress-bf16\n");
  }

  @Test
  void theManualHasEveryKeyAsTheRecordsTakeIt() throws IOException {
    StringWriter text = new StringWriter();
    int code = new CommandLine(new ListCommand()).setOut(new PrintWriter(text)).execute("keys");
    assertThat(code).isZero();
    assertThat(ConfigKey.all(RunConfig.class))
        .allSatisfy(key -> assertThat(key.meaning()).as(key.path()).isNotEmpty());
    assertThat(Files.readString(Path.of("../docs/manual/configuration.md")))
        .as("after a change of keys: bin/spark-moe list keys > docs/manual/configuration.md")
        .isEqualTo(text.toString());
  }
}
