package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class BridgeTest {
  private static final String CREDENTIALS = """
      {"login": {"type": "usernamePassword", "username": "robot", "password": "pass-word-1"},
       "token": {"type": "string", "secret": "token-2"},
       "config": {"type": "file", "fileName": "config.json", "content": "content-3"},
       "key": {"type": "sshUserPrivateKey", "username": "git", "privateKey": "key-4"}}
      """;

  @TempDir
  Path directory;

  private Pipelines.Outcome run(boolean sandboxed, String text) {
    return new Pipelines(directory).withStandIn().credentials(CREDENTIALS).sandboxed(sandboxed)
        .run(text);
  }

  private Pipelines.Outcome fails(String text, String error) {
    Pipelines.Outcome outcome = run(true, text);
    assertEquals("FAILURE", outcome.result(), outcome.log());
    assertEquals(error, outcome.error(), outcome.log());
    return outcome;
  }

  private List<String> requests() {
    return new Pipelines(directory).requests();
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void an_image_with_credentials_in_a_pod_of_its_own_costs_one_sh_and_22_flow_nodes(
      boolean sandboxed) {
    var outcome = run(sandboxed, "buildImage(image: 'team/app', credentials: 'login')");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("libraryResource", "podTemplate", "node", "libraryResource", "writeFile",
        "withCredentials", "container", "sh"), outcome.report().steps());
    assertEquals(22, outcome.report().nodes());
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void an_image_with_credentials_in_a_pod_that_is_there_costs_one_sh_and_9_flow_nodes(
      boolean sandboxed) {
    var empty = run(sandboxed, "withBuilderPod { echo 'x' }");
    var one = run(sandboxed, "withBuilderPod { echo 'x'\n"
        + "buildImage(image: 'team/app', credentials: 'login') }");
    assertEquals("SUCCESS", one.result(), one.log());
    assertEquals(1, one.report().count("sh"));
    assertEquals(9, one.report().nodes() - empty.report().nodes());
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void an_image_with_credentials_in_a_planned_pod_costs_two_sh_and_24_flow_nodes(
      boolean sandboxed) {
    var outcome = run(sandboxed,
        "node { buildImage(image: 'team/app', credentials: 'login', pod: [memory: '2Gi']) }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(2, outcome.report().count("sh"));
    int ownNode = 4;
    assertEquals(24, outcome.report().nodes() - ownNode);
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void an_image_on_an_agent_is_judged_there_first_which_costs_a_second_sh_and_25_flow_nodes(
      boolean sandboxed) {
    var outcome = run(sandboxed, "node { buildImage(image: 'team/app', credentials: 'login') }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("buildImage check team/app", "buildImage team/app"),
        outcome.steps("sh").stream().map(step -> step.facts.get("label")).toList());
    int ownNode = 4;
    assertEquals(25, outcome.report().nodes() - ownNode);
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_pod_for_each_platform_costs_two_sh_and_31_flow_nodes_each_and_joining_them_one_and_9(
      boolean sandboxed) {
    String first = "buildImage(image: 'team/app', credentials: 'login', podPerPlatform: true, "
        + "platforms: ['linux/amd64', 'linux/arm64'";
    var two = run(sandboxed, first + "])");
    assertEquals("SUCCESS", two.result(), two.log());
    assertEquals(5, two.report().count("sh"));
    int startAndEndOfBuildAndParallel = 4;
    assertEquals(startAndEndOfBuildAndParallel + 2 * 31 + 9, two.report().nodes());
    var three = run(sandboxed, first + ", 'linux/s390x'])");
    assertEquals(7, three.report().count("sh"));
    assertEquals(31, three.report().nodes() - two.report().nodes());
  }

  @Test
  void the_bundle_is_written_once_for_each_pod() {
    var outcome = run(true, """
        withBuilderPod {
          buildImage(image: 'a')
          buildImage(image: 'b')
        }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    long bundles = outcome.steps("writeFile").stream()
        .filter(step -> step.facts.get("file").toString().endsWith("podwright.pyz")).count();
    assertEquals(1, bundles);
  }

  @Test
  void the_answer_comes_back_as_plain_maps_and_lists() {
    var outcome = run(false, """
        def built = buildImage(image: 'team/app')
        echo "${built.getClass().name} ${built.tags.getClass().name}"
        built
        """);
    assertEquals(List.of("java.util.LinkedHashMap java.util.ArrayList"), outcome.echoes());
    assertEquals(Map.of("image", "team/app", "tags", List.of("a", "b"), "pushed", true,
        "seconds", new java.math.BigDecimal("1.5")), withoutNulls(outcome.returned()));
  }

  private static Map<String, Object> withoutNulls(Object value) {
    Map<String, Object> copy = new java.util.TreeMap<>(Pod.map(value));
    copy.values().removeIf(java.util.Objects::isNull);
    return copy;
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_record_names_the_images_on_the_builds_page_and_keeps_the_result(boolean sandboxed) {
    var outcome = run(sandboxed, "buildImage(image: 'r:1/team/app', record: true)\nwithBuilderPod {"
        + " buildImage(images: [[image: 'x']], record: true) }\nbuildImage(image: 'b', record: false)");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals("r:1/team/app, , ", outcome.report().get("description"));
    assertEquals(List.of("podwright-.json", "podwright-r-1-team-app.json"),
        Pipelines.files(directory.resolve("jenkins/archive")));
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_report_is_published_or_kept_where_the_plugin_is_not_installed(boolean sandboxed) {
    String text = "def built = buildImage(image: 'r/team/app', report: true)\necho built.image";
    var pipelines = new Pipelines(directory).withStandIn().sandboxed(sandboxed);
    var outcome = pipelines.run(text);
    assertEquals(List.of("r/team/app"), outcome.echoes(), outcome.log());
    String page = "{\"folder\": \"podwright-report-r-team-app\", \"image\": \"r/team/app\", "
        + "\"layers\": true, \"log\": \"steps\", \"result\": {\"image\": \"r/team/app\", "
        + "\"none\": null, \"pushed\": true, \"seconds\": 1.5, \"tags\": [\"a\", \"b\"]}}";
    Path shown = directory.resolve("jenkins/htmlreports/Build_of_r_team_app");
    assertEquals(List.of("index.html"), Pipelines.files(shown));
    assertEquals(page, Pipelines.read(shown.resolve("index.html")));
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/archive")));

    pipelines.options().without.add("publishHTML");
    outcome = pipelines.run(text);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("podwright-report-r-team-app/index.html"),
        Pipelines.files(directory.resolve("jenkins/archive")));
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_build_that_fails_has_a_report_and_fails_as_it_did(boolean sandboxed) {
    var outcome = run(sandboxed, "withBuilderPod { buildImage(image: 'error:bad', report: true) }");
    assertEquals("buildImage: bad", outcome.error(), outcome.log());
    Path page = directory.resolve("jenkins/htmlreports/Build_of_error_bad/index.html");
    assertTrue(Pipelines.read(page).contains(
        "\"failure\": {\"sentence\": \"buildImage: bad\"}"), Pipelines.read(page));
  }

  @Test
  void several_images_come_back_as_a_list() {
    var outcome = run(true, "return buildImage(images: [[image: 'a'], [image: 'b']]).size()");
    assertEquals(2, outcome.returned(), outcome.log());
  }

  @Test
  void the_body_runs_in_the_pod_before_the_build() {
    var outcome = run(true, "buildImage(image: 'a') { echo env.POD_LABEL.replaceAll('-.*', '') }");
    assertEquals(List.of("pipeline_1"), outcome.echoes(), outcome.log());
    assertEquals(List.of("libraryResource", "podTemplate", "node", "libraryResource", "writeFile",
        "echo", "container", "sh"), outcome.report().steps());
  }

  @Test
  void the_pod_knows_the_sum_of_the_bundle() {
    var outcome = run(true, "withBuilderPod(builder: 'knowing') { }");
    assertTrue(outcome.log().matches("(?s).*builder \\(sum [0-9a-f]{64}\\).*"), outcome.log());
  }

  @Test
  void without_parameters_a_body_is_enough() {
    var outcome = run(true, "buildImage { echo 'body' }");
    assertEquals(List.of("body"), outcome.echoes(), outcome.log());
    assertEquals(List.of("{}"), requests());
  }

  @Test
  void without_anything_the_request_is_empty() {
    assertEquals("SUCCESS", run(true, "buildImage()").result());
    assertEquals(List.of("{}"), requests());
  }

  @Test
  void the_body_of_withBuilderPod_runs_in_the_pod_and_its_value_is_returned() {
    var outcome = run(true, """
        def value = withBuilderPod(builder: 'other') {
          echo env.PODWRIGHT_POD == env.NODE_NAME ? 'marked' : 'not marked'
          return 'from the body'
        }
        echo value
        echo "after: ${env.PODWRIGHT_POD}"
        """);
    assertEquals(List.of("marked", "from the body", "after: null"), outcome.echoes(),
        outcome.log());
    assertTrue(outcome.log().contains("builder (the other), tools (python)"), outcome.log());
  }

  @Test
  void inside_a_workspace_of_its_own_an_image_uses_the_pod_around_and_its_bundle() {
    var outcome = run(true, "withBuilderPod { ws('other') { buildImage(image: 'a') } }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(1, outcome.report().count("podTemplate"));
    assertEquals(List.of("libraryResource", "podTemplate", "node", "libraryResource", "writeFile",
        "withEnv", "ws", "container", "sh"), outcome.report().steps());
  }

  @Test
  void a_pod_planned_inside_another_one_is_planned_there_whatever_the_workspace() {
    var outcome = run(true,
        "withBuilderPod { ws('other') { withBuilderPod(pod: [cpu: 2]) { echo 'in' } } }");
    assertEquals(List.of("in"), outcome.echoes(), outcome.log());
  }

  @Test
  void inside_a_node_of_its_own_an_image_does_not_use_the_pod_around() {
    var outcome = run(true, "withBuilderPod { node { buildImage(image: 'a') } }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(2, outcome.report().count("podTemplate"));
  }

  @Test
  void a_preset_is_chosen_by_the_builder_and_the_default_without_one() {
    var outcome = run(true, "buildImage(image: 'a')\nbuildImage(image: 'b', builder: 'other')");
    assertEquals(List.of("podwright/pods/default.json", "podwright/podwright.pyz",
        "podwright/pods/other.json", "podwright/podwright.pyz"),
        outcome.steps("libraryResource").stream().map(s -> s.facts.get("resource")).toList());
  }

  @Test
  void without_a_builder_what_is_asked_chooses_one_that_can() {
    var outcome = run(true, "buildImage(image: 'a', ssh: [[credentialsId: 'key']])\n"
        + "buildImage(builder: 'auto', images: [[image: 'b'], [image: 'c', ssh: ['x']]])");
    assertEquals(List.of("podwright/pods/choices.txt", "podwright/pods/other.json",
        "podwright/podwright.pyz", "podwright/pods/choices.txt", "podwright/pods/other.json",
        "podwright/podwright.pyz"), outcome.steps("libraryResource")
        .stream().map(s -> s.facts.get("resource")).toList(), outcome.log());
  }

  @Test
  void doctor_asks_the_cluster_from_a_pod_with_an_account_and_gives_what_it_found() {
    var outcome = run(true, "echo doctor(serviceAccount: 'asker', namespace: 'builds',"
        + " credentials: 'login').able[0]");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("the table"), outcome.log());
    assertEquals(List.of("{\"serviceAccount\":\"asker\",\"namespace\":\"builds\",\"credentials\":"
        + "{\"credentialsId\":\"login\",\"variable\":\"PODWRIGHT_1\"}}"), outcome.echoes());
    assertTrue(outcome.log().contains("builder (asker)"), outcome.log());
    fails("doctor(serviceAccount: 'a\"b')", "doctor: serviceAccount: 'a\"b' is not a valid name.");
  }

  @Test
  void presets_may_come_from_a_folder_of_the_administrator() {
    Pipelines pipelines = new Pipelines(directory).withStandIn().sandboxed(true);
    Pipelines.write(directory.resolve("library/resources/ours/pods/default.json"),
        StandIn.POD.formatted("ours"));
    pipelines.options().environment.put("PODWRIGHT_RESOURCES", "ours");
    var outcome = pipelines.run("buildImage(image: 'a')");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("builder (ours)"), outcome.log());
  }

  @Test
  void a_folder_of_presets_that_no_library_has_is_named() {
    Pipelines pipelines = new Pipelines(directory).withStandIn().sandboxed(true);
    pipelines.options().environment.put("PODWRIGHT_RESOURCES", "ours");
    assertEquals("buildImage: no loaded library has presets in resources/ours/pods/; load the one that"
        + " has them, or correct PODWRIGHT_RESOURCES.", pipelines.run("buildImage(image: 'a')").error());
  }

  @Test
  void an_unknown_builder_is_refused_before_there_is_a_pod() {
    var outcome = fails("buildImage(image: 'a', builder: 'kanico')",
        "buildImage: builder: unknown builder 'kanico'; known are auto, other");
    assertEquals(0, outcome.report().count("podTemplate"));
  }

  @Test
  void a_builder_is_never_taken_for_a_path() {
    fails("withBuilderPod(builder: '../../secret') { }",
        "withBuilderPod: builder: unknown builder '../../secret'; known are auto, other");
    fails("buildImage(image: 'a', builder: '')",
        "buildImage: builder: unknown builder ''; known are auto, other");
    fails("buildImage(image: 'a', builder: ['x'])",
        "buildImage: builder: unknown builder '[x]'; known are auto, other");
  }

  @Test
  void the_planner_gets_a_copy_of_the_request_and_the_callers_map_stays_as_it_was() {
    var outcome = run(true, """
        def who = 'team'
        def request = [image: "${who}/app", tags: ["${who}", '1'], credentials: 'login',
          secrets: [[id: 'npm', credentialsId: 'token']], "${who}Key": 1, umlaut: 'ä€😀']
        withBuilderPod { buildImage(request) }
        echo request.toString()
        """);
    assertEquals(List.of("[image:team/app, tags:[team, 1], credentials:login, secrets:[[id:npm, "
        + "credentialsId:token]], teamKey:1, umlaut:ä€😀]"), outcome.echoes(), outcome.log());
    assertEquals(List.of("{\"credentials\": {\"credentialsId\": \"login\", \"variable\": "
        + "\"PODWRIGHT_1\"}, \"image\": \"team/app\", \"secrets\": [{\"credentialsId\": \"token\", "
        + "\"id\": \"npm\", \"variable\": \"PODWRIGHT_2\"}], \"tags\": [\"team\", \"1\"], "
        + "\"teamKey\": 1, \"umlaut\": \"ä€😀\"}"), requests());
  }

  @Test
  void every_kind_of_credential_reaches_the_script_and_none_reaches_the_log() {
    var outcome = run(true, """
        buildImage(image: 'env:', credentials: ['login', [credentialsId: 'config', type: 'file']],
          secrets: [[id: 'a', credentialsId: 'token'], [id: 'b', credentialsId: 'config', type: 'file']],
          ssh: [[credentialsId: 'key']])
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    for (String line : List.of("PODWRIGHT_1_PSW=****", "PODWRIGHT_1_USR=robot",
        "PODWRIGHT_2=****", "PODWRIGHT_3=****", "PODWRIGHT_4=****")) {
      assertTrue(outcome.log().contains("\n" + line + "\n"), line + " in " + outcome.log());
    }
    for (String secret : List.of("pass-word-1", "token-2", "content-3", "key-4", "secretFiles")) {
      assertFalse(outcome.log().contains(secret), secret);
    }
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/pods")));
  }

  @Test
  void the_same_credential_is_bound_once() {
    run(true, """
        withBuilderPod {
          buildImage(credentials: [pull: [credentialsId: 'login'], push: [credentialsId: 'login']],
            images: [[image: 'a', secrets: [[credentialsId: 'token']]],
                     [image: 'b', secrets: [[credentialsId: 'token']], credentials: 'login']])
        }
        """);
    assertEquals(List.of("{\"credentials\": {\"pull\": {\"credentialsId\": \"login\", "
        + "\"variable\": \"PODWRIGHT_1\"}, \"push\": {\"credentialsId\": \"login\", "
        + "\"variable\": \"PODWRIGHT_1\"}}, \"images\": [{\"image\": \"a\", \"secrets\": "
        + "[{\"credentialsId\": \"token\", \"variable\": \"PODWRIGHT_2\"}]}, {\"credentials\": "
        + "{\"credentialsId\": \"login\", \"variable\": \"PODWRIGHT_1\"}, \"image\": \"b\", "
        + "\"secrets\": [{\"credentialsId\": \"token\", \"variable\": \"PODWRIGHT_2\"}]}]}"),
        requests());
  }

  @Test
  void what_is_malformed_is_left_to_the_planner() {
    var outcome = run(true, """
        buildImage(image: 5, credentials: 7, secrets: 'x', ssh: [[credentialsId: 9]],
          images: 'no list', builder: null, pod: null)
        buildImage(credentials: [[credentialsId: 'login', type: 'zip'], null])
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(0, outcome.report().count("withCredentials"));
    assertEquals(List.of("{\"builder\": null, \"credentials\": 7, \"image\": 5, \"images\": "
        + "\"no list\", \"pod\": null, \"secrets\": \"x\", \"ssh\": [{\"credentialsId\": 9}]}",
        "{\"credentials\": [{\"credentialsId\": \"login\", \"type\": \"zip\"}, null]}"),
        requests());
  }

  @Test
  void what_json_does_not_know_becomes_a_string() {
    var outcome = run(false, "buildImage(image: UUID.fromString("
        + "'123e4567-e89b-12d3-a456-426614174000'), tags: [1] as Set)");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("{\"image\": \"123e4567-e89b-12d3-a456-426614174000\", \"tags\": [1]}"),
        requests());
  }

  @Test
  void a_credential_that_does_not_exist_fails_with_the_parameter_and_its_id() {
    String end = " that this job may use; correct the id, or create the credential.";
    fails("buildImage(image: 'a', credentials: 'nope')",
        "buildImage: credentials: there is no credential with the id 'nope'" + end);
    fails("buildImage(image: 'a', credentials: 'login', secrets: [[id: 's', credentialsId: 'no']])",
        "buildImage: secrets: there is no credential with the id 'no'" + end);
    fails("buildImage(images: [[image: 'a', ssh: [[id: 'default', credentialsId: 'none']]]])",
        "buildImage: ssh: there is no credential with the id 'none'" + end);
  }

  @Test
  void a_credential_of_another_type_fails_with_the_parameter_and_both_types() {
    fails("buildImage(image: 'a', credentials: 'login', secrets: [[id: 's', credentialsId: 'config']])",
        "buildImage: secrets: 'config' is of type 'file', and a secret text is needed; name another one,"
            + " or its type.");
    fails("buildImage(image: 'a', credentials: 'token')", "buildImage: credentials: 'token' is of type "
        + "'string', and a username with password is needed; name another one, or its type.");
  }

  @Test
  void nothing_is_left_in_a_pod_when_a_credential_does_not_exist() {
    var outcome = run(true, """
        withBuilderPod {
          try { buildImage(image: 'a', credentials: 'nope') } catch (Exception e) { echo e.message }
          sh 'cd "$WORKSPACE_TMP/podwright" && ls'
        }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("\n+ ls\npodwright.pyz\n["), outcome.log());
  }

  @Test
  void the_body_does_not_see_the_secrets_of_the_build() {
    var outcome = run(true, "buildImage(image: 'a', credentials: 'login') {"
        + " sh 'env | grep -c ^PODWRIGHT_[0-9] || :' }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("\n0\n"), outcome.log());
  }

  @Test
  void an_error_of_the_planner_fails_the_step_with_its_sentence() {
    fails("buildImage(image: 'error:image: this is wrong; do that.')",
        "buildImage: image: this is wrong; do that.");
  }

  @Test
  void the_name_of_the_step_is_not_said_twice() {
    fails("buildImage(image: 'error:buildImage: this is wrong.')", "buildImage: this is wrong.");
  }

  @Test
  void a_failed_build_ends_with_the_builders_exit_code() {
    fails("buildImage(image: 'exit:7')", "script returned exit code 7");
  }

  @Test
  void an_answer_that_is_no_json_object_fails_the_step() {
    String sentence = "buildImage: the script has ended without an answer; its log is above.";
    fails("buildImage(image: 'raw:')", sentence);
    fails("buildImage(image: 'raw:{broken')", sentence);
    fails("buildImage(image: 'raw:[1]')", sentence);
  }

  @Test
  void a_broken_planner_fails_the_step_at_once_and_its_traceback_is_in_the_log() {
    var outcome = fails("buildImage(image: 'traceback:')",
        "buildImage: the planner failed: its message is above, in the log of this step.");
    assertTrue(outcome.log().contains("ValueError: broken"), outcome.log());
  }

  @Test
  void a_request_with_pod_is_planned_on_the_agent_in_hand() {
    var outcome = run(true, "node { buildImage(image: 'a', pod: [cpu: 2, cloud: 'far']) }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("builder (planned for {\"image\": \"a\", \"pod\": "
        + "{\"cloud\": \"far\", \"cpu\": 2}})"), outcome.log());
    assertEquals("far", outcome.steps("podTemplate").get(0).facts.get("cloud"));
  }

  @Test
  void a_request_with_pod_is_planned_on_the_planner_when_there_is_no_agent() {
    Pipelines pipelines = new Pipelines(directory).withStandIn().sandboxed(true);
    pipelines.options().environment.put("PODWRIGHT_PLANNER", "python");
    var outcome = pipelines.run("withBuilderPod(pod: [cpu: 2]) { echo 'in' }");
    assertEquals(List.of("in"), outcome.echoes(), outcome.log());
    assertEquals("python", outcome.steps("node").get(0).facts.get("label"));
    assertTrue(outcome.log().contains("builder (planned for {\"pod\": {\"cpu\": 2}})"));
  }

  @Test
  void a_request_with_pod_and_nowhere_to_plan_says_what_to_do() {
    fails("buildImage(image: 'a', pod: [:])", "buildImage: this pod must be planned on an agent with"
        + " python3, and there is none here: call the step inside node, or set PODWRIGHT_PLANNER to"
        + " the label of such agents.");
  }

  private String withoutPython() {
    return "PATH=" + Pipelines.programs(directory.resolve("bin"), "sh", "rm", "sleep", "cat", "cp", "mv",
        "touch", "nohup", "mkdir", "id", "chmod");
  }

  @Test
  void an_agent_without_python_says_what_to_do() {
    fails("node { withEnv(['" + withoutPython() + "']) { buildImage(image: 'a', pod: [:]) } }",
        "buildImage: a request with pod: is planned on the agent in hand, and this one has no "
            + "python3: install it, or call the step outside of node with PODWRIGHT_PLANNER set to "
            + "the label of agents that have it.");
  }

  @Test
  void a_pod_without_python_says_what_is_missing() {
    fails("withBuilderPod { withEnv(['" + withoutPython() + "']) { buildImage(image: 'a') } }",
        "buildImage: nobody can plan here: no container of the pod has a planner, and this one has no"
            + " python3.");
  }

  @Test
  void a_pod_that_cannot_be_planned_fails_the_step_before_there_is_a_pod() {
    var outcome = fails("node { buildImage(image: 'a', pod: [error: 'pod.cpu: no']) }",
        "buildImage: pod.cpu: no");
    assertEquals(0, outcome.report().count("podTemplate"));
  }

  @Test
  void nothing_is_left_on_the_agent_that_planned() {
    run(true, "node { buildImage(image: 'a', pod: [:]) }");
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/workspace")));
  }

  @Test
  void the_pod_is_shown_in_the_log_only_when_it_is_asked_for() {
    var outcome = run(true,
        "withBuilderPod { }\nwithEnv(['PODWRIGHT_SHOW_POD=1']) { withBuilderPod { } }");
    assertEquals(List.of(false, true), outcome.steps("podTemplate").stream()
        .map(step -> step.facts.get("showRawYaml")).toList());
  }

  @Test
  void a_misspelt_parameter_is_told_before_there_is_a_pod() {
    var outcome = fails("withBuilderPod(bilder: 'other') { }", "withBuilderPod: unknown parameter "
        + "'bilder'; known are builder, pod, registries");
    fails("withBuilderPod(retries: 3, bilder: 'other') { }", "withBuilderPod: retries: does nothing "
        + "here; it is a parameter of buildImage\nunknown parameter 'bilder'; known are builder, pod, "
        + "registries");
    assertEquals(List.of("error"), outcome.report().steps());
    fails("buildImage(image: 'a', tag: '1', Context: 'x', 'pull-always': true)",
        "buildImage: unknown parameter 'tag'; did you mean 'tags'?\nunknown parameter 'Context'; did you"
        + " mean 'context'?\nunknown parameter 'pull-always'; known are builder, context, credentials, "
        + "image, images, platforms, pod, podPerPlatform, pool, push, record, registries, report, "
        + "retries, scan, secrets, ssh, tags");
    fails("buildImage(images: [[image: 'a'], 5, [image: 'b', builder: 'other']])",
        "buildImage: images[2]: unknown parameter 'builder'; known are context, image, secrets, ssh, "
        + "tags");
  }

  @Test
  void with_an_agent_in_hand_python_tells_mistakes_before_there_is_a_pod() {
    var outcome = fails("node { buildImage(image: 'wrong:tags[0]: no') }", "buildImage: tags[0]: no");
    assertEquals(0, outcome.report().count("podTemplate"));
    assertEquals(List.of(), Pipelines.files(directory.resolve("jenkins/workspace")));
  }

  @Test
  void an_agent_that_cannot_judge_a_request_leaves_it_to_the_pod() {
    for (String text : List.of("node { buildImage(image: 'broken:') }",
        "node { withEnv(['" + withoutPython() + "']) { buildImage(image: 'wrong:x') } }")) {
      var outcome = run(true, text);
      assertEquals("SUCCESS", outcome.result(), outcome.log());
      assertTrue(!outcome.log().contains("Traceback"), outcome.log());
    }
  }

  @Test
  void a_text_without_a_name_is_the_image_or_the_builder() {
    var outcome = run(true, """
        def who = 'team'
        buildImage('a')
        buildImage "${who}/b", tags: ['1']
        buildImage('c', tags: ['1']) { echo 'body' }
        buildImage([image: 'd'], { echo 'last' })
        buildImage({ echo 'first' }, [image: 'e'])
        withBuilderPod('other') { echo 'in' }
        withEnv(['X=1']) { buildImage 'f' }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("body", "last", "first", "in"), outcome.echoes());
    assertEquals(List.of("{\"image\": \"a\"}", "{\"image\": \"team/b\", \"tags\": [\"1\"]}",
        "{\"image\": \"c\", \"tags\": [\"1\"]}", "{\"image\": \"d\"}", "{\"image\": \"e\"}",
        "{\"image\": \"f\"}"), requests());
    assertTrue(outcome.log().contains("builder (the other)"), outcome.log());
  }

  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_call_of_another_shape_ends_in_one_sentence_inside_closures_as_well(boolean sandboxed) {
    String image = "; give parameters by their names: buildImage(image: '...').";
    Map<String, String> shapes = new java.util.LinkedHashMap<>();
    shapes.put("buildImage(null)", "buildImage: got null" + image);
    shapes.put("buildImage([[image: 'a']])", "buildImage: got a list" + image);
    shapes.put("buildImage(5)", "buildImage: got a number" + image);
    shapes.put("buildImage(true, image: 'a')", "buildImage: got a boolean" + image);
    shapes.put("buildImage('a', 'b')", "buildImage: got more than one text" + image);
    shapes.put("buildImage([image: 'a'], [tags: '1'])", "buildImage: got more than one map" + image);
    shapes.put("buildImage({ }, { })", "buildImage: got more than one closure" + image);
    shapes.put("buildImage('a', image: 'b')",
        "buildImage: got image twice, by its name and as a text" + image);
    shapes.put("buildImage(new Date())", "buildImage: got a value" + image);
    shapes.put("withBuilderPod(['other']) { }",
        "withBuilderPod: got a list; give parameters by their names: withBuilderPod(builder: '...').");
    shapes.put("withBuilderPod('other')",
        "withBuilderPod: a body is missing; write withBuilderPod { ... }.");
    String jobs = "; give parameters by their names: provisionJobs(credentials: 'jenkins-seed').";
    shapes.put("provisionJobs('jobs.yaml')", "provisionJobs: got a text" + jobs);
    shapes.put("provisionJobs(credentials: 'x') { }", "provisionJobs: got a closure" + jobs);
    shapes.forEach((text, sentence) -> {
      for (String whole : List.of(text, "withEnv(['X=1']) { " + text + " }")) {
        var outcome = run(sandboxed, whole);
        assertEquals("FAILURE " + sentence, outcome.result() + ' ' + outcome.error(), outcome.log());
      }
    });
  }

  /** The symptom `jenkins-result-method` explains it, and `podwright migrate` finds the call. */
  @ParameterizedTest(name = "sandboxed: {0}")
  @ValueSource(booleans = {false, true})
  void a_result_is_a_plain_map_without_the_methods_of_an_image(boolean sandboxed) {
    var outcome = run(sandboxed, "def app = buildImage(image: 'a')\napp.push('latest')");
    String told = "LinkedHashMap";
    assertTrue(outcome.error().contains(told) && outcome.error().contains("push"), outcome.error());
  }

  @Test
  void a_parameter_that_cannot_act_in_a_pod_that_is_there_is_refused() {
    fails("withBuilderPod { buildImage(image: 'a', pod: [labels: [a: 'b']]) }",
        "buildImage: pod: this pod is there already; give pod to withBuilderPod.");
  }

  private Pipelines organisation(String config) {
    Pipelines pipelines = new Pipelines(directory).withStandIn().sandboxed(true);
    Path pods = directory.resolve("library/resources/ours/pods");
    Pipelines.write(pods.resolve("default.json"), StandIn.POD.formatted("ours"));
    Pipelines.write(pods.resolve("names.txt"), "auto, kaniko\n");
    if (config != null) {
      Pipelines.write(pods.resolve("config.yaml"), config);
    }
    pipelines.options().environment.put("PODWRIGHT_RESOURCES", "ours");
    return pipelines;
  }

  @Test
  void a_planned_pod_obeys_the_config_that_lies_beside_the_organisations_presets() {
    var outcome = organisation("builder: x\n").run("node { buildImage(image: 'a', pod: [:]) }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("\"pod\": {}} with /config)"), outcome.log());
    int ownNode = 4;
    int withoutCredentials = 20;
    assertEquals(withoutCredentials + 2, outcome.report().nodes() - ownNode);
  }

  @Test
  void a_pool_has_a_preset_of_its_own_or_its_pod_is_planned() {
    Pipelines pipelines = organisation("builder: x\n");
    Pipelines.write(directory.resolve("library/resources/ours/pods/pool-team-a.json"),
        StandIn.POD.formatted("of team-a"));
    var outcome = pipelines.run("node { buildImage(image: 'a', pool: 'team-a') }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("builder (of team-a)"), outcome.log());
    var planned = organisation("builder: x\n").run("node { buildImage(image: 'a', pool: 'b') }");
    assertEquals("SUCCESS", planned.result(), planned.log());
    assertTrue(planned.log().contains("\"pool\": \"b\"} with /config)"), planned.log());
  }

  @Test
  void presets_without_their_config_plan_no_pod() {
    assertEquals("buildImage: resources/ours/pods/ has no config.yaml, which a pod that is planned "
        + "needs: render the presets again with podwright generate --presets, or set PODWRIGHT_CONFIG.",
        organisation(null).run("node { buildImage(image: 'a', pod: [:]) }").error());
    Pipelines other = organisation(null);
    other.options().environment.put("PODWRIGHT_CONFIG", "retries: 3");
    var outcome = other.run("node { buildImage(image: 'a', pod: [:]) }");
    assertTrue(outcome.log().contains("\"pod\": {}} with ries: 3)"), outcome.log());
  }

  @Test
  void a_builder_without_a_preset_is_unknown_or_not_allowed() {
    assertEquals("buildImage: builder: 'other' is not allowed by the organisation; allowed are kaniko",
        organisation("").run("buildImage(image: 'a', builder: 'other')").error());
    Pipelines owned = organisation("");
    Pipelines.write(directory.resolve("library/resources/ours/pods/owner.txt"), "platform@acme\n");
    assertEquals("buildImage: builder: 'other' is not allowed by the organisation (builders, ask "
        + "platform@acme); allowed are kaniko", owned.run("buildImage(image: 'a', builder: 'other')").error());
    assertEquals("buildImage: builder: unknown builder 'xyz'; known are auto, kaniko",
        organisation("").run("buildImage(image: 'a', builder: 'xyz')").error());
  }

  @Test
  void credentials_of_the_organisations_defaults_are_bound_as_those_of_a_call() {
    var outcome = run(true, "buildImage(image: 'bound:', tags: ['1'])");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("{\"image\": \"bound:\", \"tags\": [\"1\"]}", "{\"credentials\": "
        + "{\"credentialsId\": \"login\", \"variable\": \"PODWRIGHT_1\"}, \"image\": \"bound:\", "
        + "\"secrets\": [{\"credentialsId\": \"token\", \"id\": \"s\", \"variable\": "
        + "\"PODWRIGHT_2\"}], \"tags\": [\"1\"]}"), requests());
  }

  private static final String APART = "platforms: ['linux/amd64', 'linux/arm/v7'], "
      + "podPerPlatform: true, credentials: 'login', record: true)";

  @Test
  void each_platform_is_built_in_a_pod_on_its_nodes_and_the_last_one_joins_them() {
    var outcome = run(true, "buildImage(image: 'team/app', " + APART + " { echo 'the body' }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("the body", "the body"), outcome.echoes());
    assertEquals(List.of("amd64", "arm64"), outcome.steps("podTemplate").stream()
        .map(step -> groovy.json.JsonOutput.toJson(step.facts.get("pod"))
            .replaceFirst("(?s).*\"kubernetes.io/arch\":\"([^\"]*)\".*", "$1")).sorted().toList());
    assertEquals(1, outcome.report().count("archiveArtifacts"));
    Map<String, Object> made = withoutNulls(outcome.returned());
    assertEquals(List.of("linux/amd64", "linux/arm/v7"), made.get("platforms"));
    String joined = made.get("indexed").toString();
    assertTrue(joined.contains("\"tags\":[\"a\",\"b\"]") && joined.endsWith(" with a login"), joined);
    for (String part : List.of("linux/amd64", "linux/arm/v7")) {
      assertTrue(joined.contains("\"" + part + "\":\"" + part + "'s\""), joined);
    }
    assertFalse(made.containsKey("parts"));
  }

  @Test
  void the_pod_that_joins_the_platforms_alone_has_a_record_and_a_report() {
    for (String wish : List.of("record", "report")) {
      var outcome = run(true, "buildImage(image: 'team/app', platforms: ['linux/amd64', "
          + "'linux/arm/v7'], podPerPlatform: true, " + wish + ": true)");
      assertEquals("SUCCESS", outcome.result(), outcome.log());
      assertEquals(1, outcome.report().count(wish.equals("record") ? "archiveArtifacts" : "publishHTML"));
    }
  }

  @Test
  void without_a_push_the_platforms_are_built_and_nothing_is_joined() {
    var outcome = run(true, "buildImage(image: 'team/app', push: false, " + APART);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("linux/amd64", "linux/arm/v7"),
        withoutNulls(outcome.returned()).get("platforms"));
    assertFalse(withoutNulls(outcome.returned()).containsKey("indexed"));
  }

  @Test
  void a_platform_that_fails_ends_the_others_and_the_step_with_its_sentence() {
    fails("buildImage(image: 'a:linux/arm/v7', " + APART, "buildImage: linux/arm/v7 fails");
  }

  @Test
  void what_cannot_be_built_by_platform_is_told_before_any_pod() {
    String apart = "podPerPlatform: true";
    Map<String, String> told = Map.of(
        "image: 'a', " + apart,
        "name two or more, e.g. platforms: ['linux/amd64', 'linux/arm64'].",
        "image: 'a', platforms: 'linux/amd64', " + apart,
        "name two or more, e.g. platforms: ['linux/amd64', 'linux/arm64'].",
        "image: 'a', platforms: ['linux/amd64', 'linux/amd64'], " + apart,
        "name two or more, e.g. platforms: ['linux/amd64', 'linux/arm64'].",
        "image: 'a', platforms: ['arm64', 'amd64'], " + apart,
        "'arm64' is not a platform such as 'linux/arm64'.",
        "images: [[image: 'a']], platforms: ['linux/amd64'], " + apart,
        "builds one image; call buildImage for each of images.",
        "image: 'a', platforms: ['linux/amd64', 'linux/386'], pool: 'p', " + apart,
        "a pool has daemons for each platform; leave one of both out.");
    told.forEach((call, sentence) -> {
      var outcome = fails("buildImage(" + call + ")", "buildImage: podPerPlatform: " + sentence);
      assertEquals(0, outcome.report().count("podTemplate"));
    });
    fails("withBuilderPod { buildImage(image: 'a', platforms: ['linux/amd64', 'linux/386'], " + apart + ") }",
        "buildImage: podPerPlatform: this pod is there already; call buildImage outside of "
        + "withBuilderPod.");
  }

  @Test
  void what_is_asked_for_around_a_build_is_done_by_commands_in_the_tools_container() {
    for (String image : List.of("image: 'around:x'", "images: [[image: 'a'], [image: 'b']]")) {
      var outcome = run(true, "def made = buildImage(" + image + ", tags: ['around'])\n"
          + "echo groovy.json.JsonOutput.toJson(made instanceof List ? made[0] : made)");
      String first = image.startsWith("images") ? "" : "around:x";
      assertEquals(List.of("{\"image\":\"" + first + "\",\"none\":null,\"pushed\":\"{\\\"name\\\":\\\""
          + first + "\\\"}\",\"seconds\":1.5,\"tags\":[\"a\",\"b\"],\"scan\":{\"scaned\":\"{"
          + "\\\"credentials\\\":{\\\"credentialsId\\\":\\\"login\\\",\\\"variable\\\":"
          + "\\\"PODWRIGHT_1\\\"}} with a login\"}}"), outcome.echoes(), outcome.log());
      assertEquals(List.of("builder", "tools", "builder", "tools", "tools"), containers(outcome));
    }
    var outcome = run(true, "buildImage(image: 'around:refuse', tags: ['around'], scan: true)");
    assertEquals("buildImage: it is bad", outcome.error());
    String pod = groovy.json.JsonOutput.toJson(outcome.steps("podTemplate").get(0).facts.get("pod"));
    assertTrue(pod.contains("\"name\":\"tools\",\"resources\":{\"limits\":{\"memory\":\"2Gi\"}}"), pod);
    assertEquals("buildImage: it is bad", outcome.report().get("description"));
  }

  @Test
  void where_the_agent_plans_commands_run_in_its_container() {
    String build = "buildImage(image: 'around:x', tags: ['around']";
    for (String call : List.of(build + ", builder: 'planning')",
        "withBuilderPod(builder: 'planning') { " + build + ") }")) {
      var outcome = run(true, call);
      assertEquals("SUCCESS", outcome.result(), outcome.log());
      // Its own container needs no exec.
      assertEquals(List.of("builder", "builder"), containers(outcome), outcome.log());
    }
  }

  @Test
  void where_the_agent_is_the_builder_no_step_needs_an_exec() {
    var outcome = run(true, "buildImage(image: 'around:x', tags: ['around'], builder: 'together')");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of(), containers(outcome), outcome.log());
    assertEquals(List.of("jnlp"), podOf(outcome));
    assertEquals(18, run(true, "buildImage(image: 'a', credentials: 'login', builder: 'together')")
        .report().nodes());
  }

  @Test
  void the_body_of_a_held_pod_finds_the_builder_and_its_logins() {
    var outcome = run(true, "withBuilderPod(builder: 'together') {\n"
        + "  container('builder') { echo 'there' }\n"
        + "  buildImage(image: 'around:x', tags: ['around']) }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("builder", "builder", "builder"), containers(outcome), outcome.log());
    assertEquals(List.of("jnlp", "builder"), podOf(outcome));
  }

  @Test
  void inside_another_container_the_agents_own_is_named() {
    var outcome = run(true, "buildImage(image: 'around:x', tags: ['around'], builder: 'together') {}\n"
        + "withBuilderPod(builder: 'together') {\n"
        + "  container('builder') { buildImage(image: 'around:x', tags: ['around']) } }");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("builder", "builder", "jnlp", "builder", "jnlp", "jnlp"), containers(outcome), outcome.log());
  }

  private static List<?> podOf(Pipelines.Outcome outcome) {
    var spec = (Map<?, ?>) ((Map<?, ?>) outcome.steps("podTemplate").get(0).facts.get("pod")).get("spec");
    return ((List<?>) spec.get("containers")).stream().map(it -> ((Map<?, ?>) it).get("name")).toList();
  }

  private static List<Object> containers(Pipelines.Outcome outcome) {
    return outcome.steps("container").stream().map(it -> it.facts.get("name")).toList();
  }

  @Test
  void a_failure_is_told_to_catch_blocks_and_on_the_page_of_the_build() {
    var outcome = run(true, "currentBuild.description = 'app 1'\n"
        + "try { buildImage(image: 'failed:x') } catch (e) { echo env.PODWRIGHT_FAILURE }");
    assertEquals(List.of("{\"id\":\"x\",\"transient\":false}"), outcome.echoes(), outcome.log());
    assertEquals("app 1; buildImage: it fails", outcome.report().get("description"));
  }

  /** Runs a pipeline whose pods do not start, or are lost when a body runs. */
  private Pipelines.Outcome without(boolean sandboxed, String logged, Exception problem, String text) {
    return new Pipelines(directory).withStandIn().sandboxed(sandboxed)
        .launcher((label, pod, request) -> {
          request.log().accept("[Warning][jenkins/another][Failed] Failed to pull image \"x\": no");
          request.log().accept(logged.replace("POD", label));
          throw BridgeTest.<RuntimeException>unchecked(problem);
        }).run(text);
  }

  @SuppressWarnings("unchecked")
  private static <T extends Exception> T unchecked(Exception problem) throws T {
    throw (T) problem;
  }

  private static final String UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient memory.";

  @Test
  void why_a_pod_did_not_start_is_the_last_line_for_a_trusted_library() {
    var cancelled = new org.jenkinsci.plugins.workflow.steps.FlowInterruptedException(
        "ABORTED", "Queue task was cancelled");
    var outcome = without(false, "[Warning][jenkins/POD-x1][FailedScheduling] " + UNSCHEDULABLE,
        cancelled, "buildImage(image: 'a')");
    String sentence = "buildImage: the pod did not start: no node takes the pod: 3 Insufficient memory."
        + "; correct nodeSelector, tolerations or resources, or add nodes";
    assertEquals("FAILURE " + sentence, outcome.result() + ' ' + outcome.error(), outcome.log());
    assertEquals(sentence, outcome.report().get("description"));
  }

  @Test
  void in_the_sandbox_it_is_what_the_exception_says() {
    var outcome = without(true, "POD", new hudson.AbortException(
        "Pod POD did not start: not scheduled: " + UNSCHEDULABLE), "buildImage(image: 'a')");
    assertEquals("buildImage: the pod did not start: no node takes the pod: 3 Insufficient memory."
        + "; correct nodeSelector, tolerations or resources, or add nodes", outcome.error(), outcome.log());
    var silent = without(true, "[Warning][jenkins/POD-x1][FailedScheduling] " + UNSCHEDULABLE,
        new hudson.AbortException("nothing is known"), "buildImage(image: 'a')");
    assertEquals("nothing is known", silent.error(), silent.log());
  }

  @Test
  void what_may_succeed_when_it_is_tried_again_stays_an_interruption_for_a_retry() {
    var cancelled = new org.jenkinsci.plugins.workflow.steps.FlowInterruptedException(
        "ABORTED", "Queue task was cancelled");
    var outcome = without(false, "pods \"POD\" is forbidden: exceeded quota: builds, requested: a=1",
        cancelled, "buildImage(image: 'a')");
    assertEquals("ABORTED", outcome.result(), outcome.log());
    assertTrue(outcome.echoes().get(0).startsWith("[podwright] ERROR: buildImage: the pod did not "
        + "start: the namespace's resource quota leaves no room for the pod: "), outcome.log());
  }

  @Test
  void withBuilderPod_needs_a_body() {
    fails("withBuilderPod()", "withBuilderPod: a body is missing; write withBuilderPod { ... }.");
  }

  @Test
  void images_can_be_built_in_parallel_in_pods_of_their_own_and_in_one_pod() {
    var outcome = run(true, """
        def apart = parallel(
          a: { buildImage(image: 'a', credentials: 'login') },
          b: { buildImage(image: 'b', credentials: 'login') })
        withBuilderPod {
          parallel c: { buildImage(image: 'c') }, d: { buildImage(image: 'd') }
        }
        echo apart.a.image + apart.b.image
        """);
    assertEquals(List.of("ab"), outcome.echoes(), outcome.log());
    assertEquals(List.of("{\"credentials\": {\"credentialsId\": \"login\", \"variable\": "
        + "\"PODWRIGHT_1\"}, \"image\": \"a\"}", "{\"credentials\": {\"credentialsId\": \"login\", "
        + "\"variable\": \"PODWRIGHT_1\"}, \"image\": \"b\"}", "{\"image\": \"c\"}",
        "{\"image\": \"d\"}"), requests().stream().sorted().toList());
  }

  @Test
  void the_planner_learns_what_it_may_know_of_the_build() {
    Pipelines pipelines = new Pipelines(directory).withStandIn();
    pipelines.options().environment.put("BRANCH_NAME", "feature/$(reboot)");
    pipelines.options().environment.put("TAG_NAME", "two\nlines");
    pipelines.options().environment.put("OTHER", "not this");
    pipelines.run("buildImage(image: 'a')");
    assertEquals(List.of("BRANCH_NAME BUILD_NUMBER BUILD_TAG JOB_NAME NODE_NAME PWD WORKSPACE "
        + "WORKSPACE_TMP"), pipelines.lines("facts"));
  }

  @Test
  void the_sh_is_labelled_with_step_and_image_in_100_printable_characters() {
    var outcome = run(true, "buildImage(image: 'ä\\n' + 'x' * 200)\nbuildImage()");
    assertEquals(List.of("buildImage ??" + "x".repeat(87), "buildImage"),
        outcome.steps("sh").stream().map(step -> step.facts.get("label")).toList());
  }

  @Test
  void declarative_pipelines_can_use_it() {
    var outcome = run(true, """
        pipeline {
          agent none
          stages {
            stage('Image') {
              steps {
                withBuilderPod {
                  script { env.DIGEST = buildImage(image: 'a').tags[0] }
                }
                buildImage image: 'b', tags: ['x']
                echo "tag ${env.DIGEST}"
              }
            }
          }
        }
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("tag a"), outcome.echoes(), outcome.log());
    assertEquals(List.of("{\"image\": \"a\"}", "{\"image\": \"b\", \"tags\": [\"x\"]}"),
        requests());
  }
}
