package podwright.runner;

import hudson.AbortException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;

/** Steps that act on files of the agent. */
final class FileSteps {
  private FileSteps() {
  }

  static void define(Steps steps) {
    steps.plain("writeFile", null, "file text encoding", FileSteps::writeFile);
    steps.plain("readFile", "file", "file encoding", FileSteps::readFile);
    steps.plain("fileExists", "file", "file",
        call -> call.agent().exists(call.path(call.text("file"))));
    steps.plain("pwd", null, "tmp", call -> call.flag("tmp", false)
        ? call.environment().get("WORKSPACE_TMP") : call.path("."));
    steps.plain("deleteDir", null, "", call -> {
      call.agent().delete(call.path("."));
      return null;
    });
    steps.plain("archiveArtifacts", "artifacts", "artifacts excludes allowEmptyArchive "
        + "onlyIfSuccessful fingerprint defaultExcludes caseSensitive followSymlinks",
        FileSteps::archive);
    steps.plain("publishHTML", "target", "target", FileSteps::publishHtml);
    steps.plain("stash", "name", "name includes excludes useDefaultExcludes allowEmpty",
        FileSteps::stash);
    steps.plain("unstash", "name", "name", FileSteps::unstash);
    steps.plain("junit", "testResults", "testResults allowEmptyResults skipMarkingBuildUnstable "
        + "skipPublishingChecks keepLongStdio", FileSteps::junit);
    steps.plain("checkout", "scm", "scm changelog poll", FileSteps::checkout);
    steps.plain("git", "url", "url branch changelog poll", FileSteps::git);
  }

  private static Object writeFile(StepRun call) throws IOException {
    String path = call.path(call.text("file"));
    String text = call.text("text");
    String encoding = call.text("encoding", null);
    byte[] content = "Base64".equals(encoding) ? Base64.getDecoder().decode(text)
        : text.getBytes(BasicSteps.charset(encoding));
    call.entry.fact("file", call.text("file"));
    call.agent().write(path, content, null);
    return null;
  }

  private static Object readFile(StepRun call) throws IOException {
    String path = call.path(call.text("file"));
    if (!call.agent().exists(path)) {
      throw new java.nio.file.NoSuchFileException(path);
    }
    return BasicSteps.decode(call.agent().read(path), call.text("encoding", null));
  }

  private static Object archive(StepRun call) throws IOException {
    Path target = call.build.options().workspaceRoot.resolve("archive");
    List<String> found = copyOut(call, ".", target, call.text("artifacts"), call.text("excludes", null));
    if (found.isEmpty() && !call.flag("allowEmptyArchive", false)) {
      throw new AbortException("No artifacts found that match the file pattern \""
          + call.text("artifacts") + "\". Configuration error?");
    }
    call.log("Archiving artifacts");
    return null;
  }

  /** Keeps a folder of pages, as the plugin HTML Publisher does in its Pipeline form. */
  private static Object publishHtml(StepRun call) throws IOException {
    Map<String, Object> asked = Pod.map(call.arguments().get("target"));
    String from = String.valueOf(asked.get("reportDir"));
    String name = String.valueOf(asked.get("reportName"));
    call.log("[htmlpublisher] Archiving HTML reports...");
    String kept = "htmlreports/" + name.replaceAll("[^A-Za-z0-9]+", "_");
    Path target = call.build.options().workspaceRoot.resolve(kept);
    List<String> found = copyOut(call, from, target, "**", null);
    if (found.isEmpty() && !Boolean.TRUE.equals(asked.get("allowMissing"))) {
      throw new AbortException("Specified HTML directory '" + from + "' does not exist.");
    }
    return null;
  }

  private static Object stash(StepRun call) throws IOException {
    Path target = stashOf(call);
    HostAgent.remove(target);
    Files.createDirectories(target);
    List<String> found =
        copyOut(call, ".", target, call.text("includes", "**"), call.text("excludes", null));
    if (found.isEmpty() && !call.flag("allowEmpty", false)) {
      throw new AbortException("No files included in stash '" + call.text("name") + "'");
    }
    call.log("Stashed " + found.size() + " file(s)");
    return null;
  }

  private static Object unstash(StepRun call) throws IOException {
    Path source = stashOf(call);
    if (!Files.isDirectory(source)) {
      throw new AbortException("No such saved stash '" + call.text("name") + "'");
    }
    call.agent().copyIn(source, call.path("."));
    return null;
  }

