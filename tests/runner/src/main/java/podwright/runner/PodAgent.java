package podwright.runner;

import hudson.AbortException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/** A pod: files in its agent container, commands in any of its containers. */
final class PodAgent implements Agent {
  private static final String AGENT = "jnlp";
  private static final int MILLISECONDS = 1000;
  private static final int SLOW_END_SECONDS = 10;
  private static final int WATCH_MILLISECONDS = 2000;
  private static final int FAILURES_ALLOWED = 3;
  private static final int TRIES_FOR_REASON = 10;

  private final Kubectl kubectl;
  private final String name;
  private final Pod pod;
  private final String workspace;
  private final Launcher.Request request;
  private final Map<String, String> own = new LinkedHashMap<>();
  private volatile boolean closed;

  PodAgent(Kubectl kubectl, String name, Pod pod, String workspace, Launcher.Request request) {
    this.kubectl = kubectl;
    this.name = name;
    this.pod = pod;
    this.workspace = workspace;
    this.request = request;
  }

  /** Makes the workspace, learns the environment of the agent and starts to watch the containers. */
  void open() throws IOException {
    String environment = new String(kubectl.exec(name, AGENT, new byte[0], "sh", "-c",
        "mkdir -p \"$1\" \"$1@tmp\" && env", "sh", workspace), StandardCharsets.UTF_8);
    for (String line : environment.split("\n")) {
      int equals = line.indexOf('=');
      if (equals > 0) {
        own.put(line.substring(0, equals), line.substring(equals + 1));
      }
    }
    Thread watcher = new Thread(this::watch, "watch " + name);
    watcher.setDaemon(true);
    watcher.start();
  }

  /** Tells when a regular container has ended, which makes the plugin remove the agent. */
  private void watch() {
    int failures = 0;
    while (!closed) {
      String problem;
      try {
        Thread.sleep(WATCH_MILLISECONDS);
        problem = PodStatus.parse(kubectl.run("get", "pod", name, "-o", "json")).terminated();
        failures = 0;
      } catch (IOException e) {
        failures++;
        problem = failures < FAILURES_ALLOWED ? null : why(e);
      } catch (InterruptedException e) {
        return;
      }
      if (problem != null && !closed) {
        request.lost().accept("Pod " + name + ": " + problem + "; Jenkins gives up the agent");
        return;
      }
    }
  }

