package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class MainTest {
  @TempDir
  Path directory;

  private List<String> command(String... arguments) {
    List<String> line = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java",
        "--add-opens", "java.base/java.lang=ALL-UNNAMED", "--add-opens",
        "java.base/java.util=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-cp",
        System.getProperty("java.class.path"), "podwright.runner.Main"));
    line.addAll(List.of(arguments));
    return line;
  }

  private Pipelines.Finished run(String... arguments) throws Exception {
    return Pipelines.process(directory, Map.of("PATH", System.getenv("PATH")),
        command(arguments).toArray(String[]::new));
  }

  private void refused(String sentence, String... arguments) {
    Exception e = assertThrows(IllegalArgumentException.class, () -> Main.parse(arguments));
    assertEquals(sentence, e.getMessage());
  }

  @Test
  void a_pipeline_runs_and_its_result_is_the_exit_code() throws Exception {
    Pipelines.write(directory.resolve("Jenkinsfile"), "node { echo \"${params.A} ${env.B}\" }");
    Pipelines.Finished done = run("--param", "A=1", "--env", "B=2=3", "--job", "folder/x",
        "--report", "r.json", "Jenkinsfile");
    assertEquals(String.join("\n", "[Pipeline] Start of Pipeline", "[Pipeline] node",
        "Running on local in " + directory + "/.podwright/pipeline/workspace/folder/x",
        "[Pipeline] {", "[Pipeline] echo", "1 2=3", "[Pipeline] }", "[Pipeline] // node",
        "[Pipeline] End of Pipeline", "Finished: SUCCESS", ""), done.out());
    assertEquals(0, done.code());
    assertTrue(Files.readString(directory.resolve("r.json")).contains("\"result\": \"SUCCESS\""));
    Pipelines.write(directory.resolve("Jenkinsfile"), "error 'no'");
    assertEquals(1, run("Jenkinsfile").code());
  }

  @Test
  void a_signal_aborts_the_build_and_what_it_started() throws Exception {
    Pipelines.write(directory.resolve("Jenkinsfile"),
        "node { try { sh 'echo $$ >pid; sleep 60' } finally { sh 'echo cleaned up' } }");
    Path out = directory.resolve("out");
    Process process = new ProcessBuilder(command("Jenkinsfile")).directory(directory.toFile())
        .redirectErrorStream(true).redirectOutput(out.toFile()).start();
    Path pid = directory.resolve(".podwright/pipeline/workspace/pipeline/pid");
    while (!Files.exists(pid) || Files.size(pid) == 0) {
      Thread.sleep(20);
    }
    long child = Long.parseLong(Files.readString(pid).strip());
    process.destroy();
    assertEquals(130, process.waitFor());
    String log = Files.readString(out);
    assertTrue(log.contains("Aborted by a signal\n"), log);
    assertTrue(log.contains("+ echo cleaned up\ncleaned up\n"), log);
    assertTrue(log.endsWith("Finished: ABORTED\n"), log);
    assertTrue(ProcessHandle.of(child).isEmpty());
  }

  @Test
  void wrong_usage_is_said_in_one_line() throws Exception {
    Pipelines.Finished done = run("--nonsense", "x", "Jenkinsfile");
    assertEquals(new Pipelines.Finished(2, "", "run-pipeline: unknown option --nonsense\n"), done);
    refused("no Jenkinsfile given; see run-pipeline --help");
    refused("there is no file nowhere", "nowhere");
    refused("--env needs a value, or is unknown", "--env");
    refused("--env needs NAME=VALUE, not x", "--env", "x");
    refused("--library: there is no directory /nowhere", "--library", "a=/nowhere");
    refused("only one Jenkinsfile can be run, not also b", "a", "b");
  }

  @Test
  void credentials_that_cannot_be_used_are_refused() throws Exception {
    Pipelines.write(directory.resolve("Jenkinsfile"), "");
    Path file = directory.resolve("c.json");
    for (var one : Map.of(
        "{\"a\": {\"type\": \"zip\"}}", ": a needs a type out of ",
        "[1]", ": credentials must be an object of ids.",
        "{\"a\": {\"type\": \"string\", \"secrett\": \"x\"}}", ": a has the unknown field secrett"
    ).entrySet()) {
      Pipelines.write(file, one.getKey());
      PrintStream nothing = new PrintStream(new ByteArrayOutputStream(), true,
          StandardCharsets.UTF_8);
      Exception e = assertThrows(IllegalArgumentException.class, () -> Main.run(
          new String[] {"--credentials", file.toString(),
              "--workspace-root", directory.resolve("w").toString(),
              directory.resolve("Jenkinsfile").toString()}, nothing));
      assertTrue(e.getMessage().startsWith(file + one.getValue()), e.getMessage());
    }
  }

  @Test
  void help_names_every_option() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      assertEquals(0, Main.run(new String[] {"--help"}, out));
    } catch (java.io.IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
    String help = bytes.toString(StandardCharsets.UTF_8);
    for (String option : List.of("--library", "--implicit-library", "--workspace-root", "--scm",
        "--credentials", "--env", "--param", "--job", "--number", "--sandbox",
        "--sandbox-jenkinsfile", "--report", "--kubernetes", "--namespace", "--agent-image",
        "--restricted-agent", "--pod-timeout")) {
      assertTrue(help.contains("  " + option + " "), option);
    }
  }
}
