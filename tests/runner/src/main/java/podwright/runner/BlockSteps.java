package podwright.runner;

import com.cloudbees.groovy.cps.Outcome;
import groovy.lang.Closure;
import hudson.AbortException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** Steps with a body that need no agent. */
final class BlockSteps {
  private static final ScheduledThreadPoolExecutor CLOCK =
      new ScheduledThreadPoolExecutor(1, task -> {
        Thread thread = new Thread(task, "clock");
        thread.setDaemon(true);
        return thread;
      });

  private BlockSteps() {
  }

  static void define(Steps steps) {
    steps.block("stage", "name", "name concurrency", call -> {
      call.entry.fact("name", call.text("name"));
      call.body(call.body(), call.context, "{ (" + call.text("name") + ")", call::end);
    });
    steps.block("script", null, "", call -> call.body(call.context));
    steps.block("timestamps", null, "", call -> call.body(call.context));
    steps.block("ansiColor", "colorMapName", "colorMapName", call -> call.body(call.context));
    steps.block("withEnv", "overrides", "overrides", call -> call.body(
        call.context.with(variables(call.list("overrides")))));
    steps.block("withCredentials", "bindings", "bindings", BlockSteps::withCredentials);
    steps.block("retry", "count", "count conditions", BlockSteps::retry);
    steps.block("timeout", "time", "time unit activity", BlockSteps::timeout);
    steps.block("catchError", "message", "message buildResult stageResult catchInterruptions",
        BlockSteps::catchError);
    steps.block("warnError", "message", "message catchInterruptions", BlockSteps::warnError);
    steps.async("parallel", null, "*", BlockSteps::parallel);
  }

