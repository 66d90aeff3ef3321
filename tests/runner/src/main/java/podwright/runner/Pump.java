package podwright.runner;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Carries the output of a process to where it belongs, line by line, while the process runs. */
final class Pump {

  /** What is told when the process has ended. */
  interface End {
    void ended(int code, String captured) throws IOException;
  }

  private static final int DRAIN_MILLISECONDS = 2000;

  private Pump() {
  }

  /**
   * Follows a process in threads of its own.
   *
   * <p>The end is told when the process has ended, even while something that it started in the background
   * still holds its output open.
   *
   * @param capture whether stdout is a value, and only stderr goes to the log
   */
  static void follow(Process process, boolean capture, Consumer<String> log, End end) {
    ByteArrayOutputStream captured = new ByteArrayOutputStream();
    Thread out = reader(() -> {
      if (capture) {
        copy(process.getInputStream(), captured);
      } else {
        lines(process.getInputStream(), log);
      }
    });
    Thread err = reader(() -> lines(process.getErrorStream(), log));
    new Thread(() -> {
      try {
        int code = process.waitFor();
        out.join(DRAIN_MILLISECONDS);
        err.join(DRAIN_MILLISECONDS);
        end.ended(code, captured.toString(StandardCharsets.UTF_8));
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }, "end of " + process.pid()).start();
  }

  private static Thread reader(Runnable work) {
    Thread thread = new Thread(work, "output");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void copy(InputStream in, ByteArrayOutputStream out) {
    try (in) {
      in.transferTo(out);
    } catch (IOException e) {
      // the process was killed: what it wrote before is kept
      out.size();
    }
  }

  private static void lines(InputStream in, Consumer<String> output) {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        output.accept(line);
      }
    } catch (IOException e) {
      output.accept("lost the rest of the output: " + e.getMessage());
    }
  }
}