  /** Returns what Kubernetes knows of a pod that does not answer; the kubelet may tell a bit later. */
  private String why(IOException problem) {
    try {
      String known = null;
      for (int tries = 0; known == null && tries < TRIES_FOR_REASON; tries++) {
        known = PodStatus.parse(kubectl.run("get", "pod", name, "-o", "json")).terminated();
        Thread.sleep(known == null ? MILLISECONDS : 0);
      }
      return known == null ? problem.getMessage() : known;
    } catch (InterruptedException e) {
      return problem.getMessage();
    } catch (IOException e) {
      boolean gone = e.getMessage().contains("NotFound");
      return gone ? "Pod " + kubectl.namespace() + '/' + name + " was just deleted" : e.getMessage();
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String workspace() {
    return workspace;
  }

  @Override
  public Map<String, String> variables() {
    Map<String, String> all = new LinkedHashMap<>(own);
    all.put("NODE_NAME", name);
    all.put("NODE_LABELS", pod.label() + ' ' + name);
    all.put("EXECUTOR_NUMBER", "0");
    all.put("WORKSPACE", workspace);
    all.put("WORKSPACE_TMP", workspace + "@tmp");
    all.put("POD_LABEL", pod.label());
    return all;
  }

  @Override
  public void checkContainer(String container) throws IOException {
    Containers.check(pod, container);
  }

  @Override
  public Running start(Command command, Consumer<String> output, Consumer<Ended> end)
      throws IOException {
    String container = command.container() == null ? AGENT : command.container();
    String cookie = "durable-" + UUID.randomUUID();
    String directory = workspace + "@tmp/" + cookie;
    write(directory + "/script.sh", command.script().getBytes(StandardCharsets.UTF_8), null);
    Process process = new ProcessBuilder(
        kubectl.line(Kubectl.execLine(name, container, "sh")))
        .redirectErrorStream(!command.captureOutput()).start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(wrapper(command, cookie, directory).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      output.accept("kubectl exec has not read its input: " + e.getMessage()); // it says why itself
    }
    Pump.follow(process, command.captureOutput(), line -> {
      if (!line.startsWith("command terminated with exit code ")) { // says kubectl
        output.accept(line);
      }
    }, (code, captured) -> end.accept(ended(code, captured, directory)));
    return new PodProcess(process, container, cookie);
  }

  /** Returns what the plugin feeds to the container's shell: directory, variables, script. */
  private String wrapper(Command command, String cookie, String directory) {
    StringBuilder text = new StringBuilder();
    text.append("cd ").append(quote(command.directory())).append(" || exit 1\n");
    command.environment().forEach((key, value) -> {
      boolean same = value.equals(own.get(key));
      if (!same && key.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        text.append("export ").append(key).append('=').append(quote(value)).append('\n');
      }
    });
    text.append("export JENKINS_SERVER_COOKIE=").append(quote(cookie)).append('\n');
    // As in Jenkins, an image without nohup, cp, sh or mv never starts anything; in the foreground, so
    // that kubectl exec carries the output.
    String script = quote(directory + "/script.sh.copy");
    String run = (command.script().startsWith("#!") ? "chmod 755 " + script + "; " : "sh -xe ") + script;
    String result = quote(directory + "/result");
    text.append("nohup sh -c ").append(quote("cp " + quote(directory + "/script.sh") + ' ' + script
        + " && echo $$ >" + quote(directory + "/pid") + " || exit 1; { " + run + "; } </dev/null"
        + (command.captureOutput() ? "" : " 2>&1") + "; echo $? >" + result + ".tmp; mv " + result
        + ".tmp " + result)).append('\n');
    return text.toString();
  }

  private Ended ended(int code, String captured, String directory) {
    String result;
    try {
      result = new String(kubectl.exec(name, AGENT, new byte[0], "sh", "-c",
          "cat \"$1/result\" 2>/dev/null || { [ -e \"$1/pid\" ] && echo -1 || echo -2; }; "
          + "rm -rf \"$1\"", "sh", directory), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return new Ended(-1, captured, "the pod " + name + " cannot be reached: " + why(e));
    }
    if (result.equals("-2")) {
      request.log().accept("process apparently never started in " + directory
          + " (the container's user must be able to write there: use uid 1000 or root)");
    } else if (result.equals("-1")) {
      request.log().accept("wrapper script does not seem to be touching the log file in " + directory
          + " (kubectl exec ended with " + code + ")");
    }
    return new Ended(Integer.parseInt(result), captured, null);
  }

  private static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }

  @Override
  public byte[] read(String path) throws IOException {
    return kubectl.exec(name, AGENT, new byte[0], "cat", path);
  }

  @Override
  public void write(String path, byte[] content, String mode) throws IOException {
    // a file with a mode of its own is a secret: nobody else may read it even for a moment
    String script = mode == null ? "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\""
        : "umask 077; mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\" && chmod " + mode + " \"$1\"";
    kubectl.exec(name, AGENT, content, "sh", "-c", script, "sh", path);
  }

  @Override
  public boolean exists(String path) throws IOException {
    return new String(kubectl.exec(name, AGENT, new byte[0], "sh", "-c",
        "if [ -e \"$1\" ]; then echo yes; else echo no; fi", "sh", path), StandardCharsets.UTF_8)
        .strip().equals("yes");
  }

  @Override
  public void delete(String path) throws IOException {
    kubectl.exec(name, AGENT, new byte[0], "rm", "-rf", "--", path);
  }

  @Override
  public List<String> list(String directory) throws IOException {
    String found = new String(kubectl.exec(name, AGENT, new byte[0], "sh", "-c",
        "cd \"$1\" && find . -type f", "sh", directory), StandardCharsets.UTF_8);
    List<String> files = new ArrayList<>();
    for (String line : found.split("\n")) {
      if (line.startsWith("./")) {
        files.add(line.substring(2));
      }
    }
    files.sort(null);
    return files;
  }

  @Override
  public void copyIn(Path source, String directory) throws IOException {
    Path archive = java.nio.file.Files.createTempFile("podwright", ".tar");
    try {
      Tools.run(null, "tar", "-C", source.toString(), "-cf", archive.toString(), ".");
      kubectl.exec(name, AGENT, java.nio.file.Files.readAllBytes(archive), "sh", "-c",
          "mkdir -p \"$1\" && tar -C \"$1\" -xof -", "sh", directory);
    } finally {
      java.nio.file.Files.delete(archive);
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    long start = System.currentTimeMillis();
    kubectl.run("delete", "pod", name, "--ignore-not-found", "--wait=true", "--timeout=120s");
    long seconds = (System.currentTimeMillis() - start) / MILLISECONDS;
    if (seconds >= SLOW_END_SECONDS) {
      request.log().accept("Pod " + name + " took " + seconds
          + " s to end: some container ignores TERM");
    }
  }

  /** A command in a container; what it started carries its cookie in the environment. */
  private final class PodProcess implements Running {
    private static final int GRACE_SECONDS = 5;

    private final Process process;
    private final String container;
    private final String cookie;

    PodProcess(Process process, String container, String cookie) {
      this.process = process;
      this.container = container;
      this.cookie = cookie;
    }

    @Override
    public void kill() {
      new Thread(() -> {
        if (!end("TERM") && !end("KILL")) {
          process.destroyForcibly();
        }
      }, "kill " + cookie).start();
    }

    /** Sends a signal to all processes with the cookie, and tells whether the command has ended. */
    private boolean end(String signal) {
      try {
        kubectl.exec(name, container, new byte[0], "sh", "-c",
            "pids=$(grep -l \"JENKINS_SERVER_COOKIE=$2\" /proc/[0-9]*/environ 2>/dev/null"
            + " | cut -d / -f 3); [ -z \"$pids\" ] || kill -s \"$1\" $pids", "sh", signal, cookie);
        return process.waitFor(GRACE_SECONDS, java.util.concurrent.TimeUnit.SECONDS);
      } catch (AbortException e) {
        return false; // some were gone already, or the container is
      } catch (IOException | InterruptedException e) {
        return false;
      }
    }
  }
}
