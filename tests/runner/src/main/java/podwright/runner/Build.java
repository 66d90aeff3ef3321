package podwright.runner;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.Outcome;
import groovy.lang.Closure;
import groovy.lang.GString;
import groovy.lang.Script;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.codehaus.groovy.control.CompilationFailedException;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** One build of a pipeline, from its first line to its result. */
final class Build {
  private static final List<String> RESULTS =
      List.of("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED");

  /** Labels have at most 63 characters, with a hyphen and five random ones. */
  private static final int LONGEST_RUN_IN_LABEL = 57;

  /** The build whose code runs on this Java thread. */
  private static final ThreadLocal<Build> CURRENT = new ThreadLocal<>();

  private final Options options;
  private final Log log;
  private final Launcher launcher;
  private final Report report = new Report();
  private final Map<String, String> variables = new LinkedHashMap<>();
  private final Map<Integer, Context> contexts = new TreeMap<>();
  private final Map<Integer, StepRun> runs = new TreeMap<>();
  private final Map<Integer, Integer> parents = new TreeMap<>();
  private final Map<String, Step> steps;
  private final Credentials credentials;
  private final Compiler compiler;
  private final Set<Agent> agents = ConcurrentHashMap.newKeySet();
  private Program program;
  private String result;
  private String description;
  private String displayName;
  private FlowInterruptedException aborted;

  Build(Options options, Log log, Launcher launcher) throws IOException {
    this.options = options;
    this.log = log;
    this.launcher = launcher;
    this.steps = Steps.all();
    steps.keySet().removeAll(options.without);
    this.credentials = Credentials.read(options.credentials);
    this.compiler = new Compiler(
        options, line -> log.line(Context.empty(), line), this::checkedOut);
    variables.putAll(Map.of("CI", "true"));
    variables.put("JOB_NAME", options.job);
    variables.put("JOB_BASE_NAME", options.job.substring(options.job.lastIndexOf('/') + 1));
    variables.put("BUILD_NUMBER", String.valueOf(options.number));
    variables.put("BUILD_ID", String.valueOf(options.number));
    variables.put("BUILD_DISPLAY_NAME", "#" + options.number);
    variables.put("BUILD_TAG", "jenkins-" + options.job.replace('/', '-') + '-' + options.number);
    variables.putAll(options.parameters);
    variables.putAll(options.environment);
    displayName = "#" + options.number;
  }

  /** As in Jenkins the variables of git are those of the library, which was checked out first. */
  private void checkedOut(java.nio.file.Path library) {
    if (java.nio.file.Files.exists(library.resolve(".git"))) {
      try {
        String path = library.toString();
        variables.putIfAbsent("GIT_COMMIT",
            Tools.run(null, "git", "-C", path, "rev-parse", "HEAD").strip());
        variables.putIfAbsent("GIT_URL", path);
      } catch (IOException e) {
        log.line(Context.empty(), "no commit of the library: " + e.getMessage());
      }
    }
  }

  static Build current() {
    return CURRENT.get();
  }

  Options options() {
    return options;
  }

  Log log() {
    return log;
  }

  Launcher launcher() {
    return launcher;
  }

  Report report() {
    return report;
  }

  Program program() {
    return program;
  }

  Credentials credentials() {
    return credentials;
  }

  Compiler compiler() {
    return compiler;
  }

  Map<String, String> variables() {
    return variables;
  }

  void setGlobal(String name, String value) {
    variables.put(name, value);
  }

  String result() {
    return result;
  }

  String description() {
    return description;
  }

  void describe(String text) {
    description = text;
  }

  String displayName() {
    return displayName;
  }

  void display(String text) {
    displayName = text;
  }

  static int rank(String result) {
    int rank = RESULTS.indexOf(result);
    if (rank < 0) {
      throw new IllegalArgumentException(
          "Unknown result " + result + "; known are " + String.join(", ", RESULTS) + ".");
    }
    return rank;
  }

  /** Sets the result, which can only get worse. */
  void worsen(String worse) {
    if (result == null || rank(worse) > rank(result)) {
      result = worse;
    }
  }

  /** Returns a unique label for a pod, as PodTemplateUtils.sanitizeLabel makes it of job and number. */
  String podLabel() {
    String run = options.job + '#' + options.number;
    String label = run.substring(Math.max(0, run.length() - LONGEST_RUN_IN_LABEL))
        .replaceAll("[^_a-zA-Z0-9-]", "_").replaceFirst("^[^a-zA-Z0-9]", "x")
        .replaceFirst("[^a-zA-Z0-9]$", "x");
    return label + '-' + Names.random(5);
  }

