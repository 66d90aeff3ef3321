package podwright.runner;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Resources for tests of the bridge: presets of two builders, and a planner that is easy to steer. */
final class StandIn {
  static final String POD = """
      {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [
        {"name": "builder", "image": "%s"}, {"name": "tools", "image": "python"}]}}
      """;

  /** The pod of an organisation whose agent has python3. */
  private static final String PLANS = """
      {"spec": {"containers": [
        {"name": "jnlp", "image": "agent"}, {"name": "builder", "image": "the planning"}]}}
      """;

  /** The same, when its agent has the builder's program as well. */
  private static final String TOGETHER = """
      {"metadata": {"annotations": {"podwright.dev/builder": "{\\"name\\": \\"builder\\"}"}},
       "spec": {"containers": [{"name": "jnlp", "image": "the agent"}]}}
      """;

  /**
   * Answers what the request's image says: {@code error:...}, {@code exit:N}, {@code raw:...},
   * {@code traceback}, or else a value that repeats the image.
   */
  private static final String PLANNER = """
      import json, os, pathlib, shlex, sys

      if sys.argv[1] == "pod":
          request = json.loads(pathlib.Path(sys.argv[-1]).read_text("utf-8"))
          wished, image = request.get("pod") or {}, str(request.get("image"))
          if "error" in wished:
              print(json.dumps({"error": wished["error"]}))
          elif image.startswith("wrong:"):
              print(json.dumps({"error": image[6:]}))
          elif image == "broken:" and "--check" in sys.argv:
              raise ValueError("broken")
          else:
              image = "planned for " + json.dumps(request, sort_keys=True)
              image += " with " + os.environ["PODWRIGHT_CONFIG"][-7:] if (
                  "PODWRIGHT_CONFIG" in os.environ) else ""
              print(json.dumps({"pod": {"spec": {"containers": [
                  {"name": "builder", "image": image}]}}}))
          sys.exit()
      if sys.argv[1] in ("check", "scan", "push", "index"):
          told = pathlib.Path(sys.argv[-1]).read_text("utf-8").strip()
          told += " with a login" if "PODWRIGHT_1_PSW" in os.environ else ""
          if "refuse" in told:
              print(json.dumps({"error": "it is bad", "failure": {"sentence": "it is bad"}}))
          else:
              print(json.dumps({"value": {sys.argv[1] + "ed": told}}))
          sys.exit()
      if sys.argv[1] == "report":
          asked = json.loads(pathlib.Path(sys.argv[-1]).read_text("utf-8"))
          folder = pathlib.Path(asked["folder"])
          folder.mkdir(exist_ok=True)
          asked["log"] = asked["log"].rpartition(".")[2]
          asked.pop("credentials", None), asked.pop("registries", None)
          (folder / "index.html").write_text(json.dumps(asked, sort_keys=True))
          print(json.dumps({"value": str(folder)}))
          sys.exit()
      if sys.argv[1] == "doctor":
          request = pathlib.Path(sys.argv[-1]).read_text("utf-8").strip()
          print("the table", file=sys.stderr)
          print(json.dumps({"value": {"able": [request]}}))
          sys.exit()
      job = pathlib.Path(sys.argv[2])
      request = json.loads((job / "request.json").read_text("utf-8"))
      facts = dict(line.split("=", 1) for line in (job / "env").read_text().splitlines())
      record = pathlib.Path(facts["WORKSPACE"]).parents[3 if "pods" in facts["WORKSPACE"] else 1]
      with (record / "requests").open("a") as out:
          out.write(json.dumps(request, sort_keys=True, ensure_ascii=False) + "\\n")
      with (record / "facts").open("a") as out:
          out.write(" ".join(sorted(facts)) + "\\n")
      image = request.get("image", "")
      kind, _, rest = image.partition(":") if isinstance(image, str) else ("", "", "")
      if kind == "traceback":
          raise ValueError("broken")
      script = 'echo "building"\\n'
      if kind == "error":
          (job / "answer.json").write_text(json.dumps({"error": rest}))
          script = None
      elif kind == "bound" and "credentials" not in request:
          named = {"credentials": "login", "secrets": [{"id": "s", "credentialsId": "token"}]}
          (job / "answer.json").write_text(json.dumps({"defaults": named}))
          script = None
      elif request.get("tags") == ["around"] and not request.get("alone"):
          again = {**request, "alone": True, "secrets": [{"id": "s", "credentialsId": "token"}]}
          check = {"command": "check", "request": {"dockerfile": rest}}
          scan = {"command": "scan", "request": {"credentials": "login"}, "of": 0, "into": "scan"}
          push = {"command": "push", "request": {}, "of": 0, "take": {"name": "image"}, "into": ""}
          (job / "answer.json").write_text(
              json.dumps({"turns": [check, {"request": again}, scan, push]}))
          script = None
      elif request.get("part") and not request.get("alone"):
          turns = [{"request": {**request, "alone": True}}]
          if request.get("push") is not False:
              take = {"tags": "tags", "parts": "parts"}
              turns += [{"joins": request["platforms"][0], "of": 0}, {"command": "index",
                        "request": {"credentials": "login"}, "of": 0, "take": take, "into": ""}]
          (job / "answer.json").write_text(json.dumps({"turns": turns}))
          script = None
      elif request.get("part") and rest == request["platforms"][0]:
          script += "printf '%s' " + shlex.quote(
              json.dumps({"error": "buildImage: " + rest + " fails"})) + " >&3\\n"
      elif kind == "failed":
          failure = json.dumps({"id": rest, "transient": False})
          script += "printf '%s' " + shlex.quote('{"error": "buildImage: it fails", "failure": '
              + failure + "}") + " >&3\\n"
      elif kind == "exit":
          script += 'rm -rf "$job"; exit ' + rest + "\\n"
      elif kind == "raw":
          script += "printf '%s' " + shlex.quote(rest) + " >&3\\n"
      elif kind == "env":
          script += "env | grep '^PODWRIGHT_[0-9]' | sort\\n"
          script += "printf '{\\"value\\": {}}' >&3\\n"
      else:
          value = {"image": image, "tags": ["a", "b"], "seconds": 1.5, "pushed": True, "none": None}
          if "part" in request:
              value["digest"] = request["platforms"][0] + "'s"
          if "images" in request:
              value = [value, value]
          script += "printf '%s' " + shlex.quote(json.dumps({"value": value})) + " >&3\\n"
      if script is not None:
          (job / "build.sh").write_text(
              "job=" + shlex.quote(str(job)) + "\\n" + script + 'rm -rf "$job"\\n')
      (job / "answered").touch()
      """;

