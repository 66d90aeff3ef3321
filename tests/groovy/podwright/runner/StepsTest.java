package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps do here what they do in Jenkins. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class StepsTest {
  @TempDir
  Path directory;

  private Pipelines.Outcome run(String text) {
    return new Pipelines(directory).credentials("""
        {"login": {"type": "usernamePassword", "username": "robot", "password": "pa'ss $x\\nsecond"},
         "text": {"type": "string", "secret": "s3cret"},
         "file": {"type": "file", "fileName": "f.txt", "content": "inside"}}
        """).run(text);
  }

  private void fails(String text, String error) {
    var outcome = run(text);
    assertEquals("FAILURE", outcome.result(), outcome.log());
    assertEquals(error, outcome.error(), outcome.log());
  }

  private void echoes(String text, String... messages) {
    var outcome = run(text);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of(messages), outcome.echoes(), outcome.log());
  }

  @Test
  void a_sh_never_starts_where_there_is_no_nohup_as_in_jenkins() {
    Path bin = Pipelines.programs(directory.resolve("bin"), "sh", "cp", "mv", "touch", "sleep");
    var outcome = run("node { withEnv(['PATH=" + bin + "']) { sh 'echo in' } }");
    assertEquals("script returned exit code -2", outcome.error(), outcome.log());
    assertTrue(outcome.log().contains("nohup"), outcome.log());
    assertTrue(outcome.log().contains("process apparently never started in "), outcome.log());
  }

  @Test
  void a_sh_runs_a_copy_of_its_script_in_the_background_and_ignores_hangups() {
    var outcome = run("""
        node {
          sh 'echo "$0" | sed "s,.*/,,"; grep SigIgn /proc/$$/status | tail -c 2; kill -HUP $$; echo on'
        }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("\nscript.sh.copy\n"), outcome.log());
    assertTrue(outcome.log().contains("\non\n"), outcome.log());
  }

  @Test
  void an_unknown_step_fails_loudly() {
    String error = run("slackSend 'x'").error();
    assertTrue(error.startsWith("java.lang.NoSuchMethodError: No such DSL method 'slackSend' found "
        + "among steps [ansiColor, archiveArtifacts, "), error);
  }

  @Test
  void an_unknown_parameter_of_a_step_fails_loudly() {
    fails("node { sh script: 'x', quiet: true }", "java.lang.IllegalArgumentException: Unknown "
        + "parameter quiet of step sh; the runner knows [encoding, label, returnStatus, "
        + "returnStdout, script].");
  }

  @Test
  void null_is_echoed_as_such() {
    echoes("echo null\necho(env.NOPE)", "null", "null");
  }

  @Test
  void wrong_types_and_missing_parameters_fail_loudly() {
    fails("echo([1])", "java.lang.IllegalArgumentException: echo: message must be a String, not "
        + "java.util.ArrayList.");
    fails("node { sh script: 'x', returnStdout: 'yes' }",
        "java.lang.IllegalArgumentException: sh: returnStdout must be true or false.");
    fails("node { writeFile file: 'x' }",
        "java.lang.IllegalArgumentException: writeFile needs text.");
    fails("stage('x')", "java.lang.IllegalStateException: stage step must be called with a body");
  }

  @Test
  void a_step_that_needs_an_agent_says_so() {
    fails("sh 'x'", "Required context class hudson.FilePath is missing\nPerhaps you forgot to "
        + "surround the step 'sh' with a step that provides this, such as: node");
  }

  @Test
  void sh_runs_real_commands_with_x_and_e() {
    var outcome = run("node { sh 'echo a; false; echo b' }");
    assertEquals("script returned exit code 1", outcome.error());
    assertTrue(outcome.log().contains("[Pipeline] sh\n+ echo a\na\n+ false\n[Pipeline] }"),
        outcome.log());
  }

  @Test
  void sh_returns_output_or_status() {
    echoes("""
        node {
          echo sh(script: 'echo out; echo log >&2', returnStdout: true)
          echo sh(script: 'exit 3', returnStatus: true).toString()
          echo sh(script: '#!/usr/bin/env python3\\nprint("py")', returnStdout: true).trim()
        }
        """, "out\n", "3", "py");
  }

  @Test
  void the_output_of_a_failed_sh_with_returnStdout_is_in_the_log() {
    var outcome = run("node { sh script: 'echo seen; exit 2', returnStdout: true }");
    assertTrue(outcome.log().contains("\nseen\n"), outcome.log());
    assertEquals("script returned exit code 2", outcome.error());
  }

  @Test
  void a_label_is_shown_instead_of_nothing() {
    assertTrue(run("node { sh script: ':', label: 'Tidy up' }").log()
        .contains("[Pipeline] sh (Tidy up)\n"));
  }

  @Test
  void files_are_written_and_read_in_text_and_base64() {
    echoes("""
        node {
          writeFile file: 'a/b.txt', text: 'ä', encoding: 'UTF-8'
          echo readFile(file: 'a/b.txt', encoding: 'Base64')
          writeFile file: 'c', text: 'w6Q=', encoding: 'Base64'
          echo readFile('c')
          echo "${fileExists('c')} ${fileExists('d')}"
          dir('a') { echo pwd().endsWith('/workspace/pipeline/a').toString(); deleteDir() }
          echo fileExists('a').toString()
          echo pwd(tmp: true).endsWith('/workspace/pipeline@tmp').toString()
        }
        """, "w6Q=", "ä", "true false", "true", "false", "true");
  }

  @Test
  void variables_of_withEnv_are_set_prepended_and_removed() {
    echoes("""
        env.GLOBAL = 'g'
        withEnv(['A=1', 'B=2']) {
          withEnv(['A=', 'B+X=0']) {
            echo "${env.A} ${env.B} ${B} ${env.GLOBAL}"
            node { echo sh(script: 'echo "${A-none} $B $GLOBAL"', returnStdout: true).trim() }
          }
        }
        echo "${env.A}"
        """, "null 0:2 0:2 g", "none 0:2 g", "null");
  }

  @Test
  void an_environment_override_without_a_name_fails() {
    fails("withEnv(['x']) { }",
        "java.lang.IllegalArgumentException: Invalid environment override: x");
  }

  @Test
  void another_workspace_lies_below_the_root_of_the_agent_and_has_its_own_temporary_directory() {
    var outcome = run("node { ws('w/x') { sh 'echo here > f'\n"
        + "echo env.WORKSPACE + ' ' + env.WORKSPACE_TMP + ' ' + readFile('f') }\n"
        + "echo env.WORKSPACE }");
    String root = directory.resolve("jenkins").toString();
    assertEquals(List.of(root + "/w/x " + root + "/w/x@tmp here\n", root + "/workspace/pipeline"),
        outcome.echoes(), outcome.log());
    fails("ws('x') { }", "Required context class hudson.FilePath is missing\nPerhaps you forgot to "
        + "surround the step 'ws' with a step that provides this, such as: node");
  }

  @Test
  void credentials_are_bound_masked_and_removed() {
    var outcome = run("""
        node {
          withCredentials([
            usernamePassword(credentialsId: 'login', usernameVariable: 'U', passwordVariable: 'P'),
            string(credentialsId: 'text', variable: 'T'), file(credentialsId: 'file', variable: 'F')]) {
            sh 'printf "%s|" "$U" "$P"; cat "$F"; stat -c %a "$F"; printf %s "$T" | base64; echo "$P"'
            echo "say ${env.T}"
          }
          echo "gone ${env.T}"
          sh 'find "$WORKSPACE_TMP/secretFiles" -type f'
        }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("robot|****\n"), outcome.log());
    assertTrue(outcome.log().contains("\ninside"), outcome.log());
    assertTrue(outcome.log().contains("\n400\n"), outcome.log());
    assertEquals(List.of("say ****", "gone null"), outcome.echoes());
    for (String secret : List.of("pa'ss", "second", "s3cret", "czNjcmV0", "f.txt")) {
      assertFalse(outcome.log().contains(secret), secret + " in " + outcome.log());
    }
  }

  @Test
  void a_secret_that_groovy_has_put_into_a_script_is_warned_of() {
    String warning = "Warning: A secret was passed to \"sh\" using Groovy String interpolation, which "
        + "is insecure.\n";
    String before = "node { withCredentials([string(credentialsId: 'text', variable: 'T')]) { ";
    assertTrue(run(before + "sh \"echo ${T}\" } }").log().contains(warning));
    assertTrue(run(before + "sh script: \"echo ${env.T}\", label: 'x' } }").log()
        .contains(warning));
    assertFalse(run(before + "sh 'echo $T' } }").log().contains(warning));
  }

  @Test
  void test_reports_are_counted_and_failures_make_the_build_unstable() {
    String report = "node { writeFile file: 'r.xml', text: '<testsuite><testcase/><testcase><failure/>"
        + "</testcase><testcase><skipped/></testcase></testsuite>'\n";
    var outcome = run(report + "def r = junit 'r.xml'\n"
        + "echo \"${r.totalCount} ${r.passCount} ${r.failCount} ${r.skipCount}\" }");
    assertEquals("UNSTABLE", outcome.result(), outcome.log());
    assertEquals(List.of("3 1 1 1"), outcome.echoes());
    fails("node { junit 'none.xml' }",
        "No test report files were found. Configuration error?");
  }

  @Test
  void secrets_are_masked_in_errors_and_reports() throws Exception {
    var outcome = run("withCredentials([string(credentialsId: 'text', variable: 'T')]) {"
        + "error(\"bad ${env.T}\") }");
    assertEquals("bad ****", outcome.error());
    outcome.report().write(directory.resolve("report.json"));
    assertFalse(Files.readString(directory.resolve("report.json")).contains("s3cret"));
  }

  @Test
  void credentials_that_do_not_exist_or_are_of_another_type_fail() {
    String thrown = "org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException: ";
    fails("withCredentials([string(credentialsId: 'x', variable: 'T')]) { }",
        thrown + "Could not find credentials entry with ID 'x'");
    fails("withCredentials([string(credentialsId: 'login', variable: 'T')]) { }",
        thrown + "Credentials 'login' is of type 'usernamePassword' where 'string' was expected");
  }

  @Test
  void there_are_no_containers_on_a_node_that_is_no_pod() {
    fails("node('linux') { container('main') { } }", "Node is not a Kubernetes node: local");
  }

  @Test
  void parameters_cannot_be_set() {
    assertTrue(run("params.X = 'y'").error().startsWith("java.lang.UnsupportedOperationException"));
  }

  @Test
  void pods_have_labels_containers_and_a_workspace_that_vanishes() {
    var outcome = run("""
        podTemplate(yaml: '''
          spec:
            containers: [{name: main, image: x}]
            initContainers: [{name: helper, image: y, restartPolicy: Always}]
        ''') {
          node(POD_LABEL) {
            sh 'touch here'
            container('main') { echo env.POD_CONTAINER }
            try { container('helper') { } } catch (e) { echo e.message }
            try { container('mian') { } } catch (e) { echo e.message }
          }
        }
        """);
    assertEquals(List.of("main", "container [helper] is an init container or a native sidecar: the "
        + "kubernetes plugin cannot run commands in it; containers that it can use are main, jnlp",
        "container [mian] does not exist in pod; containers are main, jnlp"), outcome.echoes(),
        outcome.log());
    assertTrue(outcome.log().contains(": sidecar helper (y), main (x)\n"), outcome.log());
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/pods")));
  }

  @Test
  void with_a_label_of_its_own_a_podTemplate_defines_no_pod_label() {
    echoes("podTemplate(label: 'mine', yaml: '') { echo \"${env.POD_LABEL}\"; node('mine') { } }",
        "null");
  }

  @Test
  void a_pod_that_cannot_be_read_fails() {
    fails("podTemplate(yaml: 'a: [') { }", "java.lang.IllegalArgumentException: podTemplate: the yaml"
        + " cannot be read: line 1, column 5: expected the node content, but found "
        + "'<stream end>'");
    fails("podTemplate(yaml: 'spec: {containers: [{name: Bad_Name}]}') { }", "Container name "
        + "'Bad_Name' is not valid: use lower case letters, digits and '-'.");
    fails("podTemplate(volumes: []) { }",
        "podTemplate: the runner does not support volumes: put it into the yaml.");
  }

  @Test
  void branches_run_at_the_same_time_and_give_a_map() {
    echoes("""
        def r = parallel(
          a: { node { sh 'mkfifo "$WORKSPACE/../fifo"; read x <"$WORKSPACE/../fifo"; test "$x" = hi' }; 1 },
          b: { node { sh 'until [ -p "$WORKSPACE/../fifo" ]; do sleep 0.05; done; echo hi >"$WORKSPACE/../fifo"' }; 2 })
        echo r.toString()
        """, "[a:1, b:2]");
  }

  @Test
  void a_failed_branch_fails_parallel_after_the_others_have_ended() {
    var outcome = run("parallel a: { error 'no' }, b: { node { sh 'sleep 0.3'; echo 'b done' } }");
    assertEquals("no", outcome.error());
    assertEquals(List.of("b done"), outcome.echoes());
  }

  @Test
  void fail_fast_ends_the_other_branches() {
    var outcome = run("parallel failFast: true, a: { error 'no' }, b: { node { sh 'sleep 60' } }");
    assertEquals("no", outcome.error(), outcome.log());
  }

  @Test
  void a_branch_that_fails_last_has_nothing_to_end() {
    var outcome = run("parallel failFast: true, a: { echo 'done' }, b: { sleep 1; error 'no' }");
    assertEquals("no", outcome.error(), outcome.log());
    assertEquals("FAILURE", outcome.result());
  }

  @Test
  void retry_tries_again_and_gives_up() {
    echoes("int n = 0\nretry(3) { n++; echo \"try ${n}\"; if (n < 2) { error 'no' } }",
        "try 1", "try 2");
    fails("retry(2) { error 'no' }", "no");
    fails("retry(count: 3, conditions: [kubernetesAgent(), nonresumable()]) { error 'no' }", "no");
  }

  @Test
  void timeout_kills_what_runs_with_all_its_children() {
    String mark = "31.4159" + System.nanoTime() % 100000;
    var outcome = run("timeout(time: 1, unit: 'SECONDS') { node { sh 'sleep " + mark
        + " & sh -c \"trap : TERM; sleep " + mark + "; sleep " + mark + "\"' } }");
    assertEquals("ABORTED", outcome.result(), outcome.log());
    assertEquals("Timeout has been exceeded", outcome.error());
    assertFalse(ProcessHandle.allProcesses().anyMatch(
        one -> one.info().commandLine().orElse("").contains("sleep " + mark)));
  }

  @Test
  void what_runs_in_the_background_does_not_hold_up_a_step_and_ends_with_the_node() {
    String mark = "141421" + System.nanoTime() % 100000;
    var outcome = run("node { sh 'sleep " + mark + " & echo started'\n"
        // The background shell may still be about to become sleep.
        + "sh 'for n in $(seq 50); do pgrep -f \"^sleep " + mark + "\" && break; sleep 0.1; done'\n"
        + "echo sh(script: 'pgrep -fc \"^sleep " + mark + "\"', returnStdout: true).trim() }");
    assertEquals(List.of("1"), outcome.echoes(), outcome.log());
    assertFalse(ProcessHandle.allProcesses().anyMatch(
        one -> one.info().commandLine().orElse("").contains("sleep " + mark)));
  }

  @Test
  void what_runs_in_the_background_may_go_on_writing() {
    var outcome = run("node { sh '(while [ ! -e go ]; do sleep 0.1; done; echo late; touch done) & :'\n"
        + "sh 'touch go; for n in $(seq 100); do [ -e done ] && exit; sleep 0.1; done; exit 1' }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
  }

  @Test
  void aborting_ends_the_build_and_blocks_clean_up() throws Exception {
    Pipelines pipelines = new Pipelines(directory);
    Thread aborter = new Thread(() -> {
      while (!Files.exists(directory.resolve("jenkins/workspace/pipeline/started"))) {
        Thread.onSpinWait();
      }
      pipelines.build().abort("somebody");
    });
    aborter.start();
    var outcome = pipelines.run("node { try { sh 'touch started; sleep 60' } "
        + "finally { echo 'cleaned up' } }");
    aborter.join();
    assertEquals("ABORTED", outcome.result(), outcome.log());
    assertEquals(List.of("cleaned up"), outcome.echoes());
    assertTrue(outcome.log().contains("Aborted by somebody\n"), outcome.log());
  }

  @Test
  void errors_can_be_caught_and_results_only_get_worse() {
    var outcome = run("""
        catchError(buildResult: 'UNSTABLE', message: 'soft') { error 'one' }
        warnError('warned') { error 'two' }
        unstable('three')
        currentBuild.result = 'SUCCESS'
        echo currentBuild.currentResult
        """);
    assertEquals("UNSTABLE", outcome.result(), outcome.log());
    assertEquals(List.of("UNSTABLE"), outcome.echoes());
  }

  @Test
  void artifacts_and_stashes_are_kept() {
    echoes("""
        node { sh 'mkdir -p a/b; echo 1 >a/b/x.txt; echo 2 >a/y.log'; archiveArtifacts 'a/**/*.txt'
          stash name: 's', includes: '**/*.log' }
        podTemplate(yaml: '') { node(POD_LABEL) { unstash 's'; echo readFile('a/y.log').trim() } }
        """, "2");
    assertEquals(List.of("a/b/x.txt"), Pipelines.files(directory.resolve("jenkins/archive")));
    fails("node { archiveArtifacts '*.none' }", "No artifacts found that match the file pattern "
        + "\"*.none\". Configuration error?");
    fails("node { unstash 'none' }", "No such saved stash 'none'");
  }

  @Test
  void checkout_copies_a_directory_and_clones_a_repository() throws Exception {
    Pipelines pipelines = new Pipelines(directory);
    pipelines.options().scm = directory.resolve("source");
    Pipelines.write(directory.resolve("source/committed"), "1");
    assertEquals("1", pipelines.run("node { checkout scm; readFile('committed') }").returned());
    Tools.run(directory.resolve("source"), "sh", "-c", "git init -q -b trunk && git add . && git -c "
        + "user.name=a -c user.email=a@b commit -qm x");
    Pipelines.write(directory.resolve("source/later"), "2");
    var outcome = pipelines.run("node { deleteDir(); def f = checkout scm\n"
        + "\"${fileExists('committed')} ${fileExists('later')} ${f.GIT_BRANCH} \" + "
        + "f.GIT_COMMIT.length() }");
    assertEquals("true false origin/trunk 40", outcome.returned(), outcome.log());
  }

  @Test
  void parameters_have_defaults_and_values() {
    Pipelines pipelines = new Pipelines(directory);
    pipelines.options().parameters.put("WHO", "me");
    assertEquals("me no me", pipelines.run("properties([parameters([string(name: 'WHO', "
        + "defaultValue: 'you'), choice(name: 'C', choices: ['no', 'yes'])])])\n"
        + "\"${params.WHO} ${params.C} ${env.WHO}\"").returned());
  }

  @Test
  void the_report_counts_flow_nodes_as_jenkins_does() throws Exception {
    var outcome = run("node { stage('a') { sh ':' } }\nparallel x: { echo '1' }, y: { echo '2' }");
    assertEquals(2 + 4 + 4 + 1 + 6 + 2, outcome.report().nodes());
    Path file = directory.resolve("report.json");
    outcome.report().write(file);
    Map<String, Object> report =
        Pod.map(new groovy.json.JsonSlurper().parseText(Files.readString(file)));
    assertEquals(Map.of("total", 19, "byStep",
        Map.of("echo", 2, "node", 4, "parallel", 6, "sh", 1, "stage", 4)), report.get("nodes"));
    assertEquals(1, report.get("sh"));
    assertEquals("SUCCESS", report.get("result"));
  }

  @Test
  void declarative_pipelines_run() {
    var outcome = run("""
        pipeline {
          agent { kubernetes { yaml 'spec: {containers: [{name: main, image: x}]}'
            defaultContainer 'main' } }
          options { timeout(time: 1, unit: 'MINUTES') }
          parameters { string(name: 'WHO', defaultValue: 'me') }
          environment { A = 'a'
            B = "${A}b"
            LOGIN = credentials('login') }
          stages {
            stage('One') {
              steps { echo "${B} ${env.POD_CONTAINER} ${env.LOGIN_USR} ${params.WHO}" }
              post { always { echo 'after One' } }
            }
            stage('Skipped') { when { not { expression { params.WHO == 'me' } } }
              steps { error 'no' } }
            stage('Both') { parallel {
              stage('X') { steps { echo 'x' } }
              stage('Y') { agent any
                steps { script { for (i in [1]) { sh "exit ${i}" } } } } } }
            stage('Never') { steps { echo 'never' } }
          }
          post { failure { echo 'failed' }
            success { echo 'WRONG' }
            cleanup { echo 'cleanup' } }
        }
        """);
    assertEquals("FAILURE", outcome.result(), outcome.log());
    assertEquals("script returned exit code 1", outcome.error());
    assertEquals(List.of("ab main robot me", "after One",
        "Stage \"Skipped\" skipped due to when conditional", "x", "failed", "cleanup"),
        outcome.echoes(), outcome.log());
  }

  @Test
  void unknown_directives_of_declarative_pipelines_fail_loudly() {
    String error = run("pipeline { agent any\n tools { maven 'x' }\n stages { } }").error();
    assertTrue(error.contains("No such DSL method 'tools'"), error);
  }

  @Test
  void code_among_the_steps_of_a_declarative_pipeline_is_refused_as_in_jenkins() {
    for (String code : List.of("def a = pwd()", "if (true) { echo 'x' }", "withEnv(['A=b']) { def c = 1 }",
        "a = 5", "'text'")) {
      String text = "pipeline {\n  agent any\n  stages { stage('s') { steps {\n    " + code
          + "\n  } } }\n}";
      assertTrue(run(text).error().startsWith("WorkflowScript: 4: Expected a step @ line 4, column "),
          code + ": " + run(text).error());
    }
    assertEquals("WorkflowScript: 3: Expected a step @ line 3, column 19.", run("pipeline {\n  agent any\n"
        + "  post { always { def a = 1 } }\n}").error());
    assertEquals(List.of("1"), run("pipeline { agent any; stages { stage('s') { steps { script {"
        + " def a = 1; echo a.toString() } } } } }").echoes());
  }

  @Test
  void the_environment_has_the_commit_of_the_library_that_was_loaded_first() throws Exception {
    Pipelines pipelines = new Pipelines(directory).source("vars/a.groovy", "def call() { }");
    Path library = directory.resolve("own");
    for (String command : List.of("git init -q", "git add .",
        "git -c user.name=a -c user.email=b commit -qm c")) {
      Tools.run(library, command.split(" "));
    }
    String commit = Tools.run(library, "git", "rev-parse", "HEAD").strip();
    assertEquals(List.of(commit), pipelines.run("node { echo env.GIT_COMMIT }").echoes());
  }

  @Test
  void names_of_pods_are_in_lower_case_and_labels_keep_theirs() {
    Pipelines pipelines = new Pipelines(directory);
    pipelines.options().job = "Team/My App";
    var echoes = pipelines.run(
        "podTemplate(yaml: '') { node(POD_LABEL) { echo env.POD_LABEL; echo env.NODE_NAME } }").echoes();
    assertTrue(echoes.get(0).matches("Team_My_App_1-[a-z0-9]{5}"), echoes.toString());
    assertTrue(echoes.get(1).matches("team-my-app-1-[a-z0-9]{5}-[a-z0-9]{5}"), echoes.toString());
  }
}
