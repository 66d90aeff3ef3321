package podwright.runner;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs pipelines in tests: each in a directory of its own, with the real library. */
final class Pipelines {
  /** The repository. */
  static final Path ROOT = root();

  final Path directory;
  private final Options options = new Options();
  private Build build;
  private Launcher launcher;

  /** How a pipeline ended. */
  record Outcome(String result, String log, Report report) {
    String error() {
      return String.valueOf(report.get("error"));
    }

    Object returned() {
      return report.get("return");
    }

    /** Returns the messages that the pipeline has echoed, in order. */
    List<String> echoes() {
      List<String> messages = new ArrayList<>();
      for (Report.Entry entry : report.entries()) {
        if (entry.step.equals("echo")) {
          messages.add(String.valueOf(entry.facts.get("message")));
        }
      }
      return messages;
    }

    /** Returns the steps with a name. */
    List<Report.Entry> steps(String name) {
      return report.entries().stream().filter(entry -> entry.step.equals(name)).toList();
    }
  }

  Pipelines(Path directory) {
    this.directory = directory;
    options.workspaceRoot = directory.resolve("jenkins");
  }

  private static Path root() {
    Path path = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(path.resolve("vars"))) {
      path = path.getParent();
    }
    return path;
  }

  /** Returns the options of the build, to be changed. */
  Options options() {
    return options;
  }

  /** Lets Jenkinsfile and libraries run in the sandbox, or not. */
  Pipelines sandboxed(boolean sandboxed) {
    options.sandbox = sandboxed;
    options.sandboxLibraries = sandboxed;
    return this;
  }

  /** Loads the real vars and src, with presets and a planner made for tests. */
  Pipelines withStandIn() {
    Path library = directory.resolve("library");
    copy(ROOT.resolve("vars"), library.resolve("vars"));
    copy(ROOT.resolve("src"), library.resolve("src"));
    StandIn.write(library);
    return library(library);
  }

  /** Loads a library without being asked to by the Jenkinsfile. */
  Pipelines library(Path library) {
    options.libraries.put(library.getFileName().toString(),
        new Options.LibrarySource(library, true));
    return this;
  }

  /** Makes a library with one script in vars/, or one class in src/. */
  Pipelines source(String path, String text) {
    Path library = directory.resolve("own");
    write(library.resolve(path), text);
    options.libraries.put("own", new Options.LibrarySource(library, true));
    return this;
  }

  Pipelines credentials(String json) {
    options.credentials = write(directory.resolve("credentials.json"), json);
    return this;
  }

  /** Lets pods be made by another launcher. */
  Pipelines launcher(Launcher other) {
    launcher = other;
    return this;
  }

  /** Runs a pipeline. */
  Outcome run(String text) {
    options.jenkinsfile = write(directory.resolve("Jenkinsfile"), text);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      Files.createDirectories(options.workspaceRoot);
      build = new Build(options, new Log(out), launcher != null ? launcher
          : new HostLauncher(options.workspaceRoot, options.job));
      String result = build.run();
      return new Outcome(result, bytes.toString(StandardCharsets.UTF_8), build.report());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the build that runs, or null before it starts. */
  Build build() {
    return build;
  }

  /** Returns the requests that the stand-in planner has got, as JSON with sorted keys. */
  List<String> requests() {
    return lines("requests");
  }

  List<String> lines(String file) {
    try {
      Path path = directory.resolve("jenkins").resolve(file);
      return Files.exists(path) ? Files.readAllLines(path) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the files below a directory, relative to it. */
  static List<String> files(Path base) {
    if (!Files.exists(base)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(base)) {
      return all.filter(Files::isRegularFile).map(file -> base.relativize(file).toString()).sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path write(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      return Files.writeString(file, text, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void copy(Path from, Path to) {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : (Iterable<Path>) all::iterator) {
        Path target = to.resolve(from.relativize(one).toString());
        if (Files.isDirectory(one)) {
          Files.createDirectories(target);
        } else {
          Files.copy(one, target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Makes a directory for PATH with some programs of this machine, and no others. */
  static Path programs(Path directory, String... names) {
    try {
      Files.createDirectories(directory);
      for (String name : names) {
        for (String place : System.getenv("PATH").split(":")) {
          if (Files.isExecutable(Path.of(place, name))) {
            Files.createSymbolicLink(directory.resolve(name), Path.of(place, name));
            break;
          }
        }
      }
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A finished process. */
  record Finished(int code, String out, String err) {
  }

  /** Runs a program with an environment of its own. */
  static Finished process(Path directory, Map<String, String> environment, String... line)
      throws IOException, InterruptedException {
    Path err = Files.createTempFile("stderr", null);
    ProcessBuilder builder = new ProcessBuilder(Arrays.asList(line)).directory(directory.toFile())
        .redirectError(err.toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = process.waitFor();
    String problem = Files.readString(err);
    Files.delete(err);
    return new Finished(code, out, problem);
  }
}