  /** Names of parameters that stay what they are when requests learn new ones. */
  private static final String PARAMETERS = """
      package podwright
      class Parameters implements Serializable {
        @com.cloudbees.groovy.cps.NonCPS
        static List of(String step) { return NAMES.get(step) }
        private static final Map NAMES = [
          buildImage: ['image', 'tags', 'context', 'builder', 'credentials', 'secrets', 'ssh', 'retries',
            'registries', 'pod', 'record', 'report', 'images', 'scan', 'platforms', 'push', 'pool',
            'podPerPlatform'],
          withBuilderPod: ['builder', 'registries', 'pod'],
          'buildImage.images': ['image', 'tags', 'context', 'secrets', 'ssh'],
          features: ['secrets', 'ssh', 'images', 'platforms'],
          around: ['scan'],
          choosing: ['auto', 'default'],
          doctor: ['namespace', 'serviceAccount', 'credentials'],
        ]
      }
      """;

  private StandIn() {
  }

  /** Writes the resources, and the class that is generated. */
  static void write(Path library) {
    Pipelines.write(library.resolve("src/podwright/Parameters.groovy"), PARAMETERS);
    Path resources = library.resolve("resources");
    Path own = resources.resolve("podwright");
    Pipelines.write(own.resolve("pods/default.json"), POD.formatted("the default"));
    Pipelines.write(own.resolve("pods/other.json"), POD.formatted("the other"));
    Pipelines.write(own.resolve("pods/knowing.json"), POD.formatted("sum @sum@"));
    Pipelines.write(own.resolve("pods/commands.json"), "{\"spec\": {\"containers\": [{\"resources\": "
        + "{\"limits\": {\"memory\": \"2Gi\"}}}]}}");
    Pipelines.write(own.resolve("pods/planning.json"), PLANS);
    Pipelines.write(own.resolve("pods/together.json"), TOGETHER);
    Pipelines.write(own.resolve("pods/names.txt"), "auto, other\n");
    Pipelines.write(own.resolve("doctor.json"), POD.formatted("@account@"));
    Pipelines.write(own.resolve("pods/choices.txt"),
        "[{\"builder\": \"default\", \"cannot\": [\"ssh\"]}, {\"builder\": \"other\", \"cannot\": []}]");
    Pipelines.copy(Pipelines.ROOT.resolve("resources/podwright/pod-symptoms.json"),
        own.resolve("pod-symptoms.json"));
    try {
      byte[] zip = zip();
      Files.write(own.resolve("podwright.pyz"), zip);
      String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(zip));
      Pipelines.write(library.resolve("src/podwright/Bundle.groovy"),
          "package podwright\nclass Bundle implements Serializable { static final String SUM = '"
          + sum + "'; static final String JOBS_SUM = '' }\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] zip() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("__main__.py"));
      zip.write(PLANNER.getBytes(StandardCharsets.UTF_8));
      zip.closeEntry();
    }
    return bytes.toByteArray();
  }
}
