package podwright.runner;

import hudson.AbortException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The program kubectl, which reads KUBECONFIG itself.
 *
 * @param program its name or path
 * @param namespace where everything happens
 */
record Kubectl(String program, String namespace) {

  /** Returns the command line for some arguments. */
  List<String> line(String... arguments) {
    List<String> line = new ArrayList<>(List.of(program, "--namespace", namespace));
    line.addAll(Arrays.asList(arguments));
    return line;
  }

  /** Runs kubectl and returns what it wrote to stdout. */
  String run(String... arguments) throws IOException {
    return new String(input(new byte[0], arguments), StandardCharsets.UTF_8);
  }

  /** Starts kubectl; nobody wants to know what it says. */
  Process start(String... arguments) throws IOException {
    return new ProcessBuilder(line(arguments)).redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }

  /** Runs a command in a container, and returns what it wrote to stdout. */
  byte[] exec(String pod, String container, byte[] input, String... command) throws IOException {
    return input(input, execLine(pod, container, command));
  }

  static String[] execLine(String pod, String container, String... command) {
    List<String> line = new ArrayList<>(List.of("exec", "-i", pod, "-c", container, "--"));
    line.addAll(Arrays.asList(command));
    return line.toArray(String[]::new);
  }

  /** Runs kubectl with something on stdin; fails with what it wrote to stderr. */
  byte[] input(byte[] input, String... arguments) throws IOException {
    Process process = new ProcessBuilder(line(arguments)).start();
    ByteArrayOutputStream problem = new ByteArrayOutputStream();
    Thread errors = new Thread(() -> drain(process, problem));
    errors.start();
    Thread feeder = new Thread(() -> feed(process, input));
    feeder.start();
    try (var in = process.getInputStream()) {
      byte[] output = in.readAllBytes();
      int code = process.waitFor();
      errors.join();
      if (code != 0) {
        throw new AbortException("kubectl " + arguments[0] + " ended with " + code + ": "
            + problem.toString(StandardCharsets.UTF_8).strip());
      }
      return output;
    } catch (InterruptedException e) {
      process.destroy();
      throw new IOException("interrupted", e);
    }
  }

  private static void drain(Process process, ByteArrayOutputStream problem) {
    try (var in = process.getErrorStream()) {
      in.transferTo(problem);
    } catch (IOException e) {
      problem.writeBytes(e.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private static void feed(Process process, byte[] input) {
    try (OutputStream out = process.getOutputStream()) {
      out.write(input);
    } catch (IOException e) {
      process.destroy(); // kubectl has ended before it read all: its exit code tells why
    }
  }
}
