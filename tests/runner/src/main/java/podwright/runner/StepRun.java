package podwright.runner;

import com.cloudbees.groovy.cps.Outcome;
import groovy.lang.Closure;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** One run of a step: its arguments, where it runs, and the ways in which it can end. */
final class StepRun {
  final Build build;
  final int thread;
  final Context context;
  final Report.Entry entry;
  private final StepCall call;
  private Consumer<FlowInterruptedException> stopper;
  private volatile FlowInterruptedException stopped;
  private boolean ended;

  StepRun(Build build, int thread, Context context, StepCall call, Report.Entry entry) {
    this.build = build;
    this.thread = thread;
    this.context = context;
    this.call = call;
    this.entry = entry;
  }

  String name() {
    return call.name();
  }

  Map<String, Object> arguments() {
    return call.arguments();
  }

  boolean has(String key) {
    return call.arguments().get(key) != null;
  }

  /** Returns a parameter that must be there. */
  String text(String key) {
    if (!has(key)) {
      throw new IllegalArgumentException(name() + " needs " + key + ".");
    }
    return text(key, null);
  }

  /** Returns a parameter, or what it is when it is not given. */
  String text(String key, String otherwise) {
    Object value = call.arguments().get(key);
    if (value == null) {
      return otherwise;
    }
    if (!(value instanceof String || value instanceof Number || value instanceof Boolean)) {
      throw new IllegalArgumentException(
          name() + ": " + key + " must be a String, not " + value.getClass().getName() + '.');
    }
    return value.toString();
  }

  boolean flag(String key, boolean otherwise) {
    Object value = call.arguments().get(key);
    if (value != null && !(value instanceof Boolean)) {
      throw new IllegalArgumentException(name() + ": " + key + " must be true or false.");
    }
    return value == null ? otherwise : (Boolean) value;
  }

  int number(String key, int otherwise) {
    Object value = call.arguments().get(key);
    if (value != null && !(value instanceof Number)) {
      throw new IllegalArgumentException(name() + ": " + key + " must be a number.");
    }
    return value == null ? otherwise : ((Number) value).intValue();
  }

  List<?> list(String key) {
    Object value = call.arguments().get(key);
    if (!(value instanceof List)) {
      throw new IllegalArgumentException(name() + ": " + key + " must be a list.");
    }
    return (List<?>) value;
  }

  /** Returns the agent, or fails as Jenkins does outside of a node. */
  Agent agent() throws hudson.AbortException {
    if (context.agent() == null) {
      throw new hudson.AbortException(
          "Required context class hudson.FilePath is missing\n"
              + "Perhaps you forgot to surround the step '" + name() + "' with a step that provides "
              + "this, such as: node");
    }
    return context.agent();
  }

  /** Returns an absolute path on the agent for a path in the current directory. */
  String path(String path) throws hudson.AbortException {
    agent();
    if (path.startsWith("/")) {
      return path;
    }
    return path.isEmpty() || path.equals(".") ? context.directory()
        : context.directory() + '/' + path;
  }

  Map<String, String> environment() {
    return context.environment(build.variables());
  }

  void log(String line) {
    build.log().line(context, line);
  }

  /** Ends the step on the program's thread; callable from any Java thread. */
  void later(Object value, Throwable failure) {
    build.program().later(() -> end(value, failure));
  }

  void success(Object value) {
    end(value, null);
  }

  void failure(Throwable failure) {
    end(null, failure);
  }

  void end(Outcome outcome) {
    end(outcome.getNormal(), outcome.getAbnormal());
  }

  /** Ends the step; a failure counts more than a value. */
  void end(Object value, Throwable failure) {
    if (ended) {
      return;
    }
    ended = true;
    if (entry != null && failure != null) {
      entry.failed(build.describe(failure, context));
    }
    build.ended(this);
    build.program().resume(thread, value, stopped != null && failure != null ? stopped : failure);
  }

  /** Runs the body; whatever it returns or throws is what the step returns or throws. */
  void body(Context inside) {
    body(inside, this::end);
  }

  /** Runs the body, and what is given when it has ended. */
  void body(Context inside, Consumer<Outcome> ending) {
    body(body(), inside, "{", ending);
  }

  /** Runs a closure in a context of its own. */
  void body(Closure<?> closure, Context inside, String opening, Consumer<Outcome> ending) {
    log("[Pipeline] " + opening);
    build.startBody(this, closure, inside, outcome -> {
      log("[Pipeline] }");
      ending.accept(outcome);
    });
  }

  Closure<?> body() {
    return build.program().waiting(thread).body();
  }

  /** Says what must happen when the build is aborted while this step runs. */
  void onStop(Consumer<FlowInterruptedException> action) {
    stopper = action;
    if (stopped != null) {
      action.accept(stopped);
    }
  }

  /** Interrupts the step. */
  void stop(FlowInterruptedException cause) {
    if (stopped != null || ended) {
      return;
    }
    stopped = cause;
    if (stopper != null) {
      stopper.accept(cause);
    }
  }

  FlowInterruptedException stopped() {
    return stopped;
  }
}