  /** Runs the pipeline and returns its result. */
  String run() throws InterruptedException {
    CURRENT.set(this);
    Context outside = Context.empty();
    log.line(outside, "[Pipeline] Start of Pipeline");
    try {
      Script script = compiler.jenkinsfile(options.jenkinsfile);
      Sandbox sandbox = compiler.sandbox();
      program = new Program(compiler.classLoader(), sandbox, this::startStep);
      Outcome outcome = sandbox == null ? program.run(script)
          : sandbox.guard(() -> program.run(script));
      finish(outcome);
    } catch (CompilationFailedException e) {
      fail(e instanceof MultipleCompilationErrorsException ? e.getMessage() : e.toString());
    } catch (PipelineError | IOException e) {
      fail(e.getMessage());
    } finally {
      closeAgents();
      CURRENT.remove();
    }
    end();
    return result;
  }

  private void finish(Outcome outcome) {
    log.line(Context.empty(), "[Pipeline] End of Pipeline");
    Throwable failure = outcome.getAbnormal();
    if (failure == null) {
      worsen("SUCCESS");
      report.end("return", Values.portable(outcome.getNormal()));
    } else {
      worsen(failure instanceof FlowInterruptedException f ? f.getResult() : "FAILURE");
      report.end("error", describe(failure, Context.empty()));
      log.line(Context.empty(), Failures.text(failure));
    }
  }

  private void fail(String sentence) {
    worsen("FAILURE");
    report.end("error", sentence);
    log.line(Context.empty(), "ERROR: " + sentence);
  }

  private void end() {
    report.end("result", result);
    if (program != null) {
      report.end("checkpoints", program.checkpoints());
      report.end("largestCheckpoint", program.largestCheckpoint());
    }
    if (description != null) {
      report.end("description", description);
    }
    log.line(Context.empty(), "Finished: " + result);
  }

  /** A broken rule ends the program in the middle of blocks: what they hold is given back here. */
  private void closeAgents() {
    for (StepRun run : new ArrayList<>(runs.values())) {
      run.stop(new FlowInterruptedException("ABORTED", "the build has ended"));
    }
    for (Agent agent : List.copyOf(agents)) {
      try {
        agent.close();
      } catch (IOException e) {
        log.line(Context.empty(), "Cannot give back " + agent.name() + ": " + e.getMessage());
      }
    }
  }

  String describe(Throwable failure, Context context) {
    return Log.mask(Failures.sentence(failure), context.secrets());
  }

  /** Aborts the build as the red cross in Jenkins does; callable from any Java thread. */
  void abort(String why) {
    if (program == null) {
      return;
    }
    program.later(() -> {
      if (aborted != null) {
        return;
      }
      aborted = new FlowInterruptedException("ABORTED", why);
      log.line(Context.empty(), "Aborted by " + why);
      interrupt(0, aborted);
    });
  }

  /** Interrupts the innermost steps below a thread; 0 means all. */
  void interrupt(int root, FlowInterruptedException cause) {
    List<StepRun> innermost = new ArrayList<>();
    for (StepRun run : runs.values()) {
      boolean hasChild = runs.keySet().stream().anyMatch(
          other -> run.thread == parents.getOrDefault(other, 0));
      if (!hasChild && (root == 0 || below(run.thread, root))) {
        innermost.add(run);
      }
    }
    for (StepRun run : innermost) {
      run.stop(cause);
    }
  }

  private boolean below(int thread, int root) {
    for (Integer t = thread; t != null; t = parents.get(t)) {
      if (t == root) {
        return true;
      }
    }
    return false;
  }

  private Context here() {
    return contexts.getOrDefault(program.running(), Context.empty());
  }

  /** Returns the variables in effect for the code that runs at this moment. */
  Map<String, String> environment() {
    return here().environment(variables);
  }

  /** Returns a global variable: of Jenkins, or a script of a library's vars/; null if none. */
  Object variable(String name) {
    switch (name) {
      case "env":
        return new PipelineScript.EnvObject();
      case "params":
        return Collections.unmodifiableMap(new LinkedHashMap<String, Object>(options.parameters));
      case "currentBuild":
        return new PipelineScript.CurrentBuild();
      case "steps":
        return new PipelineScript.StepsObject();
      case "scm":
        return options.scm == null ? null : new Symbol("scm", new LinkedHashMap<>());
      default:
        if (program == null) {
          return null;
        }
        Object known = program.globals().get(name);
        if (known == null) {
          known = compiler.newVariable(name);
          if (known != null) {
            program.globals().put(name, known);
          }
        }
        return known;
    }
  }

