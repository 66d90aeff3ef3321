package podwright.runner;

import hudson.AbortException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** Steps that take an agent, or run something on it. */
final class AgentSteps {
  private static final String POD_TEMPLATE_PARAMETERS = "cloud label name namespace inheritFrom yaml "
      + "yamlMergeStrategy inheritYamlMergeStrategy containers volumes envVars annotations "
      + "imagePullSecrets workspaceVolume serviceAccount schedulerName nodeSelector hostNetwork "
      + "runAsUser runAsGroup nodeUsageMode instanceCap idleMinutes activeDeadlineSeconds "
      + "slaveConnectTimeout podRetention showRawYaml agentContainer agentInjection "
      + "supplementalGroups workingDir";

  /** What the runner passes on; the rest would be dropped silently, so it is refused. */
  private static final java.util.Set<String> POD_TEMPLATE_KNOWN =
      java.util.Set.of("cloud", "label", "namespace", "yaml", "showRawYaml", "name",
          "inheritFrom", "slaveConnectTimeout", "podRetention", "idleMinutes");

  private static final int LONGEST_LABEL = 100;

  private AgentSteps() {
  }

  static void define(Steps steps) {
    steps.block("podTemplate", null, POD_TEMPLATE_PARAMETERS, AgentSteps::podTemplate);
    steps.block("node", "label", "label", AgentSteps::node);
    steps.block("container", "name", "name shell", call -> {
      call.agent().checkContainer(call.text("name"));
      call.entry.fact("name", call.text("name"));
      Context inside = call.context.inContainer(call.text("name"))
          .with(Map.of("POD_CONTAINER", call.text("name")));
      call.body(inside);
    });
    steps.block("dir", "path", "path", call -> call.body(
        call.context.in(call.path(call.text("path")))));
    steps.block("ws", "dir", "dir", AgentSteps::ws);
    steps.async("sh", "script", "script label returnStdout returnStatus encoding", AgentSteps::sh);
  }

  /** Another workspace, below the agent's root, with a temporary directory of its own beside it. */
  private static void ws(StepRun call) throws AbortException {
    java.nio.file.Path root = java.nio.file.Path.of(call.agent().workspace(), "../..").normalize();
    String workspace = root.resolve(call.text("dir")).normalize().toString();
    call.log("Running in " + workspace);
    call.body(call.context.in(workspace).with(
        Map.of("WORKSPACE", workspace, "WORKSPACE_TMP", workspace + "@tmp")));
  }

  private static void podTemplate(StepRun call) throws Exception {
    if (!call.text("inheritFrom", "").isBlank()) {
      throw new AbortException("podTemplate: the runner has no templates that inheritFrom could mean.");
    }
    for (String key : call.arguments().keySet()) {
      if (!POD_TEMPLATE_KNOWN.contains(key)) {
        throw new AbortException("podTemplate: the runner does not support " + key
            + ": put it into the yaml.");
      }
    }
    boolean labelled = call.has("label");
    String label = labelled ? call.text("label") : call.build.podLabel();
    Pod pod = Pod.parse(label, call.text("yaml", null));
    Containers.checkNames(pod);
    if (call.has("namespace")) {
      Pod.map(pod.definition().computeIfAbsent("metadata",
          key -> new java.util.LinkedHashMap<String, Object>()))
          .put("namespace", call.text("namespace"));
    }
    call.log("Pod " + label + ": " + pod.summary());
    call.entry.fact("pod", pod.definition());
    for (String key : List.of("cloud", "showRawYaml")) {
      if (call.has(key)) {
        call.entry.fact(key, call.arguments().get(key));
      }
    }
    Context inside = call.context.offering(pod);
    // POD_LABEL is defined only when the plugin chose the label
    call.body(labelled ? inside : inside.with(Map.of("POD_LABEL", label)));
  }

  private static void node(StepRun call) {
    String label = call.text("label", null);
    Pod offered = call.context.pod();
    Pod pod = offered != null && offered.label().equals(label) ? offered : null;
    call.entry.fact("label", label);
    Launcher.Request request = new Launcher.Request(
        call::log, () -> call.stopped() != null, why -> lost(call, why));
    Thread starter = new Thread(() -> {
      try {
        Agent agent = call.build.launcher().acquire(label, pod, request);
        call.build.agents().add(agent);
        call.build.program().later(() -> hold(call, agent));
      } catch (IOException | FlowInterruptedException | RuntimeException e) {
        call.later(null, e);
      }
    }, "node");
    starter.start();
  }

  /** Ends all that runs on an agent that is gone, as Jenkins does when the node of a pod is removed. */
  private static void lost(StepRun call, String why) {
    call.build.program().later(() -> {
      call.log(why);
      call.build.interrupt(call.thread, new AgentLost(why, call.text("label", "")));
    });
  }

  private static void hold(StepRun call, Agent agent) {
    if (call.stopped() != null) {
      call.failure(closed(call, agent, call.stopped()));
      return;
    }
    call.body(call.context.on(agent), outcome -> {
      Throwable failure = closed(call, agent, outcome.getAbnormal());
      call.end(outcome.getNormal(), failure);
    });
  }

  /** Gives the agent back and returns the first failure. */
  private static Throwable closed(StepRun call, Agent agent, Throwable failure) {
    call.build.agents().remove(agent);
    try {
      agent.close();
      return failure;
    } catch (IOException e) {
      call.log("Cannot give back " + agent.name() + ": " + e.getMessage());
      return failure == null ? e : failure;
    }
  }

  private static void sh(StepRun call) throws IOException {
    String label = call.text("label", "");
    if (label.length() > LONGEST_LABEL) {
      call.entry.fact("label", label.substring(0, LONGEST_LABEL));
    }
    boolean wantsOutput = call.flag("returnStdout", false);
    boolean wantsStatus = call.flag("returnStatus", false);
    Agent agent = call.agent();
    call.text("encoding", null);
    Agent.Command command = new Agent.Command(call.text("script"), call.path("."),
        call.context.container(), call.environment(), wantsOutput && !wantsStatus);
    Agent.Running[] running = new Agent.Running[1];
    running[0] = agent.start(command, call::log,
        ended -> call.build.program().later(() -> end(call, ended, wantsOutput, wantsStatus)));
    call.onStop(cause -> {
      call.log("Sending interrupt signal to process");
      running[0].kill();
    });
  }

  private static void end(
      StepRun call, Agent.Ended ended, boolean wantsOutput, boolean wantsStatus) {
    call.entry.fact("status", ended.code());
    if (call.stopped() != null) {
      call.log("Terminated");
      call.failure(call.stopped());
    } else if (ended.problem() != null) {
      call.failure(new AbortException(ended.problem()));
    } else if (wantsStatus) {
      call.success(ended.code());
    } else if (ended.code() != 0) {
      if (wantsOutput && !ended.output().isEmpty()) {
        call.log(ended.output().replaceFirst("\n$", ""));
      }
      call.failure(new AbortException("script returned exit code " + ended.code()));
    } else {
      call.success(wantsOutput ? ended.output() : null);
    }
  }
}