  private static Path stashOf(StepRun call) throws AbortException {
    String name = call.text("name");
    if (!name.matches("[A-Za-z0-9_.-]+")) {
      throw new AbortException("'" + name + "' is not a valid name for a stash.");
    }
    return call.build.options().workspaceRoot.resolve("stashes").resolve(name);
  }

  private static List<String> copyOut(
      StepRun call, String from, Path target, String includes, String excludes)
      throws IOException {
    List<String> found = new ArrayList<>();
    String base = call.path(from);
    for (String file : call.agent().list(base)) {
      if (Globs.any(includes, file) && !(excludes != null && Globs.any(excludes, file))) {
        Path copy = target.resolve(file);
        Files.createDirectories(copy.getParent());
        Files.write(copy, call.agent().read(base + '/' + file));
        found.add(file);
      }
    }
    return found;
  }

  /** Counts tests and makes the build UNSTABLE when one has failed; the reports are not kept. */
  private static Object junit(StepRun call) throws Exception {
    Map<String, Integer> counts = new LinkedHashMap<>(
        Map.of("totalCount", 0, "failCount", 0, "skipCount", 0));
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    for (String file : call.agent().list(call.path("."))) {
      if (Globs.any(call.text("testResults"), file)) {
        byte[] report = call.agent().read(call.path(file));
        var cases = factory.newDocumentBuilder().parse(new ByteArrayInputStream(report))
            .getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
          count((Element) cases.item(i), counts);
        }
      }
    }
    if (counts.get("totalCount") == 0 && !call.flag("allowEmptyResults", false)) {
      throw new AbortException("No test report files were found. Configuration error?");
    }
    if (counts.get("failCount") > 0 && !call.flag("skipMarkingBuildUnstable", false)) {
      call.build.worsen("UNSTABLE");
    }
    call.log("Recording test results: " + counts);
    counts.put("passCount",
        counts.get("totalCount") - counts.get("failCount") - counts.get("skipCount"));
    return counts;
  }

  private static void count(Element test, Map<String, Integer> counts) {
    counts.merge("totalCount", 1, Integer::sum);
    boolean failed = test.getElementsByTagName("failure").getLength() > 0
        || test.getElementsByTagName("error").getLength() > 0;
    counts.merge("failCount", failed ? 1 : 0, Integer::sum);
    boolean skipped = test.getElementsByTagName("skipped").getLength() > 0;
    counts.merge("skipCount", skipped ? 1 : 0, Integer::sum);
  }

  private static Object checkout(StepRun call) throws IOException {
    if (!(call.arguments().get("scm") instanceof Symbol)) {
      throw new AbortException("checkout: the runner knows only 'checkout scm' with --scm DIR.");
    }
    Path source = call.build.options().scm.toAbsolutePath().normalize();
    return Files.exists(source.resolve(".git")) ? cloneInto(call, source.toString(), null)
        : copyInto(call, source);
  }

  private static Object copyInto(StepRun call, Path source) throws IOException {
    call.log("Copying " + source);
    call.agent().copyIn(source, call.path("."));
    return new LinkedHashMap<String, String>();
  }

  private static Object git(StepRun call) throws IOException {
    return cloneInto(call, call.text("url"), call.text("branch", "master"));
  }

  private static Map<String, String> cloneInto(StepRun call, String url, String branch)
      throws IOException {
    Path clone = Files.createTempDirectory("podwright-checkout");
    try {
      call.log("Cloning " + url);
      List<String> line = new ArrayList<>(List.of("git", "clone", "--quiet"));
      if (branch != null) {
        line.addAll(List.of("--branch", branch));
      }
      line.addAll(List.of("--", url, clone.toString()));
      Tools.run(null, line.toArray(String[]::new));
      Map<String, String> facts = new LinkedHashMap<>();
      facts.put("GIT_URL", url);
      facts.put("GIT_COMMIT", Tools.run(clone, "git", "rev-parse", "HEAD").trim());
      facts.put("GIT_BRANCH",
          "origin/" + Tools.run(clone, "git", "rev-parse", "--abbrev-ref", "HEAD").trim());
      call.agent().copyIn(clone, call.path("."));
      return facts;
    } finally {
      HostAgent.remove(clone);
    }
  }
}
