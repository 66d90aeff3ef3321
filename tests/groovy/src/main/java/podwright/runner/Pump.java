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

  private Pump() {
  }

  /**
   * Follows a process in a thread of its own.
   *
   * @param capture whether stdout is a value, and only stderr goes to the log
   */
  static void follow(Process process, boolean capture, Consumer<String> log, End end) {
    new Thread(() -> {
      ByteArrayOutputStream captured = new ByteArrayOutputStream();
      try {
        if (capture) {
          Thread reader = new Thread(() -> copy(process.getInputStream(), captured));
          reader.start();
          lines(process.getErrorStream(), log);
          reader.join();
        } else {
          lines(process.getInputStream(), log);
        }
        end.ended(process.waitFor(), captured.toString(StandardCharsets.UTF_8));
      } catch (IOException | InterruptedException e) {
        log.accept("lost the output of the process: " + e);
        finish(process, captured, end);
      }
    }, "output of " + process.pid()).start();
  }

  private static void finish(Process process, ByteArrayOutputStream captured, End end) {
    try {
      end.ended(process.waitFor(), captured.toString(StandardCharsets.UTF_8));
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void copy(InputStream in, ByteArrayOutputStream out) {
    try (in) {
      in.transferTo(out);
    } catch (IOException e) {
      // the process was killed: what it wrote before is kept
      out.size();
    }
  }

  private static void lines(InputStream in, Consumer<String> output) throws IOException {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        output.accept(line);
      }
    }
  }
}
