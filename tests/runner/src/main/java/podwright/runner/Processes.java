package podwright.runner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** The processes of this machine that carry a cookie: a variable in their environment, as in Jenkins. */
final class Processes {
  private static final int GRACE_MILLISECONDS = 5000;
  private static final int POLL_MILLISECONDS = 50;

  private Processes() {
  }

  /**
   * Ends processes: politely, then, after a grace, by force.
   *
   * @param cookie NAME=value
   * @param ended what must be true besides that none is left
   */
  static void end(String cookie, BooleanSupplier ended) throws IOException, InterruptedException {
    signal("TERM", cookie);
    long end = System.currentTimeMillis() + GRACE_MILLISECONDS;
    while (System.currentTimeMillis() < end
        && !(ended.getAsBoolean() && with(cookie).isEmpty())) {
      Thread.sleep(POLL_MILLISECONDS);
    }
    signal("KILL", cookie);
  }

  private static void signal(String name, String cookie) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("kill", "-" + name));
    for (long pid : with(cookie)) {
      line.add(String.valueOf(pid));
    }
    if (line.size() > 2) {
      // some may be gone already, which makes kill complain
      new ProcessBuilder(line).redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
    }
  }

  /** Returns the live processes that carry a cookie. */
  static List<Long> with(String cookie) throws IOException {
    List<Long> found = new ArrayList<>();
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      for (Path one : (Iterable<Path>) processes::iterator) {
        String pid = one.getFileName().toString();
        if (pid.chars().allMatch(Character::isDigit) && has(one, cookie)) {
          found.add(Long.valueOf(pid));
        }
      }
    }
    return found;
  }

  private static boolean has(Path process, String cookie) {
    try {
      String environment =
          new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1);
      return List.of(environment.split("\0")).contains(cookie);
    } catch (IOException e) {
      return false; // ended meanwhile, or another user's
    }
  }
}
