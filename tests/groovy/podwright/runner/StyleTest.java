package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rules over all Groovy that users load. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class StyleTest {
  private static final int LONGEST_VAR = 25;

  @TempDir
  Path directory;

  private static List<Path> groovy(String folder) throws IOException {
    try (Stream<Path> files = Files.walk(Pipelines.ROOT.resolve(folder))) {
      return files.filter(file -> file.toString().endsWith(".groovy")).sorted().toList();
    }
  }

  /** Runs CodeNarc over a directory and returns what it reports, a line for each violation. */
  private static List<String> codenarc(Path base, int files) throws Exception {
    Pipelines.Finished done = Pipelines.process(base, Map.of(), 
        System.getProperty("java.home") + "/bin/java",
        "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
        "org.codenarc.CodeNarc", "-basedir=" + base, "-includes=**/*.groovy",
        "-rulesetfiles=file:" + Pipelines.ROOT.resolve("tests/groovy/codenarc.xml"),
        "-report=console:stdout");
    assertTrue(done.out().contains("TotalFiles=" + files), done.out() + done.err());
    List<String> found = new ArrayList<>();
    String file = "";
    for (String line : done.out().split("\n")) {
      if (line.startsWith("File: ")) {
        file = line.substring("File: ".length());
      } else if (line.startsWith("    Violation: ")) {
        found.add(file + ": " + line.strip());
      }
    }
    return found;
  }

  @Test
  void codenarc_finds_nothing() throws Exception {
    Pipelines.copy(Pipelines.ROOT.resolve("vars"), directory.resolve("vars"));
    Pipelines.copy(Pipelines.ROOT.resolve("src"), directory.resolve("src"));
    assertEquals(List.of(), codenarc(directory, groovy("vars").size() + groovy("src").size()));
  }

  @Test
  void codenarc_finds_what_is_wrong() throws Exception {
    Pipelines.write(directory.resolve("vars/bad.groovy"),
        "def call() {\n  def unused = 1\n  println('x');\n}\n");
    List<String> rules = codenarc(directory, 1).stream()
        .map(line -> line.replaceFirst(".*Rule=(\\w+).*", "$1")).sorted().toList();
    assertEquals(List.of("MethodReturnTypeRequired", "NoDef", "NoDef", "Println",
        "UnnecessarySemicolon", "UnusedVariable", "VariableTypeRequired"), rules);
  }

  @Test
  void every_var_is_short_documented_and_tested() throws IOException {
    Path folder = Pipelines.ROOT.resolve("tests/groovy/podwright/runner");
    String tests = Files.readString(folder.resolve("BridgeTest.java"))
        + Files.readString(folder.resolve("RealBundleTest.java"));
    for (Path file : groovy("vars")) {
      String text = Files.readString(file);
      String name = file.getFileName().toString().replace(".groovy", "");
      assertTrue(text.lines().count() <= LONGEST_VAR, name + " has more than 25 lines");
      assertTrue(text.contains("/**"), name + " has no Groovydoc");
      assertTrue(text.contains("Object call(Object... given) {"),
          name + " has another signature than all vars, and so a shape that it cannot take");
      assertTrue(tests.contains(name + "(") || name.equals("provisionJobs"), name + " has no test");
      assertTrue(Files.exists(file.resolveSibling(name + ".txt")), name + " has no help page");
    }
  }

  @Test
  void nothing_smells() throws IOException {
    List<Path> all = new ArrayList<>(groovy("src"));
    all.addAll(groovy("vars"));
    for (Path file : all) {
      String text = Files.readString(file);
      for (String smell : List.of("steps.sh(\"", "steps.sh \"", "currentBuild.result", "isUnix(", "@Grab",
          "Jenkins.instance", ".each {", "TODO", "import hudson", "import jenkins")) {
        assertTrue(!text.contains(smell), file + " contains " + smell);
      }
      // The build's log, which trusted libraries may read: the one place, and it takes a refusal.
      boolean mayAsk = file.getFileName().toString().equals("PodFailure.groovy");
      assertTrue(mayAsk || !text.contains("rawBuild"), file + " contains rawBuild");
    }
  }

  @Test
  void groovy_names_no_builder() throws IOException {
    List<String> builders = new ArrayList<>();
    try (Stream<Path> files =
        Files.list(Pipelines.ROOT.resolve("resources/podwright/pods"))) {
      files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".json"))
          .map(name -> name.replace(".json", ""))
          .filter(name -> !List.of("default", "auto", "commands").contains(name)) // no strategies
          .forEach(builders::add);
    }
    assertTrue(builders.size() > 1, "no presets");
    for (String folder : List.of("src", "vars")) {
      for (Path file : groovy(folder)) {
        String code = Files.readString(file).replaceAll("(?s)/\\*.*?\\*/", "");
        for (String builder : builders) {
          assertTrue(!code.contains("'" + builder + "'"), file + " names " + builder);
        }
      }
    }
  }
}
