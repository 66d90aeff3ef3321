package podwright.runner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** An agent that is a directory of this machine. */
final class HostAgent implements Agent {

  /** What happens to the workspace when the agent is given back. */
  interface Cleanup {
    void run(Path workspace) throws IOException;
  }

  private final String name;
  private final Pod pod;
  private final Path workspace;
  private final Cleanup cleanup;
  private final String cookie = UUID.randomUUID().toString();

  HostAgent(String name, Pod pod, Path workspace, Cleanup cleanup) throws IOException {
    this.name = name;
    this.pod = pod;
    this.workspace = workspace;
    this.cleanup = cleanup;
    Files.createDirectories(workspace);
    Files.createDirectories(Path.of(temporary()));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String workspace() {
    return workspace.toString();
  }

  private String temporary() {
    return workspace + "@tmp";
  }

  @Override
  public Map<String, String> variables() {
    Map<String, String> all = new LinkedHashMap<>(System.getenv());
    all.put("NODE_NAME", name);
    all.put("NODE_LABELS", pod == null ? name : pod.label() + ' ' + name);
    all.put("EXECUTOR_NUMBER", "0");
    all.put("JENKINS_NODE_COOKIE", cookie);
    all.put("WORKSPACE", workspace());
    all.put("WORKSPACE_TMP", temporary());
    if (pod != null) {
      all.put("POD_LABEL", pod.label());
      // This machine plans in the place of the pod's planner, so it must know what that is told: the
      // strategy, the organisation's config, the engine's registries.
      all.putAll(pod.variables("PODWRIGHT_"));
    }
    return all;
  }

  @Override
  public void checkContainer(String container) throws IOException {
    if (pod == null) {
      throw new hudson.AbortException("Node is not a Kubernetes node: " + name);
    }
    Containers.check(pod, container);
  }

  @Override
  public Running start(Command command, Consumer<String> output, Consumer<Ended> end)
      throws IOException {
    String cookie = "durable-" + UUID.randomUUID();
    Path directory = Files.createDirectories(Path.of(temporary(), cookie));
    Path script = directory.resolve("script.sh");
    Files.writeString(script, command.script(), StandardCharsets.UTF_8);
    if (command.script().startsWith("#!")) {
      Files.setPosixFilePermissions(script, EnumSet.allOf(PosixFilePermission.class));
    }
    Files.createDirectories(Path.of(command.directory()));
    Path log = Files.createFile(directory.resolve("jenkins-log.txt"));
    Path value = command.captureOutput() ? directory.resolve("output.txt") : null;
    Path result = directory.resolve("jenkins-result.txt");
    ProcessBuilder builder = new ProcessBuilder("setsid", "nohup", "sh", "-c",
        Durable.command(directory.toString(), cookie, command)).directory(
            Path.of(command.directory()).toFile());
    builder.environment().clear();
    builder.environment().putAll(command.environment());
    builder.environment().put("JENKINS_SERVER_COOKIE", "please-do-not-kill-me");
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectErrorStream(true);
    builder.redirectOutput(directory.resolve("launch").toFile());
    int launched = launched(builder);
    HostProcess running = new HostProcess(cookie);
    Tail.follow(() -> Files.exists(result) || launched != 0, log, output, () -> {
      running.finished();
      String captured = value == null || !Files.exists(value) ? ""
          : Files.readString(value, StandardCharsets.UTF_8);
      int code = Files.exists(result) ? Integer.parseInt(Files.readString(result).strip()) : -2;
      if (code == -2) {
        output.accept(Files.readString(directory.resolve("launch")).strip());
        output.accept("process apparently never started in " + directory);
      }
      remove(directory);
      end.accept(new Ended(code, captured, null));
    });
    return running;
  }

  /** Starts what goes on in the background by itself, and returns how the starter has ended. */
  private static int launched(ProcessBuilder builder) throws IOException {
    try {
      return builder.start().waitFor();
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public byte[] read(String path) throws IOException {
    return Files.readAllBytes(Path.of(path));
  }

  @Override
  public void write(String path, byte[] content, String mode) throws IOException {
    Path file = Path.of(path);
    Files.createDirectories(file.getParent());
    if (mode != null) {
      Files.deleteIfExists(file);
      Files.createFile(file);
      Files.setPosixFilePermissions(file.getParent(),
          EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE,
              PosixFilePermission.OWNER_EXECUTE));
      Files.write(file, content);
      Files.setPosixFilePermissions(file, Set.of(PosixFilePermission.OWNER_READ));
    } else {
      Files.write(file, content);
    }
  }

  @Override
  public boolean exists(String path) {
    return Files.exists(Path.of(path));
  }

  @Override
  public void delete(String path) throws IOException {
    remove(Path.of(path));
  }

  @Override
  public List<String> list(String directory) throws IOException {
    Path base = Path.of(directory);
    Set<String> found = new TreeSet<>();
    if (!Files.isDirectory(base)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(base)) {
      files.filter(Files::isRegularFile).forEach(file -> found.add(base.relativize(file)
          .toString()));
    }
    return List.copyOf(found);
  }

  @Override
  public void copyIn(Path source, String directory) throws IOException {
    Path target = Path.of(directory);
    Files.createDirectories(target);
    Tools.run(null, "cp", "-a", source + "/.", target.toString());
  }

  @Override
  public void close() throws IOException {
    try {
      // what was started in the background ends with the node, as in Jenkins
      if (!Processes.with("JENKINS_NODE_COOKIE=" + cookie).isEmpty()) {
        Processes.end("JENKINS_NODE_COOKIE=" + cookie, () -> true);
      }
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e);
    }
    cleanup.run(workspace);
  }

  /** Removes a directory with all that is in it; links are not followed. */
  static void remove(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      Files.delete(path);
      return;
    }
    Files.walkFileTree(path, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
          throws IOException {
        Files.delete(file);
        return FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult postVisitDirectory(Path directory, IOException failure)
          throws IOException {
        if (failure != null) {
          throw failure;
        }
        Files.delete(directory);
        return FileVisitResult.CONTINUE;
      }
    });
  }

  /** A process with all that it started: they share a session and a cookie in their environment. */
  private static final class HostProcess implements Running {
    private final String cookie;
    private volatile boolean ended;
    private volatile Thread killer;

    HostProcess(String cookie) {
      this.cookie = cookie;
    }

    /** Told when the process has ended: waits until what it left behind is ended as well. */
    void finished() {
      ended = true;
      Thread busy = killer;
      if (busy != null) {
        try {
          busy.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }

    @Override
    public void kill() {
      killer = new Thread(this::killAll, "kill " + cookie);
      killer.start();
    }

    private void killAll() {
      try {
        Processes.end("JENKINS_SERVER_COOKIE=" + cookie, () -> ended);
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