  /** Called by the pipeline for every name that is no variable: a symbol, or a step. */
  Object call(String name, Object args) {
    Object[] list = args instanceof Object[] array ? array : new Object[] {args};
    Step step = steps.get(name);
    boolean isSymbol = Symbols.knows(name);
    boolean body = list.length > 0 && list[list.length - 1] instanceof Closure;
    if (isSymbol && (step == null || !body && Symbols.prefers(name, list))) {
      return Symbols.make(name, list);
    }
    if (step == null) {
      throw new NoSuchMethodError("No such DSL method '" + name + "' found among steps "
          + new TreeSet<>(steps.keySet()) + ", symbols " + Symbols.names()
          + " or globals [currentBuild, env, params, scm, steps]: the runner does not know it");
    }
    warnOfSecrets(name, list);
    return Continuable.suspend(name, toCall(step, list, body));
  }

  /** Says so when a secret has been put into an argument by Groovy instead of by the shell. */
  private void warnOfSecrets(String step, Object[] args) {
    Context context = here();
    for (Object arg : args) {
      for (Object value : arg instanceof Map<?, ?> named ? named.values()
          : Collections.singletonList(arg)) {
        boolean exposed = value instanceof GString text
            && context.secrets().stream().anyMatch(text.toString()::contains);
        if (exposed) {
          log.line(context, "Warning: A secret was passed to \"" + step + "\" using Groovy String "
              + "interpolation, which is insecure.");
        }
      }
    }
  }

  private static StepCall toCall(Step step, Object[] list, boolean body) {
    Closure<?> closure = body ? (Closure<?>) list[list.length - 1] : null;
    if (step.block() && closure == null) {
      throw new IllegalStateException(step.name() + " step must be called with a body");
    }
    if (!step.block() && closure != null) {
      throw new IllegalStateException(step.name() + " step takes no body");
    }
    int count = list.length - (body ? 1 : 0);
    Map<String, Object> arguments = new LinkedHashMap<>();
    if (count == 1 && list[0] instanceof Map<?, ?> named) {
      named.forEach((key, value) -> arguments.put(key.toString(), Values.flatten(value)));
    } else if (count == 1 && step.positional() != null) {
      arguments.put(step.positional(), Values.flatten(list[0]));
    } else if (count > 0) {
      throw new IllegalArgumentException("Expected named arguments but got " + describe(list));
    }
    checkNames(step, arguments);
    return new StepCall(step.name(), arguments, closure);
  }

  private static void checkNames(Step step, Map<String, Object> arguments) {
    if (step.parameters().contains("*")) {
      return;
    }
    for (String key : arguments.keySet()) {
      if (!step.parameters().contains(key)) {
        throw new IllegalArgumentException("Unknown parameter " + key + " of step " + step.name()
            + "; the runner knows " + new TreeSet<>(step.parameters()) + ".");
      }
    }
  }

  private static String describe(Object[] list) {
    List<String> all = new ArrayList<>();
    for (Object item : list) {
      all.add(item instanceof GString || item instanceof String ? "'" + item + "'" : "" + item);
    }
    return all.toString();
  }

  private void startStep(int thread, StepCall call) {
    Step step = steps.get(call.name());
    Context context = contexts.getOrDefault(thread, Context.empty());
    Report.Entry entry =
        report.add(step.name(), step.block() ? Report.NODES_OF_A_BLOCK : 1);
    entry.saved = program.lastCheckpoint();
    StepRun run = new StepRun(this, thread, context, call, entry);
    Object label = call.arguments().get("label");
    if (label != null) {
      entry.fact("label", Log.mask(label.toString(), context.secrets()));
    }
    if (context.container() != null) {
      entry.fact("container", context.container());
    }
    log.line(context, "[Pipeline] " + step.name()
        + (label == null || label.toString().isEmpty() ? "" : " (" + label + ")"));
    runs.put(thread, run);
    if (aborted != null && result == null && step.block() && !step.name().equals("stage")) {
      entry.fact("afterAbort", true);
    }
    try {
      step.action().run(run);
    } catch (Throwable e) {
      run.failure(e);
    }
  }

  /** Called when a step has ended. */
  void ended(StepRun run) {
    runs.remove(run.thread);
    if (steps.get(run.name()).block() || run.name().equals("parallel")) {
      log.line(run.context, "[Pipeline] // " + run.name());
    }
  }

  /** Starts a closure in a thread of its own below a step. */
  int startBody(StepRun run, Closure<?> closure, Context inside, Consumer<Outcome> ending) {
    int[] id = new int[1];
    id[0] = program.start(closure, outcome -> {
      contexts.remove(id[0]);
      parents.remove(id[0]);
      ending.accept(outcome);
    });
    contexts.put(id[0], inside);
    parents.put(id[0], run.thread);
    return id[0];
  }

  /** Returns the agents that steps hold. */
  Set<Agent> agents() {
    return agents;
  }
}
