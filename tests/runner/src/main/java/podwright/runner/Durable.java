package podwright.runner;

/** How the durable-task plugin starts the script of a {@code sh}: BourneShellScript, word for word. */
final class Durable {
  private Durable() {
  }

  /**
   * Returns what {@code nohup sh -c} gets. It needs cp, touch, sleep and mv where it runs.
   *
   * @param directory with script.sh; gets jenkins-log.txt, output.txt and jenkins-result.txt
   * @param cookie what everything that the script starts carries in its environment
   */
  static String command(String directory, String cookie, Agent.Command command) {
    String script = "'" + directory + "/script.sh.copy'";
    String log = "'" + directory + "/jenkins-log.txt'";
    String result = directory + "/jenkins-result.txt";
    String run = command.script().startsWith("#!") ? script : "'sh' -xe " + script;
    String to = command.captureOutput() ? " > '" + directory + "/output.txt' 2> " + log
        : " > " + log + " 2>&1";
    return "(cp '" + directory + "/script.sh' " + script + "; { while [ -d '" + directory
        + "' -a \\! -f '" + result + "' ]; do touch " + log + "; sleep 3; done } & jsc=" + cookie
        + "; JENKINS_SERVER_COOKIE=$jsc " + run + to + "; echo $? > '" + result + ".tmp'; mv '"
        + result + ".tmp' '" + result + "'; wait) >&- 2>&- &";
  }
}
