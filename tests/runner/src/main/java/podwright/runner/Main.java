package podwright.runner;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;

/** The command: runs a Jenkinsfile without Jenkins. */
public final class Main {
  private static final String USAGE = String.join("\n",
      "usage: run-pipeline [options] Jenkinsfile",
      "",
      "Runs a Jenkinsfile on this machine (or in Kubernetes) as Jenkins would: CPS-transformed, with",
      "real commands, files, variables and credentials.",
      "",
      "  --library NAME=DIR           what @Library('NAME') loads",
      "  --implicit-library NAME=DIR  the same, loaded without @Library",
      "  --workspace-root DIR         where workspaces, archives and stashes go",
      "                               (default: .podwright/pipeline)",
      "  --scm DIR                    what 'checkout scm' gives: a git repository is cloned, any",
      "                               other directory is copied",
      "  --credentials FILE           JSON: {\"id\": {\"type\": \"usernamePassword\", ...}}; types:",
      "                               usernamePassword (username, password), string (secret),",
      "                               file (content or path, fileName),",
      "                               sshUserPrivateKey (username, privateKey or path, passphrase)",
      "  --env K=V                    variable of the build",
      "  --param K=V                  parameter of the build",
      "  --job NAME                   JOB_NAME (default: pipeline)",
      "  --number N                   BUILD_NUMBER (default: 1)",
      "  --sandbox                    Jenkinsfile and libraries run in the Groovy sandbox",
      "  --sandbox-jenkinsfile        only the Jenkinsfile does: its libraries are trusted",
      "  --without STEP               as if the plugin of this step were not installed",
      "  --report FILE                write what happened as JSON",
      "  --kubernetes                 make real pods, with kubectl and KUBECONFIG",
      "  --namespace NS               where to make them (default: default)",
      "  --agent-image IMAGE          image of the agent container in pods; it needs sh and tar",
      "  --agent-url URL              the agents are real, and connect to URL/POD/; URL/POD/connected",
      "                               answers when they have",
      "  --restricted-agent           the agent container gets the security context that the Pod",
      "                               Security level restricted wants",
      "  --pod-timeout SECONDS        time in which a pod must become ready (default: 300)",
      "",
      "Exit codes: 0 SUCCESS or UNSTABLE, 1 FAILURE, 2 wrong usage, 130 ABORTED.");

  private static final int WRONG_USAGE = 2;
  private static final int ABORTED = 130;

  private Main() {
  }

  /** Runs the command and ends the Java machine with its exit code. */
  public static void main(String[] args) {
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    int code;
    try {
      code = run(args, out);
    } catch (IllegalArgumentException e) {
      System.err.println("run-pipeline: " + e.getMessage());
      code = WRONG_USAGE;
    } catch (IOException | InterruptedException e) {
      System.err.println("run-pipeline: " + e);
      code = 1;
    } catch (RuntimeException | Error e) {
      e.printStackTrace();
      code = 1;
    }
    out.flush();
    Runtime.getRuntime().halt(code);
  }

  /** Runs the command and returns its exit code. */
  static int run(String[] args, PrintStream out) throws IOException, InterruptedException {
    if (Arrays.asList(args).contains("--help")) {
      out.println(USAGE);
      return 0;
    }
    Options options = parse(args);
    Files.createDirectories(options.workspaceRoot);
    Launcher launcher = options.kubernetes ? new KubernetesLauncher(options)
        : new HostLauncher(options.workspaceRoot, options.job);
    Build build;
    try {
      build = new Build(options, new Log(out), launcher);
    } catch (PipelineError e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    abortOnSignals(build);
    String result = build.run();
    if (options.report != null) {
      build.report().write(options.report);
    }
    return switch (result) {
      case "SUCCESS", "UNSTABLE" -> 0;
      case "ABORTED" -> ABORTED;
      default -> 1;
    };
  }

  /** INT and TERM abort the build like the red cross in Jenkins; blocks still clean up. */
  private static void abortOnSignals(Build build) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      build.abort("a signal");
      try {
        Thread.currentThread().join(); // main() halts the Java machine when the build has ended
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }, "abort"));
  }

  static Options parse(String[] args) {
    Options options = new Options();
    options.workspaceRoot = Path.of(".podwright", "pipeline");
    Iterator<String> left = Arrays.asList(args).iterator();
    while (left.hasNext()) {
      String arg = left.next();
      if (!arg.startsWith("--")) {
        if (options.jenkinsfile != null) {
          throw new IllegalArgumentException("only one Jenkinsfile can be run, not also " + arg);
        }
        options.jenkinsfile = Path.of(arg);
      } else {
        set(options, arg, left);
      }
    }
    if (options.jenkinsfile == null) {
      throw new IllegalArgumentException("no Jenkinsfile given; see run-pipeline --help");
    }
    if (!Files.isRegularFile(options.jenkinsfile)) {
      throw new IllegalArgumentException("there is no file " + options.jenkinsfile);
    }
    options.workspaceRoot = options.workspaceRoot.toAbsolutePath().normalize();
    return options;
  }

  private static void set(Options options, String name, Iterator<String> left) {
    switch (name) {
      case "--sandbox" -> {
        options.sandbox = true;
        options.sandboxLibraries = true;
      }
      case "--sandbox-jenkinsfile" -> options.sandbox = true;
      case "--restricted-agent" -> options.restrictedAgent = true;
      case "--kubernetes" -> options.kubernetes = true;
      default -> {
        if (!left.hasNext()) {
          throw new IllegalArgumentException(name + " needs a value, or is unknown");
        }
        setValue(options, name, left.next());
      }
    }
  }

  private static void setValue(Options options, String name, String value) {
    switch (name) {
      case "--library", "--implicit-library" -> options.libraries.put(key(name, value),
          new Options.LibrarySource(
              directory(name, value(value)), name.equals("--implicit-library")));
      case "--workspace-root" -> options.workspaceRoot = Path.of(value);
      case "--without" -> options.without.add(value);
      case "--scm" -> options.scm = directory(name, value);
      case "--credentials" -> options.credentials = Path.of(value);
      case "--env" -> options.environment.put(key(name, value), value(value));
      case "--param" -> options.parameters.put(key(name, value), value(value));
      case "--job" -> options.job = value;
      case "--number" -> options.number = Integer.parseInt(value);
      case "--report" -> options.report = Path.of(value);
      case "--namespace" -> options.namespace = value;
      case "--pod-timeout" -> options.podTimeout = Integer.parseInt(value);
      case "--agent-image" -> options.agentImage = value;
      case "--agent-url" -> options.agentUrl = value;
      default -> throw new IllegalArgumentException("unknown option " + name);
    }
  }

  private static Path directory(String name, String value) {
    if (!Files.isDirectory(Path.of(value))) {
      throw new IllegalArgumentException(name + ": there is no directory " + value);
    }
    return Path.of(value);
  }

  private static String key(String name, String value) {
    if (value.indexOf('=') < 1) {
      throw new IllegalArgumentException(name + " needs NAME=VALUE, not " + value);
    }
    return value.substring(0, value.indexOf('='));
  }

  private static String value(String value) {
    return value.substring(value.indexOf('=') + 1);
  }
}
