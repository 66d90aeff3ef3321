package podwright.runner;

import java.io.IOException;
import java.util.function.Consumer;

/** Makes real pods with kubectl. */
final class KubernetesLauncher implements Launcher {
  KubernetesLauncher(Options options) {
    if (options.agentImage == null) {
      throw new IllegalArgumentException("--kubernetes needs --agent-image");
    }
  }

  @Override
  public Agent acquire(String label, Pod pod, Consumer<String> log) throws IOException {
    throw new IOException("not yet");
  }
}
