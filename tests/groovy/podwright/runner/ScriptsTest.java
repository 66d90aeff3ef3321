package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import groovy.lang.GroovyClassLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The scripts as a shell sees them, run the way Jenkins runs them. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ScriptsTest {
  private static final String ID = "0f0e0d0c-0000-4000-8000-000000000001";

  private static final String REQUEST = "{\"image\": \"a'$(reboot) `x` \\\\ \\u00e4\"}";

  @TempDir
  Path directory;

  private Path job;
  private final Map<String, String> environment = new LinkedHashMap<>();

  /** The shells of Debian, of kaniko's and other small images, and of most builder images. */
  static Stream<List<String>> shells() {
    return Stream.of(List.of("dash"), List.of("busybox", "sh"), List.of("bash", "--posix"));
  }

  /** The SHA-256 of a bundle with nothing in it. */
  private static final String EMPTY =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

  @BeforeEach
  void prepare() throws IOException {
    job = Files.createDirectories(directory.resolve("ws@tmp/podwright/" + ID));
    Files.createDirectories(directory.resolve("ws"));
    for (Path bundle : List.of(job.resolve("../podwright.pyz"), job.resolve("podwright.pyz"))) {
      Files.write(bundle, new byte[0]);
    }
    environment.put("PATH", System.getenv("PATH"));
    environment.put("WORKSPACE_TMP", directory.resolve("ws@tmp").toString());
    environment.put("PODWRIGHT_PLANNER_FIFO", directory.resolve("ask").toString());
  }

  private static String script(String name) {
    try (GroovyClassLoader loader = new GroovyClassLoader(ScriptsTest.class.getClassLoader())) {
      loader.parseClass("package podwright\nclass Bundle { static final String SUM = '" + EMPTY + "' }");
      Class<?> scripts = loader.parseClass(
          Pipelines.ROOT.resolve("src/podwright/Scripts.groovy").toFile());
      if (!name.equals("build")) {
        return (String) scripts.getMethod(name, String.class, String.class, String.class)
            .invoke(null, ID, "buildImage", REQUEST);
      }
      return (String) scripts.getMethod(name, String.class, String.class)
          .invoke(null, ID, REQUEST);
    } catch (IOException | ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private Pipelines.Finished run(List<String> shell, String name)
      throws IOException, InterruptedException {
    Path file = Pipelines.write(directory.resolve("script.sh"), script(name));
    List<String> line = new java.util.ArrayList<>(shell);
    line.addAll(List.of("-xe", file.toString()));
    return Pipelines.process(directory.resolve("ws"), environment, line.toArray(String[]::new));
  }

  /** Starts a tools container: a loop that reads one job and answers it. */
  private Process tools(String answer) throws IOException, InterruptedException {
    Path fifo = directory.resolve("ask");
    Pipelines.process(directory, environment, "mkfifo", fifo.toString());
    return new ProcessBuilder("sh", "-c", "read -r job <\"$1\"; " + answer, "tools",
        fifo.toString()).start();
  }

  @ParameterizedTest
  @MethodSource("shells")
  void the_planner_in_the_tools_container_is_asked_and_its_script_runs(List<String> shell)
      throws Exception {
    environment.put("BRANCH_NAME", "abc $(reboot) 'x'");
    environment.put("PODWRIGHT_CONFIG", "a: 1\nb: $(reboot) \\n\n");
    Process tools = tools("cp \"$job/request.json\" \"$job/env\" \"$job/..\"; cp \"$job/config\" \"$job/..\"; "
        + "printf '%s\\n' 'echo to the log' 'printf 42 >&3' 'exit 5' >\"$job/build.sh\"; "
        + ": >\"$job/answered\"");
    Pipelines.Finished done = run(shell, "build");
    assertTrue(tools.waitFor(10, TimeUnit.SECONDS));
    assertEquals(new Pipelines.Finished(5, "42", "to the log\n"), done);
    assertEquals("PWD=" + directory + "/ws\nBRANCH_NAME=abc $(reboot) 'x'\nWORKSPACE_TMP="
        + directory + "/ws@tmp\n", Files.readString(job.resolve("../env")));
    assertEquals(REQUEST + "\n", Files.readString(job.resolve("../request.json")));
    assertEquals("a: 1\nb: $(reboot) \\n\n", Files.readString(job.resolve("../config")));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void in_the_pod_of_withBuilderPod_the_job_lies_in_the_temporary_directory_of_the_pod(
      List<String> shell) throws Exception {
    environment.put("PODWRIGHT_POD", "pod-1");
    environment.put("PODWRIGHT_POD_TMP", environment.put("WORKSPACE_TMP", "/proc/none"));
    environment.put("NODE_NAME", "pod-1");
    tools("printf '{\"error\": \"no\"}' >\"$job/answer.json\"; : >\"$job/answered\"");
    assertEquals(new Pipelines.Finished(0, "{\"error\": \"no\"}", ""), run(shell, "build"));
    environment.put("NODE_NAME", "another");
    Pipelines.Finished full = run(shell, "build");
    assertEquals("{\"error\": \"the workspace has no room for a request: see the log of this step.\"}\n",
        full.out());
    assertEquals(0, full.code());
    assertTrue(full.err().contains("/proc/none"), full.err());
  }

  @ParameterizedTest
  @MethodSource("shells")
  void a_planner_of_another_user_may_answer_in_the_directory_that_root_has_made(List<String> shell)
      throws Exception {
    assumeTrue(System.getProperty("user.name").equals("root"));
    String both = "1234 755\n1234 755";
    for (String[] owner : new String[][] {{"1234", both}, {"0", "0 755\n0 777"}}) {
      Pipelines.process(directory, environment, "rm", "-r", job.getParent().toString());
      Pipelines.process(directory, environment, "chown", owner[0], directory + "/ws@tmp");
      Process tools = tools("stat -c '%u %a' \"$job/..\" \"$job\" >\"$job/../owner\"; "
          + "echo '{}' >\"$job/answer.json\"; : >\"$job/answered\"");
      assertEquals(new Pipelines.Finished(0, "{}\n", ""), run(shell, "build"));
      assertTrue(tools.waitFor(10, TimeUnit.SECONDS));
      assertEquals(owner[1], Files.readString(job.resolveSibling("owner")).strip());
      Files.createDirectories(job);
    }
  }

  @ParameterizedTest
  @MethodSource("shells")
  void a_bundle_that_was_changed_never_runs(List<String> shell) throws Exception {
    for (Path bundle : List.of(job.resolve("../podwright.pyz"), job.resolve("podwright.pyz"))) {
      Files.writeString(bundle, "print('another')");
    }
    String error = "{\"error\": \"podwright.pyz in the workspace is not the one that the library wrote; "
        + "who changed or removed it?\"}";
    for (String name : List.of("build", "pod")) {
      assertEquals(error, run(shell, name).out().strip());
      Files.createDirectories(job);
      Files.writeString(job.resolve("podwright.pyz"), "print('another')");
    }
    Process tools = tools("cp \"$job/bundle\" \"$job/..\"; : >\"$job/answered\"; "
        + "echo '{}' >\"$job/answer.json\"");
    run(shell, "build");
    assertTrue(tools.waitFor(10, TimeUnit.SECONDS));
    assertEquals(EMPTY, Files.readString(job.getParent().resolve("bundle")));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void an_error_of_the_planner_is_answered_and_the_job_is_removed(List<String> shell)
      throws Exception {
    tools("printf '{\"error\": \"no\"}' >\"$job/answer.json\"; : >\"$job/answered\"");
    assertEquals(new Pipelines.Finished(0, "{\"error\": \"no\"}", ""), run(shell, "build"));
    assertFalse(Files.exists(job));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void a_planner_that_does_not_read_is_given_up_after_a_minute(List<String> shell)
      throws Exception {
    // a sleep that takes no time makes the minute short
    Path bin = directory.resolve("bin");
    Files.createDirectories(bin);
    Pipelines.write(bin.resolve("sleep"), "#!/bin/sh\n").toFile().setExecutable(true);
    if (shell.get(0).equals("busybox")) {
      return; // has its own sleep, which cannot be replaced
    }
    environment.put("PATH", bin + ":" + environment.get("PATH"));
    Pipelines.process(directory, environment, "mkfifo", directory.resolve("ask").toString());
    assertEquals(new Pipelines.Finished(0, "{\"error\": \"the planner did not answer: see the log of"
        + " the container that plans, tools or jnlp.\"}\n", ""), run(shell, "build"));
    assertFalse(Files.exists(job));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void a_script_that_is_ended_while_it_waits_leaves_nothing(List<String> shell) throws Exception {
    Pipelines.process(directory, environment, "mkfifo", directory.resolve("ask").toString());
    Path file = Pipelines.write(directory.resolve("script.sh"), script("build"));
    List<String> line = new java.util.ArrayList<>(shell);
    line.addAll(List.of("-xe", file.toString()));
    ProcessBuilder builder = new ProcessBuilder(line).directory(directory.resolve("ws").toFile())
        .redirectErrorStream(true).redirectOutput(directory.resolve("out").toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    while (!Files.exists(job.resolve("env"))) {
      Thread.sleep(20);
    }
    process.destroy();
    assertEquals(143, process.waitFor());
    assertFalse(Files.exists(job));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void the_pod_is_answered_by_the_planner_and_the_job_is_removed(List<String> shell)
      throws Exception {
    Path bin = Pipelines.programs(directory.resolve("bin"), "sh", "cat", "mkdir", "rm", "dash", "busybox",
        "bash");
    Pipelines.write(bin.resolve("python3"), "#!/bin/sh\necho \"$@\"\n").toFile()
        .setExecutable(true);
    environment.put("PATH", bin.toString());
    assertEquals(new Pipelines.Finished(0, "-I " + job + "/podwright.pyz pod --machine --step "
        + "buildImage " + job + "/request.json\n", ""), run(shell, "pod"));
    assertFalse(Files.exists(job));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void a_planned_pod_gets_the_config_that_was_written_beside_the_request(List<String> shell)
      throws Exception {
    Path bin = Pipelines.programs(directory.resolve("bin"), "sh", "cat", "mkdir", "rm", "dash", "busybox",
        "bash");
    Pipelines.write(bin.resolve("python3"), "#!/bin/sh\necho \"$PODWRIGHT_CONFIG\"\n").toFile()
        .setExecutable(true);
    environment.put("PATH", bin.toString());
    environment.put("PODWRIGHT_CONFIG", "own");
    Pipelines.write(job.resolve("config"), "builder: x\n");
    assertEquals(new Pipelines.Finished(0, job + "/config\n", ""), run(shell, "pod"));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void only_mistakes_are_answered_when_a_request_is_judged(List<String> shell) throws Exception {
    Path bin = Pipelines.programs(directory.resolve("bin"), "sh", "cat", "mkdir", "rm", "grep", "dash",
        "busybox", "bash");
    environment.put("PATH", bin.toString());
    environment.put("PODWRIGHT_CONFIG", "/not/there");
    Pipelines.Finished nothing = new Pipelines.Finished(0, "{\"pod\": {}}\n", "");
    assertEquals(nothing, run(shell, "judge"));
    Map<String, Pipelines.Finished> answers = Map.of("{\"pod\": {\"kind\": \"Pod\"}}", nothing,
        "{\"error\": \"no\"}", new Pipelines.Finished(0, "{\"error\": \"no\"}\n", ""),
        "Traceback", nothing);
    for (Map.Entry<String, Pipelines.Finished> answer : answers.entrySet()) {
      Files.createDirectories(job);
      Files.write(job.resolve("podwright.pyz"), new byte[0]);
      Pipelines.write(bin.resolve("python3"), "#!/bin/sh\necho \"$@\" >\"$WORKSPACE_TMP/asked\"\n"
          + "echo '" + answer.getKey() + "'\necho \"talk $PODWRIGHT_CONFIG\" >&2\n").toFile()
          .setExecutable(true);
      assertEquals(answer.getValue(), run(shell, "judge"));
      assertEquals("-I " + job + "/podwright.pyz pod --machine --step buildImage --check " + job
          + "/request.json\n", Files.readString(directory.resolve("ws@tmp/asked")));
      assertFalse(Files.exists(job));
    }
  }

  @Test
  void the_scripts_pass_shellcheck() throws Exception {
    for (String name : List.of("build", "pod", "judge")) {
      Path file = Pipelines.write(directory.resolve("script.sh"), script(name));
      assertEquals(new Pipelines.Finished(0, "", ""),
          Pipelines.process(directory, environment, "shellcheck", "-s", "sh", file.toString()));
    }
  }
}
