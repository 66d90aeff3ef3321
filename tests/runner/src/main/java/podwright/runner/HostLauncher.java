package podwright.runner;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Runs everything as processes of this machine. A pod becomes a directory of its own, which is removed
 * when the pod would be deleted; its containers are this machine, only their names are remembered.
 */
final class HostLauncher implements Launcher {
  private final Path root;
  private final String job;
  private final Set<Path> inUse = new HashSet<>();

  HostLauncher(Path root, String job) {
    this.root = root.toAbsolutePath().normalize();
    this.job = job;
  }

  @Override
  public Agent acquire(String label, Pod pod, Request request) throws IOException {
    if (pod == null) {
      HostAgent agent = new HostAgent("local", null, lock(root.resolve("workspace").resolve(job)),
          this::unlock);
      request.log().accept("Running on " + agent.name() + " in " + agent.workspace());
      return agent;
    }
    String name = Names.ofPod(pod.label());
    Path home = root.resolve("pods").resolve(name);
    HostAgent agent = new HostAgent(name, pod, home.resolve("workspace").resolve(job),
        workspace -> HostAgent.remove(home));
    request.log().accept("Running on " + name + " in " + agent.workspace()
        + " (this machine stands in for the pod)");
    return agent;
  }

  private synchronized Path lock(Path workspace) {
    Path free = workspace;
    for (int i = 2; !inUse.add(free); i++) {
      free = workspace.resolveSibling(workspace.getFileName() + "@" + i);
    }
    return free;
  }

  private synchronized void unlock(Path workspace) {
    inUse.remove(workspace);
  }
}
