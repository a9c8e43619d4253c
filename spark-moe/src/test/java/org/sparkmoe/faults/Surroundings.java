package org.sparkmoe.faults;

/** What a fault needs around the job. */
interface Surroundings {

  /** Nothing. */
  Surroundings NONE =
      new Surroundings() {
        @Override
        public void up(Scene scene) {}

        @Override
        public void down(Scene scene) {}
      };

  /** Before the job starts. */
  void up(Scene scene) throws Exception;

  /** After it has ended, whatever came of it. */
  void down(Scene scene) throws Exception;

  /** A disk of a few MiB for the checkpoints; needs root. */
  static Surroundings smallDisk() {
    return new Surroundings() {
      @Override
      public void up(Scene scene) throws Exception {
        String directory = scene.checkpoints().toString();
        Shell.run("mkdir", "-p", directory);
        Shell.run("mount", "-t", "tmpfs", "-o", "size=8m", "spark-moe-faults", directory);
      }

      @Override
      public void down(Scene scene) throws Exception {
        Shell.run("umount", scene.checkpoints().toString());
      }
    };
  }
}
