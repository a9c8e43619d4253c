package org.sparkmoe.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes checkpoints, by all ranks together.
 *
 * <p>Each rank writes the boxes it owns to a {@linkplain CheckpointShard shard} of its own in a
 * directory aside. When all have done so, rank 0 adds log and manifest and renames the directory. A
 * crash at any byte before that leaves the checkpoints before it as they were.
 *
 * <p>Files are written on a thread of their own, from a {@linkplain StateSnapshot copy} when
 * training goes on meanwhile. Only the training thread talks to the other ranks: after every step
 * they tell each other how far they are, so that all take the same turn at the same step.
 */
final class CheckpointWriter implements AutoCloseable {
  static final String LOG_FILE = "training-log.jsonl";

  private static final Logger LOG = LoggerFactory.getLogger(CheckpointWriter.class);
  private static final long PATIENCE_MILLIS = 1000;
  private static final CheckpointShard.Written NOTHING = new CheckpointShard.Written(0, 0);

  private final CheckpointDirectory directory;
  private final RankReports ranks;
  private final int keep;
  private final TrainingListener listener;
  private final CheckpointShard shard;
  private final @Nullable StateSnapshot snapshot;
  private final BackgroundWork background;
  private @Nullable Flight flight;
  private Future<CheckpointShard.Written> work = idle();

  /** A checkpoint under way, whose shards are being written or, after that, published. */
  private record Flight(TrainingState state, boolean publishing) {
    long step() {
      return state.cursor().step();
    }
  }

  /**
   * @param shard of this rank, whose parameters live as long as this writer
   * @param config of which {@code keep} and whether to copy the state count
   * @param listener told when a checkpoint is published
   */
  CheckpointWriter(
      CheckpointDirectory directory,
      RankReports ranks,
      CheckpointShard shard,
      CheckpointConfig config,
      TrainingListener listener) {
    this.directory = directory;
    this.ranks = ranks;
    this.shard = shard;
    this.keep = config.keep();
    this.listener = listener;
    this.snapshot = config.copiesState() ? new StateSnapshot(shard.owned()) : null;
    this.background = new BackgroundWork("checkpoint-writer-" + ranks.rank());
  }

  /**
   * Begins a checkpoint of the state as it is now, after the one before is published. Returns at
   * once, or, where the state is not copied, when it is published.
   *
   * @throws CheckpointException on every rank if any rank failed
   */
  void begin(TrainingState state) {
    if (snapshot == null) {
      write(state);
      return;
    }
    finish();
    snapshot.take();
    start(state, snapshot);
  }

  /**
   * Writes and publishes a checkpoint while the caller waits.
   *
   * @return its directory
   * @throws CheckpointException on every rank if any rank failed
   */
  Path write(TrainingState state) {
    finish();
    start(state, StateTensors.live());
    finish();
    return directory.published(state.cursor().step());
  }

  /**
   * Takes the checkpoint under way, if there is one, as far as it can go without waiting for files;
   * called after every step.
   *
   * @throws CheckpointException on every rank if any rank failed; the cause is on that rank
   */
  void advance() {
    advance(0);
  }

  /**
   * Waits until the checkpoint under way, if there is one, is published. Ranks meet every second,
   * so that a slow file system does not look like a dead rank.
   *
   * @throws CheckpointException on every rank if any rank failed; the cause is on that rank
   */
  void finish() {
    while (flight != null) {
      advance(PATIENCE_MILLIS);
    }
    // A failed checkpoint may have left its thread at work on the copy.
    while (BackgroundWork.await(work, PATIENCE_MILLIS).isRunning()) {}
  }

  private void start(TrainingState state, StateTensors tensors) {
    FileSystem files = directory.files();
    Path aside = directory.aside(state.cursor().step());
    ranks.first("make " + aside, () -> makeEmpty(files, aside));
    Path file = new Path(aside, CheckpointManifest.Shard.name(ranks.rank()));
    PlanInputs plan = state.plan();
    Map<String, String> notes = plan == null ? Map.of() : plan.toMetadata();
    flight = new Flight(state, false);
    work = background.begin(() -> shard.write(files, file, tensors, notes));
  }

  private void advance(long patienceMillis) {
    Flight current = flight;
    if (current == null) {
      return;
    }
    BackgroundWork.Outcome<CheckpointShard.Written> mine =
        BackgroundWork.await(work, patienceMillis);
    CheckpointShard.Written written = mine.value() == null ? NOTHING : mine.value();
    long[][] reports = ranks.gather(state(mine), written.bytes(), written.headerCrc());
    flight = null;
    ranks.refuseFailed(describe(current), mine.failure(), reports);
    if (RankReports.anyRunning(reports)) {
      flight = current;
    } else if (current.publishing()) {
      listener.checkpointed(current.step(), directory.published(current.step()).toString());
    } else {
      flight = new Flight(current.state(), true);
      work = ranks.isFirst() ? background.begin(() -> publish(current, reports)) : idle();
    }
  }

  private static Future<CheckpointShard.Written> idle() {
    return CompletableFuture.completedFuture(NOTHING);
  }

  private static long state(BackgroundWork.Outcome<?> outcome) {
    return outcome.isRunning()
        ? RankReports.RUNNING
        : outcome.failure() == null ? RankReports.DONE : RankReports.FAILED;
  }

  private String describe(Flight flight) {
    return flight.publishing()
        ? "publish " + directory.published(flight.step())
        : "write its shard in " + directory.aside(flight.step());
  }

  private static void makeEmpty(FileSystem files, Path aside) throws IOException {
    files.delete(aside, true);
    if (!files.mkdirs(aside)) {
      throw new IOException("directory " + aside + " cannot be made");
    }
  }

  private CheckpointShard.Written publish(Flight complete, long[][] written) throws IOException {
    TrainingCursor cursor = complete.state().cursor();
    Path aside = directory.aside(cursor.step());
    writeFile(new Path(aside, LOG_FILE), lines(complete.state().log()));
    writeFile(new Path(aside, CheckpointManifest.FILE), manifest(cursor, written).toJson());
    directory.publish(cursor.step());
    directory.prune(keep);
    return NOTHING;
  }

  private static CheckpointManifest manifest(TrainingCursor cursor, long[][] written) {
    List<CheckpointManifest.Shard> shards = new ArrayList<>();
    for (int rank = 0; rank < written.length; rank++) {
      shards.add(
          new CheckpointManifest.Shard(
              CheckpointManifest.Shard.name(rank), written[rank][1], (int) written[rank][2]));
    }
    return new CheckpointManifest(cursor, shards);
  }

  private static byte[] lines(List<String> log) {
    return String.join("", log.stream().map(line -> line + "\n").toList())
        .getBytes(StandardCharsets.UTF_8);
  }

  private void writeFile(Path file, byte[] bytes) throws IOException {
    try (OutputStream out = directory.files().create(file, true)) {
      out.write(bytes);
    }
  }

  /** Gives up what is under way, which leaves nothing published. */
  @Override
  public void close() {
    boolean ended = background.end();
    if (snapshot != null && ended) {
      snapshot.close();
    } else if (!ended) {
      LOG.warn("{} does not answer: a checkpoint is given up", directory.root());
    }
  }
}
