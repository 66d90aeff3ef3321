package podwright.runner;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a build is made of. */
final class Options {
  /** A library that is at hand. */
  static final class LibrarySource {
    final Path directory;
    final boolean implicit;

    LibrarySource(Path directory, boolean implicit) {
      this.directory = directory;
      this.implicit = implicit;
    }
  }

  Path jenkinsfile;
  final Map<String, LibrarySource> libraries = new LinkedHashMap<>();
  Path workspaceRoot;
  Path scm;
  Path credentials;
  final Map<String, String> environment = new LinkedHashMap<>();
  final Map<String, String> parameters = new LinkedHashMap<>();
  /** Whether the Jenkinsfile runs in the sandbox. */
  boolean sandbox;
  /** Whether the libraries run in the sandbox, as folder-level libraries do. */
  boolean sandboxLibraries;
  Path report;
  boolean kubernetes;
  String namespace = "default";
  String agentImage;
  /** What agents connect to, which answers when they have; null: agents in pods only wait. */
  String agentUrl;
  /** Whether the agent container gets what the Pod Security level restricted wants. */
  boolean restrictedAgent;
  /** The program that talks to the cluster. */
  String kubectl = "kubectl";
  /** Working directory of agents in pods. */
  String agentHome = "/home/jenkins/agent";
  /** Seconds in which a pod must become ready. */
  int podTimeout = 300;
  /** Steps whose plugins are not installed. */
  final java.util.Set<String> without = new java.util.TreeSet<>();
  String job = "pipeline";
  int number = 1;
}
