package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pipelines are CPS-transformed, saved at every step, and sandboxed on demand. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class CpsTest {
  @TempDir
  Path directory;

  private Pipelines.Outcome run(String text) {
    return new Pipelines(directory).run(text);
  }

  private Pipelines.Outcome sandboxed(String text) {
    return new Pipelines(directory).sandboxed(true).run(text);
  }

  private void refused(String expression, String signature) {
    var outcome = sandboxed(expression);
    assertEquals("FAILURE", outcome.result(), outcome.log());
    assertEquals("java.lang.SecurityException: Scripts not permitted to use " + signature,
        outcome.error());
    assertTrue(outcome.log().contains("\tat WorkflowScript.run(WorkflowScript:1)"), outcome.log());
  }

  @Test
  void steps_may_stand_in_loops_and_closures() {
    var outcome = run("""
        for (x in [1, 2]) { echo "list ${x}" }
        for (e in [a: 1]) { echo "map ${e.key}" }
        for (int i = 0; i < 1; i++) { echo "index ${i}" }
        [3].each { echo "each ${it}" }
        [b: 4].each { k, v -> echo "pair ${k}${v}" }
        echo([5, 6].collect { n -> echo "collect ${n}"; n * 2 }.toString())
        """);
    assertEquals(List.of("list 1", "list 2", "map a", "index 0", "each 3", "pair b4", "collect 5",
        "collect 6", "[10, 12]"), outcome.echoes(), outcome.log());
  }

  @Test
  void the_program_is_saved_and_read_back_at_every_step() {
    var outcome = run("def list = [1]\ndef same = list\necho 'a'\nsame << 2\necho list.toString()");
    assertEquals(List.of("a", "[1, 2]"), outcome.echoes());
    assertEquals(2, outcome.report().get("checkpoints"));
  }

  @Test
  void a_value_that_cannot_be_saved_across_a_step_fails_the_build_with_the_place() {
    var outcome = run("def thread = new Thread()\necho 'never'");
    assertEquals("FAILURE", outcome.result());
    assertEquals("The program cannot be saved while it waits for the step echo (at WorkflowScript:2)"
        + ": java.io.NotSerializableException: java.lang.Thread. Keep only serializable values in "
        + "variables across a step, or move the code into a @NonCPS method.", outcome.error());
    assertEquals(List.of(), outcome.echoes());
  }

  @Test
  void agents_are_given_back_when_the_program_cannot_be_saved() {
    var outcome = run("podTemplate(yaml: '') { node(POD_LABEL) { def t = new Thread(); sh 'x' } }");
    assertEquals("FAILURE", outcome.result());
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/pods")));
  }

  @Test
  void steps_called_from_code_that_is_not_transformed_fail_the_build_with_the_place() {
    var outcome = run("def sorted(list) {\n  list.sort { a, b -> helper(a, b) }\n}\n"
        + "def helper(a, b) { echo 'x'; a <=> b }\nsorted([2, 1])");
    assertEquals("FAILURE", outcome.result());
    assertTrue(outcome.error().contains("expected to call java.util.ArrayList.sort but wound up "
        + "catching"), outcome.error());
    assertTrue(outcome.error().contains("WorkflowScript:5"), outcome.error());
  }

  @Test
  void code_that_does_not_compile_fails_the_build_with_the_place() {
    var outcome = run("echo 'a\n");
    assertEquals("FAILURE", outcome.result());
    assertTrue(outcome.error().contains("WorkflowScript: 1"), outcome.error());
  }

  @Test
  void spread_calls_are_refused_as_in_jenkins() {
    var outcome = run("[1, 2]*.toString()");
    assertEquals("FAILURE", outcome.result());
    assertTrue(outcome.error().contains("spread not yet supported"), outcome.error());
  }

  @Test
  void a_library_has_variables_classes_and_resources() {
    Pipelines pipelines = new Pipelines(directory)
        .source("vars/greet.groovy", "import org.x.Tool\nint count = 0\n"
            + "def call(String who, Closure body = null) { new Tool(this).say(who); body?.call() }\n"
            + "def other() { 'other' }\n")
        .source("src/org/x/Tool.groovy", "package org.x\nclass Tool implements Serializable {\n"
            + "  private final steps\n  Tool(steps) { this.steps = steps }\n"
            + "  def say(String who) { [1].each { hidden(who) } }\n"
            + "  private hidden(String who) {\n"
            + "    steps.echo(steps.libraryResource('a/b.txt').trim() + ' ' + who) }\n}\n")
        .source("resources/a/b.txt", "hello\n");
    var outcome = pipelines.run("greet('you') { echo 'body' }\necho greet.other()");
    assertEquals(List.of("hello you", "body", "other"), outcome.echoes(), outcome.log());
  }

  @Test
  void libraries_are_found_by_annotation_and_unknown_ones_are_named() {
    assertEquals("No library named nope found: give it by --library nope=DIR.",
        run("@Library('nope@v1') _\necho 'x'").error());
  }

  @Test
  void libraries_can_be_loaded_while_the_pipeline_runs() {
    Pipelines pipelines = new Pipelines(directory).source("vars/late.groovy", "def call() { 'here' }");
    pipelines.options().libraries.put("own",
        new Options.LibrarySource(directory.resolve("own"), false));
    assertEquals("here", pipelines.run("library identifier: 'own@main', retriever: modernSCM([:])\n"
        + "late()").returned());
  }

  @Test
  void a_library_with_a_symbolic_link_is_refused_as_in_jenkins() throws Exception {
    Pipelines pipelines = new Pipelines(directory).source("vars/a.groovy", "def call() { }");
    java.nio.file.Files.createSymbolicLink(
        directory.resolve("own/vars/b.groovy"), Path.of("a.groovy"));
    assertEquals("Library contains the symbolic link " + directory + "/own/vars/b.groovy, which "
        + "Jenkins refuses to load: replace it by a file.", pipelines.run("echo 'x'").error());
  }

  @Test
  void a_library_of_resources_alone_is_refused_as_in_jenkins() {
    Pipelines pipelines = new Pipelines(directory).source("resources/org/x.json", "{}")
        .source("vars/.gitkeep", "");
    assertEquals("Library own expected to contain at least one of src or vars directories",
        pipelines.run("echo 'x'").error());
    assertEquals("{}", pipelines.source("vars/own.txt", "help").run("libraryResource('org/x.json')")
        .returned());
  }

  @Test
  void a_missing_or_ambiguous_resource_fails_as_in_jenkins() {
    assertEquals("No such library resource a/../../x could be found.",
        run("libraryResource('a/../../x')").error());
    Pipelines pipelines = new Pipelines(directory).source("vars/a.groovy", "def call() { }")
        .source("resources/r", "1");
    Pipelines.write(directory.resolve("second/vars/b.groovy"), "def call() { }");
    Pipelines.write(directory.resolve("second/resources/r"), "2");
    String error = pipelines.library(directory.resolve("second")).run("libraryResource('r')").error();
    assertTrue(error.startsWith("Library resource r ambiguous among libraries ["), error);
  }

  @Test
  void the_sandbox_allows_what_pipelines_need() {
    var outcome = sandboxed("""
        def map = [a: [1, 2], b: "x${1 + 1}"]
        echo map.collect { k, v -> "${k}=${v}" }.join(',')
        echo groovy.json.JsonOutput.toJson(map)
        echo new groovy.json.JsonSlurper().parseText('{"n": 1}').n.toString()
        echo 'A,b'.toLowerCase().split(',').length.toString()
        try { throw new Exception('own') } catch (Exception e) { echo e.message }
        env.SET = 'v'
        echo env.SET
        currentBuild.description = 'text'
        """);
    assertEquals(List.of("a=[1, 2],b=x2", "{\"a\":[1,2],\"b\":\"x2\"}", "1", "2", "own", "v"),
        outcome.echoes(), outcome.log());
    assertEquals("text", outcome.report().get("description"));
  }

  @Test
  void sleep_is_the_step_and_not_the_method_of_groovy() {
    var outcome = sandboxed("sleep 0\nnode { sleep 0; sleep(time: 1, unit: 'MILLISECONDS') }");
    assertEquals(List.of("sleep", "node", "sleep", "sleep"), outcome.report().steps(),
        outcome.log());
  }

  @Test
  void the_sandbox_refuses_everything_else_with_the_signature_and_the_place() {
    refused("new File('/etc/passwd').text", "new java.io.File java.lang.String");
    refused("'id'.execute()", "method java.lang.String execute");
    refused("System.getenv('PATH')", "staticMethod java.lang.System getenv java.lang.String");
    refused("def x = 'a'.strip()", "method java.lang.String strip");
    refused("groovy.json.JsonOutput.toJson([1])",
        "staticMethod groovy.json.JsonOutput toJson java.util.ArrayList");
    refused("''.class", "field or property java.lang.String class");
    refused("File f = ['/etc/passwd']", "new java.io.File java.lang.String");
    refused("new RuntimeException('x')", "new java.lang.RuntimeException java.lang.String");
    refused("String.metaClass", "field or property java.lang.Class metaClass");
    refused("UUID.fromString('x')", "staticMethod java.util.UUID fromString java.lang.String");
    refused("Long.parseLong('1')", "staticMethod java.lang.Long parseLong java.lang.String");
    refused("[1].lastIndexOf(1)", "method java.util.ArrayList lastIndexOf java.lang.Integer");
    refused("[1].clear()", "method java.util.ArrayList clear");
    refused("new Exception('x').printStackTrace()", "method java.lang.Exception printStackTrace");
    refused("[1].is([1])", "method java.util.ArrayList is java.util.ArrayList");
  }

  @Test
  void the_sandbox_also_watches_code_that_is_not_transformed() {
    var outcome = sandboxed("@NonCPS def f() { 'id'.execute() }\nf()");
    assertEquals("java.lang.SecurityException: Scripts not permitted to use method java.lang.String "
        + "execute", outcome.error());
  }

  @Test
  void a_trusted_library_may_do_what_a_sandboxed_pipeline_may_not() {
    Pipelines pipelines = new Pipelines(directory)
        .source("vars/shout.groovy", "def call() { 'id'.toURI().toString() }");
    pipelines.options().sandbox = true;
    assertEquals("id", pipelines.run("shout()").returned());
    pipelines.options().sandboxLibraries = true;
    assertEquals("java.lang.SecurityException: Scripts not permitted to use method java.lang.String "
        + "toURI", pipelines.run("shout()").error());
  }
}
