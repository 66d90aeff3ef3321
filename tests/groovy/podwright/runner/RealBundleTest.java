package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The library as users load it: the bundle that is released plans under plain python3 -I. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RealBundleTest {
  @TempDir
  Path directory;

  private Pipelines.Outcome run(String text) {
    Pipelines pipelines = new Pipelines(directory).sandboxed(true);
    pipelines.options().libraries.put("podwright",
        new Options.LibrarySource(Pipelines.ROOT, false));
    return pipelines.run("@Library('podwright') _\n" + text);
  }

  @Test
  void the_bundle_refuses_a_misspelt_parameter_with_a_guess() {
    var outcome = run("buildImage(image: 'a', bilder: 'x')");
    assertTrue(outcome.error().startsWith("buildImage: "), outcome.error());
    assertTrue(outcome.error().contains("'bilder'") && outcome.error().contains("builder"),
        outcome.error());
  }

  @Test
  void the_bundle_refuses_an_image_without_a_name() {
    var outcome = run("buildImage(tags: ['1'])");
    assertEquals("FAILURE", outcome.result(), outcome.log());
    assertTrue(outcome.error().startsWith("buildImage: ") && outcome.error().contains("image"),
        outcome.error());
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "node { promoteImage(image: 'r.example/app', to: 'p.example/app') }",
      "promoteImage(image: 'r.example/app', to: 'p.example/app', credentials: [])",
      "withBuilderPod { promoteImage(image: 'r.example/app', to: 'p.example/app') }"})
  void an_image_is_promoted_on_an_agent_and_in_a_pod(String text) {
    var outcome = run(text);
    assertEquals("promoteImage: image: 'r.example/app' has no tag; add one, or a digest: what "
        + "'latest' is may change", outcome.error(), outcome.log());
    assertEquals(text.startsWith("node") ? 0 : 1, outcome.steps("container").size());
    assertEquals(1, outcome.steps("sh").size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"node { CALL }", "CALL", "withBuilderPod { CALL }"})
  void what_buildImage_returned_is_pushed_with_a_login_added(String text) {
    var outcome = run("def built = [image: 'r.example/app', tags: ['1'], platforms: [], pushed: false, "
        + "output: 'app.tar', digest: 'sha256:" + "a".repeat(64) + "', reference: null, "
        + "cachedSteps: 0, seconds: 1]\n"
        + text.replace("CALL", "pushImage(built + [credentials: []])"));
    assertTrue(outcome.error().startsWith("pushImage: output: '")
        && outcome.error().endsWith("app.tar' cannot be read: No such file or directory"),
        outcome.log());
    assertEquals("pushImage: unknown parameter 'dest'; known are cachedSteps, credentials, "
        + "daemons, digest, discard, image, output, platforms, pushed, reference, registries, "
        + "seconds, tags",
        run("pushImage(image: 'a', dest: 'b')").error());
  }

  @Test
  void images_are_pruned_by_the_bundle() {
    assertEquals("pruneImages: repository: 'R.example/App' is not a valid image name: repositories "
        + "are lower case; 'R.example/app' would be one",
        run("node { pruneImages(repository: 'R.example/App', keep: 1) }").error().replace(
            "'r.example/app' would", "'R.example/app' would"));
    assertEquals("pruneImages: takes no body; remove it.",
        run("pruneImages('r.example/app') { echo 'x' }").error());
    assertEquals("promoteImage: unknown parameter 'tag'; did you mean 'tags'?",
        run("promoteImage(image: 'a:1', to: 'b', tag: '1')").error());
    assertEquals("promoteImage: images[0]: unknown parameter 'dest'; known are image, tags, to",
        run("promoteImage(images: [[image: 'a:1', dest: 'b']])").error());
  }

  @Test
  void images_are_attested_scanned_and_verified_by_the_bundle() {
    assertEquals("attestImage: nothing is asked for; say sbom, provenance or sign",
        run("node { attestImage(image: 'r.example/app:1') }").error());
    assertEquals("scanImage: name either an image or an archive",
        run("node { scanImage(failOn: 'high') }").error());
    assertEquals("lintDockerfile: dockerfile: there is no file 'no'",
        run("node { lintDockerfile(dockerfile: ['no']) }").error());
    assertEquals("verifyImage: image: 'r.example/app' has no tag; add one, or a digest: what "
        + "'latest' is may change", run("node { verifyImage('r.example/app') }").error());
  }

  @Test
  void the_bundle_plans_a_pod_for_every_preset() {
    for (String file : Pipelines.files(Pipelines.ROOT.resolve("resources/podwright/pods"))) {
      String name = file.replace(".json", "");
      if (file.endsWith(".json") && !List.of("default", "commands").contains(name)) {
        var outcome = run("node { withBuilderPod(builder: '" + name
            + "', pod: [cloud: 'x']) { container('builder') { echo 'in' } } }");
        assertEquals(List.of("in"), outcome.echoes(), outcome.log());
        assertEquals("x", outcome.steps("podTemplate").get(0).facts.get("cloud"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "withBuilderPod(builder: 'buildkit') { echo 'in' }",
      "node { withBuilderPod(builder: 'buildkit', pod: [:]) { echo 'in' } }",
      "node { buildImage(image: 'a', builder: 'buildkit', pod: [:]) { echo 'in' } }"})
  void a_step_of_the_body_does_not_save_the_bundle(String text) {
    var echo = run(text).steps("echo").get(0);
    assertTrue(echo.saved < 25_000, "each step of the body saves " + echo.saved + " bytes");
  }

  @Test
  void a_pod_with_unknown_keys_is_refused_before_it_exists() {
    var outcome = run("node { withBuilderPod(pod: [memmory: '1Gi']) { } }");
    assertTrue(outcome.error().startsWith("withBuilderPod: ")
        && outcome.error().contains("memmory"), outcome.error());
    assertEquals(0, outcome.report().count("podTemplate"));
  }

  @Test
  void a_misspelt_parameter_of_withBuilderPod_is_refused_with_a_guess() {
    var outcome = run("node { withBuilderPod(bilder: 'x') { } }");
    assertTrue(outcome.error().startsWith("withBuilderPod: ")
        && outcome.error().contains("bilder"), outcome.error());
  }

  @Test
  void an_organisations_presets_can_be_tried() throws Exception {
    Path organisation = directory.resolve("acme");
    Path config = Pipelines.write(organisation.resolve("acme.yaml"), "builders: [kaniko]\n");
    Pipelines.write(organisation.resolve("vars/acme.txt"), "presets\n");
    Pipelines.Finished made = Pipelines.process(Pipelines.ROOT, java.util.Map.of("PATH",
        System.getenv("PATH"), "PYTHONPATH", Pipelines.ROOT.resolve("pytools").toString()),
        Pipelines.ROOT.resolve(".venv/bin/python").toString(), "-m", "podwright", "generate",
        "--presets", organisation.resolve("resources/acme/pods").toString(),
        "--config", config.toString());
    assertEquals(0, made.code(), made.err());
    Pipelines pipelines = new Pipelines(directory).sandboxed(true).library(organisation);
    pipelines.options().libraries.put("podwright", new Options.LibrarySource(Pipelines.ROOT, true));
    pipelines.options().environment.put("PODWRIGHT_RESOURCES", "acme");
    String refused = "builder: 'buildah' is not allowed by the organisation; allowed are kaniko";
    assertEquals("buildImage: " + refused,
        pipelines.run("buildImage(image: 'a', builder: 'buildah')").error());
    assertEquals("buildImage: " + refused,
        pipelines.run("node { buildImage(image: 'a', builder: 'buildah', pod: [:]) }").error());
    assertEquals(List.of("builders: [kaniko]\n"),
        pipelines.run("withBuilderPod { echo env.PODWRIGHT_CONFIG }").echoes());
  }
}
