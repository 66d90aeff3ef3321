package podwright.runner;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Where steps act: a directory on this machine, or a pod. */
interface Agent {

  /** Returns the name that {@code NODE_NAME} gets. */
  String name();

  /** Returns the absolute path of the workspace on the agent. */
  String workspace();

  /** Returns the variables of the agent: its own environment, NODE_NAME, WORKSPACE and so on. */
  Map<String, String> variables();

  /** Fails, as the kubernetes plugin does, when there is no such container to run commands in. */
  void checkContainer(String container) throws IOException;

  /**
   * Starts a command and returns at once.
   *
   * @param command what to run, and where
   * @param output called with each line of output that belongs into the log
   * @param end called once, when the command has ended
   */
  Running start(Command command, Consumer<String> output, Consumer<Ended> end) throws IOException;

  byte[] read(String path) throws IOException;

  void write(String path, byte[] content, String mode) throws IOException;

  boolean exists(String path) throws IOException;

  /** Removes a file or directory with all that is in it; it may be absent. */
  void delete(String path) throws IOException;

  /** Returns the files below a directory, relative to it, sorted. */
  List<String> list(String directory) throws IOException;

  /** Copies a directory of this machine with all that is in it into a directory of the agent. */
  void copyIn(java.nio.file.Path source, String directory) throws IOException;

  /** Gives the agent back; a pod is deleted. */
  void close() throws IOException;

  /**
   * A shell script to run.
   *
   * @param script text of the script
   * @param directory working directory
   * @param container where, or null for the agent's own container
   * @param environment all variables in effect
   * @param captureOutput whether stdout is wanted as a value instead of in the log
   */
  record Command(
      String script,
      String directory,
      String container,
      Map<String, String> environment,
      boolean captureOutput) {
  }

  /**
   * How a command ended.
   *
   * @param code exit code; -1 when it did not end by itself
   * @param output what it wrote to stdout when that was to be captured
   * @param problem why the command could not end properly, or null
   */
  record Ended(int code, String output, String problem) {
  }

  /** A command that runs. */
  interface Running {
    /** Ends it with all processes that it started: first politely, then, after a grace, by force. */
    void kill();
  }
}
