package podwright.runner;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Short programs that the runner itself starts. */
final class Tools {
  private Tools() {
  }

  /** Runs a program to its end and returns its output; fails with what it said when it fails. */
  static String run(Path directory, String... line) throws IOException {
    Process process = new ProcessBuilder(line)
        .directory(directory == null ? null : directory.toFile())
        .redirectErrorStream(true)
        .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
        .start();
    try (InputStream in = process.getInputStream()) {
      String output = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      int code = process.waitFor();
      if (code != 0) {
        throw new hudson.AbortException(
            String.join(" ", List.of(line)) + " ended with " + code + ": " + output.trim());
      }
      return output;
    } catch (InterruptedException e) {
      process.destroyForcibly();
      throw new IOException("interrupted", e);
    }
  }
}
