package podwright.runner;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.Continuation;
import com.cloudbees.groovy.cps.Envs;
import com.cloudbees.groovy.cps.ObjectInputStreamWithLoader;
import com.cloudbees.groovy.cps.Outcome;
import com.cloudbees.groovy.cps.impl.CpsCallableInvocation;
import com.cloudbees.groovy.cps.impl.SourceLocation;
import com.cloudbees.groovy.cps.sandbox.DefaultInvoker;
import com.cloudbees.groovy.cps.sandbox.Invoker;
import groovy.lang.Closure;
import groovy.lang.Script;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * Runs CPS-transformed code the way workflow-cps does: all program threads on one Java thread, each
 * suspended at every step.
 *
 * <p>At every step the whole state of the program (all threads with their call stacks, local variables,
 * closures and global variables) is serialized, thrown away and read back. The pipeline goes on from
 * the copy, so a program that finishes here would have survived a controller restart at any step.
 */
@SuppressWarnings("rawtypes") // so is the list of categories of groovy-cps
final class Program {

  /** One thread of the pipeline: the main one, or the body of a block step or parallel branch. */
  private static final class ProgramThread implements Serializable {
    private static final long serialVersionUID = 1L;
    final int id;
    final Continuable continuation;
    StepCall waitsFor;

    ProgramThread(int id, Continuable continuation) {
      this.id = id;
      this.continuation = continuation;
    }
  }

  /** All that Jenkins would write to program.dat. */
  private static final class State implements Serializable {
    private static final long serialVersionUID = 1L;
    final TreeMap<Integer, ProgramThread> threads = new TreeMap<>();
    final HashMap<String, Object> globals = new HashMap<>();
  }

  /** A thread that can go on, and with what. */
  private record Ready(int thread, Outcome value) {
  }

  /** Starts the step that a thread has called. */
  interface StepStarter {
    void start(int thread, StepCall call);
  }

  private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
  private final Deque<Ready> ready = new ArrayDeque<>();
  private final Map<Integer, Consumer<Outcome>> endings = new HashMap<>();
  private final List<Class> categories = new ArrayList<>(Continuable.categories);
  private final Invoker invoker;
  private final StepStarter starter;
  private final ClassLoader loader;
  private State state = new State();
  private int lastThread;
  private int running = -1;
  private int checkpoints;
  private int largestCheckpoint;
  private int lastCheckpoint;
  private String violation;

  Program(ClassLoader loader, Sandbox sandbox, StepStarter starter) {
    this.loader = loader;
    categories.add(PipelineCategory.class);
    this.invoker = sandbox == null ? new DefaultInvoker() : sandbox.invoker();
    this.starter = starter;
  }

  /** Runs a script until it and all that it started has ended, and returns how it ended. */
  Outcome run(Script script) throws InterruptedException {
    Outcome[] result = new Outcome[1];
    CpsCallableInvocation.registerMismatchHandler(this::mismatch);
    int main = add(new Continuable(script, Envs.empty(invoker)), outcome -> result[0] = outcome);
    ready.add(new Ready(main, new Outcome(null, null)));
    while (result[0] == null || !state.threads.isEmpty()) {
      while (!ready.isEmpty()) {
        Ready next = ready.poll();
        step(next.thread(), next.value());
      }
      if (result[0] == null || !state.threads.isEmpty()) {
        events.take().run();
      }
    }
    return result[0];
  }

  /** Runs something on the program's own Java thread, soon. */
  void later(Runnable event) {
    events.add(event);
  }

  /** Lets a thread go on with the outcome of the step that it waits for. */
  void resume(int thread, Object value, Throwable failure) {
    ready.add(new Ready(thread, new Outcome(failure == null ? value : null, failure)));
  }

  /**
   * Starts a closure as a thread of its own.
   *
   * @param closure taken from the live state, that is from {@link #waiting}
   * @param ending called on the program's Java thread when the closure has ended
   * @return the id of the new thread
   */
  int start(Closure<?> closure, Consumer<Outcome> ending) {
    try {
      Object value = closure.call();
      int id = ++lastThread;
      later(() -> ending.accept(new Outcome(value, null)));
      return id;
    } catch (CpsCallableInvocation call) {
      int id = add(
          new Continuable(
              call.invoke(Envs.empty(invoker), SourceLocation.UNKNOWN, Continuation.HALT)),
          ending);
      ready.add(new Ready(id, new Outcome(null, null)));
      return id;
    }
  }

  /** Returns the step that a thread waits for, out of the live state. */
  StepCall waiting(int thread) {
    return state.threads.get(thread).waitsFor;
  }

  /** Returns variables that live as long as the build, such as the scripts of vars/. */
  Map<String, Object> globals() {
    return state.globals;
  }

  /** Returns the id of the thread whose code runs at this moment. */
  int running() {
    return running;
  }

  int checkpoints() {
    return checkpoints;
  }

  int largestCheckpoint() {
    return largestCheckpoint;
  }

  /** Returns how many bytes were saved when the step that starts now was called. */
  int lastCheckpoint() {
    return lastCheckpoint;
  }

  private int add(Continuable continuation, Consumer<Outcome> ending) {
    int id = ++lastThread;
    state.threads.put(id, new ProgramThread(id, continuation));
    endings.put(id, ending);
    return id;
  }

  private void step(int id, Outcome value) {
    ProgramThread thread = state.threads.get(id);
    running = id;
    Outcome outcome;
    try {
      thread.waitsFor = null;
      outcome = thread.continuation.run0(value, categories);
    } finally {
      running = -1;
    }
    if (violation != null) {
      throw new PipelineError(violation + " (" + place(thread) + "): code that is not CPS-transformed"
          + " called code that is; see "
          + "https://www.jenkins.io/redirect/pipeline-cps-method-mismatches/");
    }
    if (outcome.isSuccess() && thread.continuation.isResumable()) {
      suspended(thread, (StepCall) outcome.getNormal());
    } else {
      state.threads.remove(id);
      endings.remove(id).accept(outcome);
    }
  }

  private void suspended(ProgramThread thread, StepCall call) {
    thread.waitsFor = call;
    try {
      checkpoint();
    } catch (IOException | ClassNotFoundException e) {
      throw new PipelineError(
          "The program cannot be saved while it waits for the step " + call.name() + " ("
              + place(thread) + "): " + e.toString().split("\n")[0] + ". Keep only serializable values in variables across a "
              + "step, or move the code into a @NonCPS method.");
    }
    starter.start(thread.id, state.threads.get(thread.id).waitsFor);
  }

  private void checkpoint() throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(state);
    }
    checkpoints++;
    lastCheckpoint = bytes.size();
    largestCheckpoint = Math.max(largestCheckpoint, lastCheckpoint);
    try (ObjectInputStreamWithLoader in =
        new ObjectInputStreamWithLoader(new ByteArrayInputStream(bytes.toByteArray()), loader)) {
      state = (State) in.readObject();
    }
  }

  private void mismatch(Object expected, String expectedName, Object actual, String actualName) {
    violation = "expected to call " + className(expected) + '.' + expectedName
        + " but wound up catching " + className(actual) + '.' + actualName;
  }

  private static String className(Object value) {
    return value == null ? "null" : value.getClass().getName();
  }

  private static String place(ProgramThread thread) {
    List<String> places = new ArrayList<>();
    for (StackTraceElement element : thread.continuation.getStackTrace()) {
      if (element.getLineNumber() > 0) {
        places.add(element.getFileName() + ":" + element.getLineNumber());
      }
    }
    return places.isEmpty() ? "place unknown" : "at " + String.join(" < ", places);
  }
}
