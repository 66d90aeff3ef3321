package podwright.runner;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Carries lines from a file, which a process writes, to where they belong while the process runs.
 *
 * <p>Jenkins' durable task has files for the output, and so has this: a pipe would be closed when the process ends,
 * and what it left running in the background would die of its next line of output.
 */
final class Tail {

  private static final int PAUSE_MILLISECONDS = 10;

  private final InputStream in;
  private final Consumer<String> lines;
  private final ByteArrayOutputStream begun = new ByteArrayOutputStream();

  private Tail(InputStream in, Consumer<String> lines) {
    this.in = in;
    this.lines = lines;
  }

  /** What is done when the process has ended. */
  interface End {
    void run() throws IOException;
  }

  /**
   * Follows a file in a thread of its own until the process has ended.
   *
   * @param ended tells whether it has
   */
  static void follow(BooleanSupplier ended, Path log, Consumer<String> lines, End end) {
    new Thread(() -> {
      try (InputStream in = Files.newInputStream(log)) {
        new Tail(in, lines).untilEnd(ended);
        end.run();
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }, "output in " + log).start();
  }

  private void untilEnd(BooleanSupplier ended) throws IOException, InterruptedException {
    boolean alive = true;
    while (alive) {
      alive = !ended.getAsBoolean(); // asked before reading, so that the last lines are read after the end
      forward(in.readAllBytes());
      if (alive) {
        Thread.sleep(PAUSE_MILLISECONDS);
      }
    }
    if (begun.size() > 0) {
      forward(new byte[] {'\n'});
    }
  }

  private void forward(byte[] bytes) {
    for (byte one : bytes) {
      if (one == '\n') {
        lines.accept(begun.toString(StandardCharsets.UTF_8));
        begun.reset();
      } else {
        begun.write(one);
      }
    }
  }
}