  private static Map<String, String> variables(List<?> overrides) throws AbortException {
    Map<String, String> result = new LinkedHashMap<>();
    for (Object item : overrides) {
      String text = String.valueOf(item);
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException("Invalid environment override: " + text);
      }
      result.put(text.substring(0, equals), text.substring(equals + 1));
    }
    return result;
  }

  private static void withCredentials(StepRun call) throws Exception {
    List<Symbol> bindings = Symbols.list("withCredentials", call.list("bindings"));
    Credentials.Bound bound = call.build.credentials().bind(call, bindings);
    if (!bound.masked.isEmpty()) {
      call.log("Masking supported pattern matches of $" + String.join(" or $", bound.masked));
    }
    Context inside = call.context.with(bound.variables).hiding(bound.secrets);
    call.body(inside, outcome -> {
      Throwable failure = outcome.getAbnormal();
      for (String file : bound.files) {
        try {
          call.agent().delete(file);
        } catch (java.io.IOException e) {
          failure = failure == null ? e : failure;
        }
      }
      call.end(outcome.getNormal(), masked(failure, bound.secrets));
    });
  }

  /** Error messages leave the block as well, and must not carry secrets out of it. */
  private static Throwable masked(Throwable failure, List<String> secrets) {
    boolean plain = failure instanceof AbortException;
    return plain ? new AbortException(Log.mask(failure.getMessage(), secrets)) : failure;
  }

  private static void retry(StepRun call) {
    if (call.has("conditions")) {
      Symbols.list("retry", call.list("conditions"));
    }
    attempt(call, call.number("count", 1));
  }

  private static void attempt(StepRun call, int left) {
    call.body(call.context, outcome -> {
      Throwable failure = outcome.getAbnormal();
      boolean interrupted = failure instanceof FlowInterruptedException && call.stopped() != null;
      if (failure == null || left <= 1 || interrupted || !meets(call, failure)) {
        call.end(outcome);
        return;
      }
      call.log("ERROR: " + Failures.sentence(failure));
      call.log("Retrying");
      call.entry.nodes += 2;
      attempt(call, left - 1);
    });
  }

  /** Conditions are about agents that are lost; of several one is enough. */
  private static boolean meets(StepRun call, Throwable failure) {
    if (!call.has("conditions")) {
      return true;
    }
    boolean met = false;
    for (Symbol condition : Symbols.list("retry", call.list("conditions"))) {
      met |= failure instanceof AgentLost lost && lost.meets(condition, call);
    }
    return met;
  }

  private static void timeout(StepRun call) {
    TimeUnit unit = TimeUnit.valueOf(call.text("unit", "MINUTES"));
    long time = call.number("time", 0);
    FlowInterruptedException[] exceeded = new FlowInterruptedException[1];
    call.log("Timeout set to expire in " + time + ' ' + unit.toString().toLowerCase(
        java.util.Locale.ROOT));
    var timer = CLOCK.schedule(() -> call.build.program().later(() -> {
      exceeded[0] = new FlowInterruptedException("ABORTED", "Timeout has been exceeded");
      call.log("Cancelling nested steps due to timeout");
      call.build.interrupt(call.thread, exceeded[0]);
    }), time, unit);
    call.body(call.context, outcome -> {
      timer.cancel(false);
      call.end(exceeded[0] == null || outcome.isSuccess() ? outcome
          : new Outcome(null, exceeded[0]));
    });
  }

  private static void catchError(StepRun call) {
    call.body(call.context, outcome -> swallow(call, outcome, call.text("message", null),
        call.text("buildResult", "FAILURE")));
  }

  private static void warnError(StepRun call) {
    String message = call.text("message");
    call.body(call.context, outcome -> swallow(call, outcome, message, "UNSTABLE"));
  }

  private static void swallow(StepRun call, Outcome outcome, String message, String result) {
    Throwable failure = outcome.getAbnormal();
    boolean interruption = failure instanceof FlowInterruptedException;
    if (interruption && !call.flag("catchInterruptions", true)) {
      call.end(outcome);
      return;
    }
    if (failure != null) {
      if (message != null) {
        call.log(message);
      }
      call.log(Failures.text(failure));
      String own = interruption ? ((FlowInterruptedException) failure).getResult() : result;
      if (!own.equals("SUCCESS")) {
        call.build.worsen(own);
      }
    }
    call.success(null);
  }

  private static void parallel(StepRun call) {
    Map<String, Closure<?>> branches = new LinkedHashMap<>();
    boolean failFast = false;
    Map<String, Object> live = call.build.program().waiting(call.thread).arguments();
    for (Map.Entry<String, Object> entry : live.entrySet()) {
      if (entry.getKey().equals("failFast")) {
        failFast = Boolean.TRUE.equals(entry.getValue());
      } else if (entry.getValue() instanceof Closure<?> closure) {
        branches.put(entry.getKey(), closure);
      } else {
        throw new IllegalArgumentException("parallel: " + entry.getKey() + " is no closure.");
      }
    }
    if (branches.isEmpty()) {
      throw new IllegalArgumentException("parallel: No branches to run");
    }
    new Parallel(call, branches, failFast).start();
  }

  /** The branches of one parallel step. */
  private static final class Parallel {
    private final StepRun call;
    private final Map<String, Closure<?>> branches;
    private final boolean failFast;
    private final Map<String, Object> results = new LinkedHashMap<>();
    private final List<Throwable> failures = new ArrayList<>();
    private int running;

    Parallel(StepRun call, Map<String, Closure<?>> branches, boolean failFast) {
      this.call = call;
      this.branches = branches;
      this.failFast = failFast;
    }

    void start() {
      running = branches.size();
      // start and end of the step, and of each branch
      call.entry.nodes = 2 + 2 * running;
      branches.keySet().forEach(name -> results.put(name, null)); // in the order of the branches
      branches.forEach((name, closure) -> {
        String full = call.context.branch() == null ? name : call.context.branch() + '/' + name;
        call.body(closure, call.context.branch(full), "{ (Branch: " + name + ")",
            outcome -> ended(name, outcome));
      });
    }

    private void ended(String name, Outcome outcome) {
      running--;
      if (outcome.isSuccess()) {
        results.put(name, outcome.getNormal());
      } else {
        failures.add(outcome.getAbnormal());
        call.log("Failed in branch " + name);
        if (failFast && failures.size() == 1 && running > 0) { // else it would stop itself
          call.build.interrupt(call.thread, new FlowInterruptedException("ABORTED",
              "Failed in branch " + name));
        }
      }
      if (running == 0) {
        call.end(results, failures.isEmpty() ? null : failures.get(0));
      }
    }
  }
}
